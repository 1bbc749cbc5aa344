/* SPDX-License-Identifier: MIT
**
** probe_crash.c - the story told on disks that crash, forget and rot.
**
**   probe.crash_run { way = "power" | "kill" | "sync" | "write" | "recovery",
**                     bug = "skip_sync" }
**     -> { moments, images, recoveries, most_unsynced, failure }
**
** power: at each moment of the story (before and after each request of the
**   disk) power is lost, with every subset of what is unsynced; and again at
**   each moment of the recovery.
** kill: at each moment the process dies alone; a second one recovers, writes
**   two more times, and power is lost at each of its moments.
** sync, write: each sync (write) of the story fails once, with every subset
**   of what it may leave on the disk; a second process goes on as for kill.
** recovery: at each moment the process dies, or power is lost with every
**   subset; then each sync of the recovery fails once, with every subset;
**   then a third process goes on as for kill.
** The bug, if any, is that of all processes but the one that makes the
** directory.
**
** The judge always is: the log opens, and holds exactly one of the states
** that the twin had since the last ticket reported durable. 'failure' is the
** first case where it does not. */

#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "probe_crash.h"

void raft_probe_crash (lua_State *L);

#define UNSYNCED_MAX 14 /* of more, some subsets are drawn */
#define TAILS 2

static const char *const ways[]
  = { "power", "kill", "sync", "write", "recovery" };
static const struct field_words way_words = { ways, 5, WAY_POWER };

static const char *const bugs[] = {
  "none",
#define X(symbol, name, seen, text) name,
  RAFT_BUGS (X)
#undef X
};
const struct field_words crash_bug_words = { bugs, RAFT_BUG_COUNT, 0 };

/* ---- small things ------------------------------------------------------ */

void crash_options (const struct crash_run *run, uint64_t seed,
                        struct life_options *options) {
  memset (options, 0, sizeof *options);
  memset (options, 0, sizeof *options);
  options->segment_bytes = CRASH_SEGMENT_BYTES;
  options->seed = seed;
  options->bug = run->bug;
}

void crash_violate (struct crash_run *run, const char *what,
                     const char *detail) {
  if (!run->has_failed) {
    run->has_failed = true;
    (void)raft_fail (&run->failure, 0, "moment %d: %s: %.180s",
                     (int)run->moments, what, detail);
  }
}

static void seen_grow (struct crash_seen *seen) {
  struct crash_seen grown = { NULL, 0, seen->count };
  grown.capacity = seen->capacity > 0 ? seen->capacity * 2 : 4096;
  grown.slots = raft_allocate_zeroed (&raft_memory_plain,
                                      grown.capacity * sizeof *grown.slots);
  raft_assert (grown.slots != NULL);
  for (size_t i = 0; i < seen->capacity; i++) {
    if (seen->slots[i] != 0) {
      size_t at = (size_t)seen->slots[i] & (grown.capacity - 1);
      while (grown.slots[at] != 0) {
        at = (at + 1) & (grown.capacity - 1);
      }
      grown.slots[at] = seen->slots[i];
    }
  }
  raft_release (&raft_memory_plain, seen->slots,
                seen->capacity * sizeof *seen->slots);
  *seen = grown;
}

/* Whether a hash is new; it is not from now on. */
static bool seen_add (struct crash_seen *seen, uint64_t hash) {
  size_t at;
  hash = hash != 0 ? hash : 1;
  if (seen->count * 2 >= seen->capacity) {
    seen_grow (seen);
  }
  at = (size_t)hash & (seen->capacity - 1);
  while (seen->slots[at] != 0) {
    if (seen->slots[at] == hash) {
      return false;
    }
    at = (at + 1) & (seen->capacity - 1);
  }
  seen->slots[at] = hash;
  seen->count++;
  return true;
}

