/* SPDX-License-Identifier: MIT
**
** probe_state.c - what an engine remembers, field by field, for specs.
**
** Holds:  a table of every field of struct raft and of what it points to.
** Rule:   a field is hashed, or it stands here as OTHER with the reason. One
**         that is not in the table at all is found by state_gaps. */

#include "compat.h"

#include <stddef.h>
#include <string.h>

#include "raft.h"
#include "raft/state.h"

void raft_probe_state (lua_State *L);

enum kind {
  NUMBER, /* or a boolean, or a word: its lowest bit is flipped */
  COUNT,  /* of a list: one less */
  SET,    /* of ids: each, and their count */
  OTHER   /* says nothing of what a later step does */
};

struct field {
  const char *name;
  size_t at;
  size_t size;
  enum kind kind;
};

#define ROW(type, field, kind) \
  { #field, offsetof (struct type, field), \
    sizeof ((struct type *)0)->field, kind }
#define COUNT_OF(rows) (sizeof (rows) / sizeof (rows)[0])

#define RAFT(field, kind) ROW (raft, field, kind)
#define CONFIGURATION(name)                                           \
  RAFT (name.voters, SET), RAFT (name.outgoing, SET),                 \
    RAFT (name.learners, SET), RAFT (name.lease_us, NUMBER),          \
    RAFT (name.drift_ppm, NUMBER),                                   \
    RAFT (name.priorities, OTHER), RAFT (name.priority_count, NUMBER)

static const struct field engine_fields[] = {
  RAFT (memory, OTHER), RAFT (options, OTHER), RAFT (bug, OTHER),
  RAFT (now, NUMBER), RAFT (wall, OTHER), RAFT (random, OTHER), /* events' */
  RAFT (term, NUMBER), RAFT (vote, NUMBER), RAFT (durable_term, NUMBER),
  RAFT (durable_vote, NUMBER), RAFT (hard_ticket, NUMBER),
  RAFT (hard_done, NUMBER),
  RAFT (log.memory, OTHER), RAFT (log.runs, OTHER),
  RAFT (log.run_count, COUNT), RAFT (log.run_capacity, OTHER),
  RAFT (log.ring, OTHER), RAFT (log.ring_capacity, OTHER),
  RAFT (log.base, NUMBER), RAFT (log.base_term, NUMBER),
  RAFT (log.first_cached, NUMBER), RAFT (log.last, COUNT),
  RAFT (log.stable, NUMBER), RAFT (log.cached_bytes, OTHER), /* a sum */
  RAFT (log.writes, OTHER), RAFT (log.write_count, COUNT),
  RAFT (log.write_capacity, OTHER), RAFT (log.ticket, NUMBER),
  RAFT (log.ticket_done, NUMBER), RAFT (log.bug, OTHER),
  CONFIGURATION (membership.latest),
  RAFT (membership.latest_index, NUMBER),
  CONFIGURATION (membership.previous),
  RAFT (membership.previous_index, NUMBER),
  RAFT (written_from, OTHER), RAFT (hard_changed, OTHER), /* of one step */
  RAFT (role, NUMBER), RAFT (leader, NUMBER), RAFT (leader_heard, NUMBER),
  RAFT (leader_is_gone, NUMBER), RAFT (bound_until, NUMBER),
  RAFT (read_context, NUMBER), RAFT (read_asked, NUMBER),
  RAFT (read_sent, NUMBER), RAFT (fresh, NUMBER), RAFT (fresh_index, NUMBER),
  RAFT (lease_is_over, NUMBER),
  RAFT (round_began, OTHER), /* a leader's */
  RAFT (election_deadline, NUMBER), RAFT (commit, NUMBER),
  RAFT (applied, NUMBER), RAFT (applying, NUMBER),
  RAFT (apply_ticket, NUMBER), RAFT (unapplied_bytes, NUMBER),
  RAFT (load_ticket, NUMBER), RAFT (time_floor, NUMBER),
  RAFT (snapshot_index, NUMBER), RAFT (is_installing, NUMBER),
  RAFT (installing.index, NUMBER), RAFT (installing.term, NUMBER),
  RAFT (installing.time, NUMBER), CONFIGURATION (installing.configuration),
  RAFT (installing.configuration_index, NUMBER),
  RAFT (disk_full, NUMBER), RAFT (stalled, NUMBER), RAFT (verified, NUMBER),
  RAFT (answered, NUMBER), RAFT (round_seen, NUMBER), RAFT (granted, SET),
  RAFT (refused, SET), RAFT (campaign_ticket, NUMBER),
  RAFT (progress, OTHER), RAFT (progress_count, COUNT),
  RAFT (progress_capacity, OTHER), RAFT (term_start, NUMBER),
  RAFT (round, NUMBER), RAFT (heartbeat_deadline, NUMBER),
  RAFT (quorum_deadline, NUMBER), RAFT (transferee, NUMBER),
  RAFT (transfer_deadline, NUMBER), RAFT (is_staying, NUMBER),
  RAFT (unfit_since, NUMBER), RAFT (reads, OTHER),
  RAFT (read_count, COUNT), RAFT (read_capacity, OTHER),
  RAFT (outbox.effects, OTHER), RAFT (outbox.effect_count, OTHER),
  RAFT (outbox.effect_capacity, OTHER), RAFT (outbox.withheld, OTHER),
  RAFT (outbox.withheld_count, COUNT),
};

