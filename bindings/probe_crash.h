/* SPDX-License-Identifier: MIT
**
** probe_crash.h - what telling the story and judging disks share.
**
** Holds:  one run: its twin's states, its counts, its first failure. */

#ifndef RAFT_BINDINGS_PROBE_CRASH_H
#define RAFT_BINDINGS_PROBE_CRASH_H

#include "field.h"
#include "probe_story.h"

#define CRASH_SEGMENT_BYTES 4096

enum crash_way {
  WAY_POWER = 1,
  WAY_KILL,
  WAY_SYNC,
  WAY_WRITE,
  WAY_RECOVERY
};

/* Hashes of what was judged before. */
struct crash_seen {
  uint64_t *slots;
  size_t capacity; /* a power of two */
  size_t count;
};

struct crash_run {
  enum crash_way way;
  enum raft_bug bug;
  struct crash_seen seen;
  uint64_t moments;
  uint64_t images;
  uint64_t recoveries;
  uint32_t most_unsynced; /* changes at one moment */
  bool has_failed;
  struct raft_detail failure;
  struct story_state states[STORY_STATES]; /* by ticket; 0: after init */
  struct story_step steps[STORY_STATES];   /* that led there */
  uint64_t submitted;
};

/* What a disk may hold. */
struct crash_claim {
  struct story_set set;
  bool may_be_nothing; /* init has not ended */
};

RAFT_HIDDEN_BEGIN

extern const struct field_words crash_bug_words;

void crash_options (const struct crash_run *run, uint64_t seed,
                    struct life_options *options);
void crash_violate (struct crash_run *run, const char *what,
                    const char *detail);

/* Starts to make the directory. */
void crash_make (struct crash_run *run, struct life *life);
/* Tells the story until its end or until the log stops. */
void crash_tell (struct crash_run *run, struct life *life);

/* What the disk of a life may hold now. */
void crash_claim_now (const struct crash_run *run, const struct life *life,
                      struct crash_claim *claim);

RAFT_HIDDEN_END

#endif