static bool is_new (struct crash_run *run, const struct sim_disk *disk,
                    const struct crash_claim *claim, uint64_t salt) {
  uint64_t hash = raft_mix (sim_disk_hash (disk) ^ salt
                            ^ (claim->may_be_nothing ? 1u : 0u));
  for (uint32_t i = 0; i < claim->set.count; i++) {
    hash = raft_checksum (claim->set.states[i], sizeof (struct story_state),
                          hash);
  }
  return seen_add (&run->seen, hash);
}

/* ---- one recovery, judged ---------------------------------------------- */

/* Recovers and judges; the disk is used up. Returns what it holds; NULL:
** nothing, as it may, or a failure. */
static const struct story_state *judge (struct crash_run *run,
                                        struct sim_disk *disk,
                                        const struct crash_claim *claim) {
  const struct story_state *state = NULL;
  struct life_options options;
  struct raft_detail why;
  struct life life;
  crash_options (run, 2, &options);
  life_begin (&life, disk, &options);
  run->recoveries++;
  why.text[0] = '\0';
  if (life_open (&life) != RAFT_OK) {
    crash_violate (run, "out of memory", "");
    return NULL;
  }
  while (!life.has_opened && sim_disk_step (disk)) {
  }
  if (!life.has_opened) {
    crash_violate (run, "recovery does not end", "");
  } else if (life.open_status == RAFT_OK) {
    state = story_judge (&life, &claim->set, &why);
    if (state == NULL) {
      crash_violate (run, "other contents", why.text);
    }
  } else if (!claim->may_be_nothing
             || life.open_status != RAFT_ENOT_INITIALISED) {
    crash_violate (run, "refused", life.detail.text);
  }
  sim_disk_kill (disk);
  if (life_end (&life) != 0) {
    crash_violate (run, "memory is forgotten", "");
  }
  return state;
}

static void judge_image (struct crash_run *run, struct sim_disk *image,
                         const struct crash_claim *claim) {
  (void)judge (run, image, claim);
}

/* Every image that power loss can leave now. */
static void lose_power (struct crash_run *run, const struct sim_disk *disk,
                        const struct crash_claim *claim,
                        void (*then) (struct crash_run *run,
                                      struct sim_disk *image,
                                      const struct crash_claim *claim)) {
  uint32_t unsynced = sim_disk_unsynced (disk);
  uint32_t bits = unsynced < UNSYNCED_MAX ? unsynced : UNSYNCED_MAX;
  run->moments++;
  run->most_unsynced
    = unsynced > run->most_unsynced ? unsynced : run->most_unsynced;
  for (uint64_t mask = 0; mask < (uint64_t)1 << bits; mask++) {
    struct sim_choice_mask choice;
    struct sim_disk *image = sim_disk_copy (disk);
    sim_choice_mask_init (&choice,
                          unsynced > bits ? raft_mix (mask) : mask);
    sim_disk_crash (image, &choice.choice);
    /* What was only judged before may still have to be explored. */
    if (!run->has_failed
        && is_new (run, image, claim, then == judge_image ? 1 : 2)) {
      run->images++;
      then (run, image, claim);
    }
    sim_disk_free (image);
  }
}

/* ---- a second life, with power lost at each of its moments ------------- */

static const struct story_step tails[TAILS] = {
  { STORY_WRITE, 9, 3, 0, 1, 700, 0 },
  { STORY_WRITE, 9, 3, 0, 1, 1100, 0 },
};

struct second_life {
  struct life life;
  struct crash_claim claim;
  struct story_state after[TAILS];
  const struct story_state *found; /* at its opening */
  uint64_t tails_submitted;
};

/* What the story would have written next, as a leader of a later term sends
** it again: the same entries behind another head, in the same place. What a
** crash left of the first attempt must not be completed by it. */
static bool tail_repeats (const struct crash_run *run,
                          const struct second_life *second,
                          struct story_step *step,
                          struct story_state *after) {
  uint64_t ticket = (uint64_t)(second->found - run->states) + 1;
  if (ticket > run->submitted || run->steps[ticket].count == 0) {
    return false;
  }
  *step = run->steps[ticket];
  *after = run->states[ticket];
  step->term = tails[0].term;
  step->vote = tails[0].vote;
  after->term = step->term;
  after->vote = step->vote;
  return true;
}