static const struct field run_fields[] = {
  ROW (raft_term_run, first, NUMBER), ROW (raft_term_run, term, NUMBER),
};

static const struct field entry_fields[] = {
  ROW (raft_entry, checksum, NUMBER), ROW (raft_entry, size, NUMBER),
  ROW (raft_entry, kind, NUMBER),
};

static const struct field write_fields[] = {
  ROW (raft_log_write, ticket, NUMBER), ROW (raft_log_write, last, NUMBER),
  ROW (raft_log_write, term, NUMBER), ROW (raft_log_write, vote, NUMBER),
};

static const struct field progress_fields[] = {
  ROW (raft_progress, id, NUMBER), ROW (raft_progress, match, NUMBER),
  ROW (raft_progress, next, NUMBER), ROW (raft_progress, mode, NUMBER),
  ROW (raft_progress, waits, NUMBER), ROW (raft_progress, stalled, NUMBER),
  ROW (raft_progress, disk_full, NUMBER),
  ROW (raft_progress, heard, NUMBER), ROW (raft_progress, round, NUMBER),
  ROW (raft_progress, lease_us, NUMBER),
  ROW (raft_progress, lease_round, NUMBER),
  ROW (raft_progress, leased, NUMBER),
  ROW (raft_progress, fit_since, NUMBER),
  ROW (raft_progress, load_ticket, NUMBER),
  ROW (raft_progress, load_is_void, NUMBER),
  ROW (raft_progress, window_count, COUNT),
  ROW (raft_progress, window_bytes, OTHER), /* a sum */
};

static const struct field sent_fields[] = {
  ROW (raft_sent, last, NUMBER), ROW (raft_sent, bytes, NUMBER),
};

static const struct field read_fields[] = {
  ROW (raft_read, id, NUMBER), ROW (raft_read, round, NUMBER),
  ROW (raft_read, index, NUMBER), ROW (raft_read, origin, NUMBER),
  ROW (raft_read, since, NUMBER),
};

static const struct field withheld_fields[] = {
  ROW (raft_withheld, ticket, NUMBER), ROW (raft_withheld, is_vote, NUMBER),
  ROW (raft_withheld, message.kind, NUMBER),
  ROW (raft_withheld, message.to, NUMBER),
  ROW (raft_withheld, message.term, NUMBER),
};

#define WITHHELD(field) ROW (raft_withheld, message.as.field, NUMBER)

static const struct field vote_fields[] = {
  WITHHELD (vote.last_index), WITHHELD (vote.last_term),
  WITHHELD (vote.transfer),
};

static const struct field vote_result_fields[] = {
  WITHHELD (vote_result.granted),
};

static const struct field append_result_fields[] = {
  WITHHELD (append_result.rejected), WITHHELD (append_result.stalled),
  WITHHELD (append_result.disk_full),
  WITHHELD (append_result.match_index),
  WITHHELD (append_result.rejected_index),
  WITHHELD (append_result.hint_index), WITHHELD (append_result.hint_term),
  WITHHELD (append_result.round),
};

/* ---- changing one ------------------------------------------------------ */

struct shake {
  lua_State *L;
  struct raft *raft;
  uint64_t before;
  const char *missed; /* the first field that the hash does not see */
};

