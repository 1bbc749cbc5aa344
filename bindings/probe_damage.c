/* SPDX-License-Identifier: MIT
**
** probe_damage.c - a closed log, damaged in every place there is.
**
**   probe.crash_damage { way = "truncate" | "flip", what = "told" | "made",
**                        bug = …, stride = 1 }
**     -> { tried, refused, opened, failure }
**
** Each truncation to fewer bytes, or each flipped bit ('stride' apart), of
** each file: of the log that told the whole story, or of one that was only
** made. The judge: it is refused, naming file and offset, or it opens and
** holds everything. There is no third outcome. */

#include <string.h>

#include "base/panic.h"
#include "probe_crash.h"

void raft_probe_damage (lua_State *L);

struct damage_run {
  struct crash_run run;  /* states, and the first failure */
  struct sim_disk *disk; /* with the closed log */
  struct crash_claim claim;
  uint64_t tried;
  uint64_t refused;
  uint64_t opened;
};

/* The log opens and holds everything, or is refused by file and offset. */
static void judge_damaged (struct damage_run *damage, struct sim_disk *disk,
                           const char *name) {
  struct crash_run *run = &damage->run;
  struct life_options options;
  struct raft_detail why;
  struct life life;
  crash_options (run, 2, &options);
  life_begin (&life, disk, &options);
  (void)life_open (&life);
  while (!life.has_opened && sim_disk_step (disk)) {
  }
  damage->tried++;
  run->moments = damage->tried;
  if (life.open_status == RAFT_OK) {
    damage->opened++;
    if (story_judge (&life, &damage->claim.set, &why) == NULL) {
      crash_violate (run, name, why.text);
    }
  } else {
    damage->refused++;
    if (life.open_status != RAFT_ECORRUPT
        || strstr (life.detail.text, name) == NULL
        || strstr (life.detail.text, "offset") == NULL) {
      crash_violate (run, name, life.detail.text);
    }
  }
  sim_disk_kill (disk);
  if (life_end (&life) != 0) {
    crash_violate (run, "memory is forgotten", name);
  }
}

static void damage_file (struct damage_run *damage, const char *name,
                         bool flips, uint64_t stride) {
  struct raft_buffer bytes;
  uint64_t size;
  raft_buffer_init (&bytes, &raft_memory_plain);
  (void)sim_disk_contents (damage->disk, name, false, &bytes);
  size = flips ? bytes.size * 8 : bytes.size;
  raft_buffer_free (&bytes);
  for (uint64_t at = 0; at < size && !damage->run.has_failed; at += stride) {
    struct sim_disk *disk = sim_disk_copy (damage->disk);
    if (flips) {
      (void)sim_disk_flip (disk, name, at / 8, (unsigned)(at % 8));
    } else {
      (void)sim_disk_truncate (disk, name, at);
    }
    judge_damaged (damage, disk, name);
    sim_disk_free (disk);
  }
}

static void damage_all (struct damage_run *damage, bool flips,
                        uint64_t stride) {
  struct raft_buffer names;
  raft_buffer_init (&names, &raft_memory_plain);
  (void)sim_disk_names (damage->disk, false, &names);
  for (size_t at = 0; at < names.size;) {
    const char *name = (const char *)names.data + at;
    damage_file (damage, name, flips, stride);
    at += strlen (name) + 1;
  }
  raft_buffer_free (&names);
}

static int crash_damage (lua_State *L) {
  static const char *const words[] = { "truncate", "flip" };
  static const struct field_words kinds = { words, 2, 0 };
  static const char *const whats[] = { "told", "made" };
  static const struct field_words stages = { whats, 2, 0 };
  struct field_table table
    = field_open (L, 1, "options", "way what bug stride ");
  bool is_told = field_word (&table, "what", &stages, 0) == 0;
  bool flips = field_word (&table, "way", &kinds, -1) == 1;
  uint64_t stride = field_number (&table, "stride", 1, 1000000);
  struct damage_run damage;
  struct life_options options;
  struct life life;
  memset (&damage, 0, sizeof damage);
  crash_options (&damage.run, 1, &options);
  damage.disk = sim_disk_new ();
  life_begin (&life, damage.disk, &options);
  if (is_told) {
    crash_tell (&damage.run, &life);
    raft_assert (life.has_closed);
  } else {
    crash_make (&damage.run, &life);
    sim_disk_drain (damage.disk);
  }
  crash_claim_now (&damage.run, &life, &damage.claim);
  raft_assert (damage.claim.set.count == 1);
  sim_disk_kill (damage.disk);
  (void)life_end (&life);
  damage.run.bug
    = (enum raft_bug)field_word (&table, "bug", &crash_bug_words, 0);
  damage_all (&damage, flips, stride > 0 ? stride : 1);
  sim_disk_free (damage.disk);
  lua_createtable (L, 0, 4);
  field_set_number (L, "tried", damage.tried);
  field_set_number (L, "refused", damage.refused);
  field_set_number (L, "opened", damage.opened);
  if (damage.run.has_failed) {
    field_set_string (L, "failure", damage.run.failure.text);
  }
  return 1;
}

static const luaL_Reg functions[] = { { "crash_damage", crash_damage },
                                      { NULL, NULL } };

void raft_probe_damage (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