/* The next write of the tail: what was lost, or one more entry; then one in
** the place of the last. */
static void write_tail (struct crash_run *run, struct second_life *second) {
  uint64_t number = second->tails_submitted;
  struct story_step step;
  struct story_state *after;
  if (number >= TAILS || second->life.durable != number) {
    return;
  }
  step = tails[number];
  after = &second->after[number];
  if (number > 0 || !tail_repeats (run, second, &step, after)) {
    *after = number == 0 ? *second->found : second->after[number - 1];
    step.first = after->last + (number == 0 ? 1 : 0);
    story_advance (after, &step, (uint8_t)(100 + number));
  }
  if (story_submit (&second->life, &step, number + 1, after) != RAFT_OK) {
    crash_violate (run, "out of memory", "");
  }
  second->tails_submitted++;
}

/* What is told now binds from now on: the state at opening, then that of
** each durable ticket; what is submitted may be there. */
static void follow (struct crash_run *run, struct second_life *second) {
  struct story_set *set = &second->claim.set;
  struct life *life = &second->life;
  if (!life->has_opened || life->open_status != RAFT_OK) {
    return;
  }
  second->claim.may_be_nothing = false;
  write_tail (run, second);
  set->count = 0;
  for (uint64_t i = life->durable; i <= second->tails_submitted; i++) {
    set->states[set->count] = i == 0 ? second->found : &second->after[i - 1];
    set->count++;
  }
}

/* The image must have been judged good, and 'found' is what it holds. */
static void live_again (struct crash_run *run, struct sim_disk *image,
                        const struct crash_claim *claim,
                        const struct story_state *found) {
  struct life_options options;
  struct second_life second;
  memset (&second, 0, sizeof second);
  second.claim = *claim;
  second.found = found;
  crash_options (run, 2, &options);
  life_begin (&second.life, image, &options);
  if (life_open (&second.life) != RAFT_OK) {
    crash_violate (run, "out of memory", "");
    return;
  }
  do {
    follow (run, &second);
    lose_power (run, image, &second.claim, judge_image);
  } while (!run->has_failed && sim_disk_step (image));
  if (second.life.has_failed) {
    crash_violate (run, "the second life failed", second.life.detail.text);
  }
  sim_disk_kill (image);
  (void)life_end (&second.life);
}

/* Judges an image, and then every image of the life that recovers it. */
static void explore (struct crash_run *run, struct sim_disk *image,
                     const struct crash_claim *claim) {
  struct sim_disk *copy = sim_disk_copy (image);
  const struct story_state *found = judge (run, copy, claim);
  sim_disk_free (copy);
  if (!run->has_failed && found != NULL) {
    live_again (run, image, claim, found);
  }
}

/* A recovery in which one sync fails, and then a third process. False: there
** are fewer syncs. */
static bool recover_failing (struct crash_run *run, struct sim_disk *image,
                             const struct crash_claim *before,
                             struct sim_choice_mask *choice, uint64_t after) {
  struct crash_claim claim = *before;
  struct sim_disk_counts counts;
  struct life_options options;
  struct life life;
  crash_options (run, 3, &options);
  sim_disk_set_choice (image, &choice->choice);
  sim_disk_fail (image, SIM_DISK_SYNC, after, RAFT_EIO);
  life_begin (&life, image, &options);
  (void)life_open (&life);
  sim_disk_drain (image);
  sim_disk_get_counts (image, &counts);
  sim_disk_kill (image);
  sim_disk_set_choice (image, NULL);
  if (counts.failed > 0 && life.open_status == RAFT_OK && !life.has_failed) {
    crash_violate (run, "a failed sync is not told", "");
  }
  (void)life_end (&life);
  if (counts.failed > 0 && is_new (run, image, &claim, 7)) {
    explore (run, image, &claim);
  }
  return counts.failed > 0;
}