/* tried[list .. name] = true, in the table at 2. */
static void shake_note (struct shake *shake, const char *list,
                        const char *name) {
  if (raft_hash (shake->raft) == shake->before) {
    lua_pushfstring (shake->L, "%s%s", list, name);
    shake->missed = lua_tostring (shake->L, -1); /* it stays on the stack */
    return;
  }
  lua_pushfstring (shake->L, "%s%s", list, name);
  lua_pushboolean (shake->L, 1);
  lua_rawset (shake->L, 2);
}

static void shake_byte (struct shake *shake, unsigned char *byte,
                        const char *list, const char *name) {
  *byte ^= 1;
  shake_note (shake, list, name);
  *byte ^= 1;
}

static void shake_count (struct shake *shake, unsigned char *bytes,
                         const struct field *field, const char *list) {
  uint64_t wide = 0;
  uint64_t less;
  memcpy (&wide, bytes, field->size);
  if (wide == 0) {
    return;
  }
  less = wide - 1;
  memcpy (bytes, &less, field->size);
  shake_note (shake, list, field->name);
  memcpy (bytes, &wide, field->size);
}

static void shake_set (struct shake *shake, struct raft_id_set *set,
                       const char *name) {
  for (uint32_t i = 0; i < set->count; i++) {
    shake_byte (shake, (unsigned char *)&set->ids[i], "", name);
  }
  if (set->count > 0) {
    set->count--;
    shake_note (shake, "count of ", name);
    set->count++;
  }
}

static void shake_fields (struct shake *shake, const char *list, void *base,
                          const struct field *fields, size_t count) {
  for (size_t i = 0; i < count && shake->missed == NULL; i++) {
    unsigned char *bytes = (unsigned char *)base + fields[i].at;
    switch (fields[i].kind) {
      case NUMBER: shake_byte (shake, bytes, list, fields[i].name); break;
      case COUNT: shake_count (shake, bytes, &fields[i], list); break;
      case SET: shake_set (shake, (void *)bytes, fields[i].name); break;
      case OTHER: break;
    }
  }
}

#define SHAKE(list, base, fields) \
  shake_fields (shake, list, base, fields, COUNT_OF (fields))

static void shake_log (struct shake *shake, struct raft_log *log) {
  for (size_t i = 0; i < log->run_count; i++) {
    SHAKE ("run.", &log->runs[i], run_fields);
  }
  for (raft_index i = log->first_cached; i <= log->last; i++) {
    SHAKE ("entry.", &log->ring[i & (log->ring_capacity - 1)], entry_fields);
  }
  for (size_t i = 0; i < log->write_count; i++) {
    SHAKE ("write.", &log->writes[i], write_fields);
  }
}

static void shake_progress (struct shake *shake,
                            struct raft_progress *progress) {
  SHAKE ("progress.", progress, progress_fields);
  for (uint32_t i = 0; i < progress->window_count; i++) {
    uint32_t slot = progress->window_start + i;
    slot = slot < RAFT_WINDOW_MAX ? slot : slot - RAFT_WINDOW_MAX;
    SHAKE (slot == i ? "window." : "moved window.", &progress->window[slot],
           sent_fields);
  }
}

static void shake_withheld (struct shake *shake,
                            struct raft_withheld *withheld) {
  enum raft_message_kind kind = withheld->message.kind;
  SHAKE ("", withheld, withheld_fields);
  if (kind == RAFT_MESSAGE_VOTE) {
    SHAKE ("", withheld, vote_fields);
  } else if (kind == RAFT_MESSAGE_APPEND_RESULT) {
    SHAKE ("", withheld, append_result_fields);
  } else {
    SHAKE ("", withheld, vote_result_fields);
  }
}

/* state_shake(engine, tried) -> nil, or the name of a field that was changed
** without a change of the hash. Each that did change it is set in 'tried'. */
static int state_shake (lua_State *L) {
  struct raft *raft = binding_raft_check (L);
  struct shake held = { L, raft, raft_hash (raft), NULL };
  struct shake *shake = &held;
  luaL_checktype (L, 2, LUA_TTABLE);
  lua_settop (L, 2);
  SHAKE ("", raft, engine_fields);
  shake_log (shake, &raft->log);
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    shake_progress (shake, &raft->progress[i]);
  }
  for (size_t i = 0; i < raft->read_count; i++) {
    SHAKE ("read.", &raft->reads[i], read_fields);
  }
  for (size_t i = 0; i < raft->outbox.withheld_count; i++) {
    shake_withheld (shake, &raft->outbox.withheld[i]);
  }
  lua_pushstring (L, shake->missed);
  return 1;
}