static void fail_recovery (struct crash_run *run, struct sim_disk *image,
                           const struct crash_claim *claim) {
  for (uint64_t after = 0; !run->has_failed; after++) {
    struct sim_choice_mask choice;
    uint64_t mask = 0;
    do {
      struct sim_disk *copy = sim_disk_copy (image);
      bool has_failed;
      sim_choice_mask_init (&choice, mask);
      has_failed = recover_failing (run, copy, claim, &choice, after);
      sim_disk_free (copy);
      if (!has_failed) {
        return;
      }
      mask++;
    } while (!run->has_failed && mask < (uint64_t)1 << choice.asked);
  }
}

void crash_claim_now (const struct crash_run *run, const struct life *life,
                       struct crash_claim *claim) {
  uint64_t ticket = life->durable;
  memset (claim, 0, sizeof *claim);
  claim->may_be_nothing = !life->init_done || life->init_status != RAFT_OK;
  for (; ticket <= run->submitted; ticket++) {
    claim->set.states[claim->set.count] = &run->states[ticket];
    claim->set.count++;
  }
}

static void at_moment (struct crash_run *run, struct life *life) {
  struct crash_claim claim;
  crash_claim_now (run, life, &claim);
  if (run->way == WAY_POWER) {
    lose_power (run, life->disk, &claim, explore);
  } else if (run->way == WAY_RECOVERY) {
    struct sim_disk *image = sim_disk_copy (life->disk);
    fail_recovery (run, image, &claim);
    sim_disk_free (image);
    lose_power (run, life->disk, &claim, fail_recovery);
  } else if (run->way == WAY_KILL && is_new (run, life->disk, &claim, 7)) {
    struct sim_disk *image = sim_disk_copy (life->disk);
    run->moments++;
    explore (run, image, &claim);
    sim_disk_free (image);
  }
}

static bool goes_on (const struct crash_run *run, const struct life *life) {
  return !run->has_failed
         && (!life->init_done || life->init_status == RAFT_OK)
         && (!life->has_opened || life->open_status == RAFT_OK);
}

static void run_disk (struct crash_run *run, struct life *life) {
  do {
    at_moment (run, life);
  } while (goes_on (run, life) && sim_disk_step (life->disk));
}

static void ended (void *owner) {
  ((struct life *)owner)->has_closed = true;
}

static void take_step (struct crash_run *run, struct life *life,
                       const struct story_step *step, uint8_t serial) {
  uint64_t ticket = run->submitted + 1;
  switch (step->kind) {
    case STORY_WRITE:
    case STORY_PEER:
      run->states[ticket] = run->states[ticket - 1];
      story_advance (&run->states[ticket], step, serial);
      run->steps[ticket] = *step;
      run->submitted = ticket;
      (void)story_submit (life, step, ticket, &run->states[ticket]);
      break;
    case STORY_REST:
      life->now = wal_deadline (life->wal);
      wal_on_time (life->wal);
      run_disk (run, life);
      break;
    case STORY_CLOSE:
      wal_close (life->wal, ended);
      run_disk (run, life);
      break;
    default:
      run_disk (run, life);
      break;
  }
}

void crash_make (struct crash_run *run, struct life *life) {
  struct raft_slice entry = story_first_entry (life);
  memset (run->states, 0, sizeof run->states);
  story_begin (&run->states[0]);
  run->submitted = 0;
  life->options.bug = RAFT_BUG_NONE;
  (void)life_init (life, entry);
  raft_slice_release (&entry);
}

void crash_tell (struct crash_run *run, struct life *life) {
  uint8_t serial = 10;
  crash_make (run, life);
  run_disk (run, life);
  if (!goes_on (run, life)) {
    return;
  }
  life->options.bug = run->bug;
  (void)life_open (life);
  run_disk (run, life);
  for (const struct story_step *step = story_short;
       step->kind != STORY_END && !life->has_failed && goes_on (run, life);
       step++) {
    take_step (run, life, step, serial);
    serial = (uint8_t)(serial + 4);
  }
}

static void tell_once (struct crash_run *run) {
  struct sim_disk *disk = sim_disk_new ();
  struct life_options options;
  struct life life;
  crash_options (run, 1, &options);
  life_begin (&life, disk, &options);
  crash_tell (run, &life);
  if (!run->has_failed
      && (!life.has_closed || life.durable != run->submitted)) {
    crash_violate (run, "the story does not end", life.detail.text);
  }
  if (life_end (&life) != 0 && !run->has_failed) {
    crash_violate (run, "memory is forgotten", "");
  }
  sim_disk_free (disk);
}

/* ---- failing requests -------------------------------------------------- */

/* Tells the story with one failure. False: there are fewer requests. *asked
** becomes how many choices the failed request had. */
static bool tell_failing (struct crash_run *run, uint64_t after,
                          uint64_t mask, uint32_t *asked) {
  enum sim_disk_fault fault
    = run->way == WAY_SYNC ? SIM_DISK_SYNC : SIM_DISK_WRITE;
  struct sim_disk *disk = sim_disk_new ();
  struct sim_choice_mask choice;
  struct sim_disk_counts counts;
  struct life_options options;
  struct crash_claim claim;
  struct life life;
  sim_choice_mask_init (&choice, mask);
  sim_disk_set_choice (disk, &choice.choice);
  sim_disk_fail (disk, fault, after, RAFT_EIO);
  crash_options (run, 1, &options);
  life_begin (&life, disk, &options);
  crash_tell (run, &life);
  *asked = choice.asked;
  sim_disk_get_counts (disk, &counts);
  if (counts.failed > 0 && !run->has_failed) {
    run->moments++;
    crash_claim_now (run, &life, &claim);
    sim_disk_kill (disk);
    sim_disk_set_choice (disk, NULL);
    if (is_new (run, disk, &claim, 7)) {
      explore (run, disk, &claim);
    }
  }
  sim_disk_kill (disk);
  (void)life_end (&life);
  sim_disk_free (disk);
  return counts.failed > 0;
}

static void tell_all_failing (struct crash_run *run) {
  for (uint64_t after = 0; !run->has_failed; after++) {
    uint32_t asked = 0;
    uint64_t mask = 0;
    do {
      if (!tell_failing (run, after, mask, &asked)) {
        return;
      }
      mask++;
    } while (!run->has_failed && mask < (uint64_t)1 << asked);
  }
}

static int crash_run (lua_State *L) {
  struct crash_run run;
  struct field_table table = field_open (L, 1, "options", "way bug ");
  memset (&run, 0, sizeof run);
  run.way = (enum crash_way)field_word (&table, "way", &way_words, -1);
  run.bug = (enum raft_bug)field_word (&table, "bug", &crash_bug_words, 0);
  if (run.way == WAY_SYNC || run.way == WAY_WRITE) {
    tell_all_failing (&run);
  } else {
    tell_once (&run);
  }
  raft_release (&raft_memory_plain, run.seen.slots,
                run.seen.capacity * sizeof *run.seen.slots);
  lua_createtable (L, 0, 4);
  field_set_number (L, "moments", run.moments);
  field_set_number (L, "images", run.images);
  field_set_number (L, "recoveries", run.recoveries);
  field_set_number (L, "most_unsynced", run.most_unsynced);
  if (run.has_failed) {
    field_set_string (L, "failure", run.failure.text);
  }
  return 1;
}

static const luaL_Reg functions[] = { { "crash_run", crash_run },
                                      { NULL, NULL } };

void raft_probe_crash (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
#ifdef RAFT_WITH_BUGS
  lua_pushboolean (L, 1);
#else
  lua_pushboolean (L, 0);
#endif
  lua_setfield (L, -2, "with_bugs");
}