/* ---- the table itself -------------------------------------------------- */

/* state_gaps() -> where 8 bytes or more of struct raft are in no row; nil */
static int state_gaps (lua_State *L) {
  unsigned char seen[sizeof (struct raft)];
  size_t gap = 0;
  memset (seen, 0, sizeof seen);
  for (size_t i = 0; i < COUNT_OF (engine_fields); i++) {
    memset (seen + engine_fields[i].at, 1, engine_fields[i].size);
  }
  for (size_t i = 0; i < sizeof seen; i++) {
    gap = seen[i] ? 0 : gap + 1;
    if (gap >= 8) {
      lua_pushinteger (L, (lua_Integer)(i + 1 - gap));
      return 1;
    }
  }
  lua_pushnil (L);
  return 1;
}

/* state_names() -> of all rows of the engine itself that are hashed */
static int state_names (lua_State *L) {
  int count = 0;
  lua_newtable (L);
  for (size_t i = 0; i < COUNT_OF (engine_fields); i++) {
    if (engine_fields[i].kind != OTHER) {
      lua_pushstring (L, engine_fields[i].name);
      count++;
      lua_rawseti (L, -2, count);
    }
  }
  return 1;
}

static const struct field *field_of (const char *name,
                                     const struct field *fields,
                                     size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp (fields[i].name, name) == 0) {
      return &fields[i];
    }
  }
  return NULL;
}

/* state_set(engine, name, number) -> what it was; "progress.match": of the
** first one */
static int state_set (lua_State *L) {
  struct raft *raft = binding_raft_check (L);
  const char *name = luaL_checkstring (L, 2);
  uint64_t number = (uint64_t)luaL_checknumber (L, 3);
  unsigned char *base = (unsigned char *)raft;
  const struct field *field
    = field_of (name, engine_fields, COUNT_OF (engine_fields));
  uint64_t was = 0;
  if (field == NULL && strncmp (name, "progress.", 9) == 0) {
    base = (unsigned char *)raft->progress;
    field = field_of (name + 9, progress_fields, COUNT_OF (progress_fields));
  }
  luaL_argcheck (L, field != NULL && field->size <= sizeof was, 2,
                 "expected a number of an engine");
  memcpy (&was, base + field->at, field->size);
  memcpy (base + field->at, &number, field->size);
  lua_pushnumber (L, (lua_Number)was);
  return 1;
}

/* state_new_fails(nth) -> whether the nth allocation of raft_new and raft_copy
** failed, and how many bytes are left when all is freed. */
static int state_new_fails (lua_State *L) {
  struct raft_arena arena;
  struct raft_options options;
  struct raft_term_run run = { 1, 1 };
  struct raft_recovered recovered = { .term = 1, .runs = &run,
    .run_count = 1, .last_index = 1, .configuration_index = 1 };
  struct raft *raft;
  int status;
  raft_options_default (&options);
  options.id = 1;
  raft_id_set_add (&recovered.configuration.voters, 1);
  raft_id_set_add (&recovered.configuration.voters, 2);
  raft_arena_init (&arena);
  arena.fail_at = (uint64_t)luaL_checknumber (L, 1);
  arena.fail_count = 1;
  status = raft_new (&raft, &arena.memory, &options, &recovered, 0, 7);
  if (status == RAFT_OK) {
    struct raft *copy;
    status = raft_copy (raft, &arena.memory, &copy);
    if (status == RAFT_OK) {
      raft_free (copy);
    }
    raft_free (raft);
  }
  lua_pushboolean (L, status == RAFT_ENOMEM);
  lua_pushnumber (L, (lua_Number)arena.bytes);
  raft_arena_clear (&arena);
  return 2;
}

static const luaL_Reg functions[] = {
  { "state_new_fails", state_new_fails },
  { "state_shake", state_shake },
  { "state_gaps", state_gaps },
  { "state_names", state_names },
  { "state_set", state_set },
  { NULL, NULL }
};

void raft_probe_state (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
