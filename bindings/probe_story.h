/* SPDX-License-Identifier: MIT
**
** probe_story.h - a short story of a log, and what the log must then hold.
**
** Holds:  the story's steps; after each ticket the state of the naive twin:
**         an array of entries, a term, a vote, a few peers; the judgement of
**         a recovered log against a set of such states.
** Rule:   an entry's bytes follow from its serial number alone, so that a
**         state is a row of small numbers. */

#ifndef RAFT_BINDINGS_PROBE_STORY_H
#define RAFT_BINDINGS_PROBE_STORY_H

#include "base/buffer.h"
#include "base/types.h"
#include "probe_life.h"

#define STORY_ENTRIES 16 /* longest log of a story */
#define STORY_STATES 24  /* tickets of a story and of the tail after it */

struct story_entry {
  uint8_t serial;    /* 0: none */
  uint8_t kind;
  raft_term term;
  uint32_t payload;  /* bytes */
};

struct story_state {
  raft_term term;
  raft_id vote;
  raft_index last;
  struct story_entry entries[STORY_ENTRIES + 1]; /* by index */
  struct wal_peer peers[LIFE_PEERS];
  uint32_t peer_count;
};

/* What a log may hold: one of some states. */
struct story_set {
  const struct story_state *states[STORY_STATES];
  uint32_t count;
};

enum story_kind {
  STORY_END,
  STORY_WRITE, /* term, vote; first > 0: also 'count' entries of 'payload' */
  STORY_PEER,
  STORY_STEP,  /* the disk performs everything */
  STORY_REST,  /* the log is quiet: a mark */
  STORY_CLOSE
};

struct story_step {
  enum story_kind kind;
  raft_term term;
  raft_id vote;
  raft_index first;
  uint32_t count;
  uint32_t payload;
  uint8_t entry_kind; /* 0: COMMAND */
};

RAFT_HIDDEN_BEGIN

/* The story that is told to crash: votes, entries, a peer, a cut, a
** configuration, three segments of 4 KiB, batches of at most six sectors. */
extern const struct story_step story_short[];

/* The state after init. */
void story_begin (struct story_state *state);
/* The state after one more step; 'serial' numbers its first entry. */
void story_advance (struct story_state *state, const struct story_step *step,
                    uint8_t serial);

/* Entry 1 as bytes; the caller releases it. */
struct raft_slice story_first_entry (struct life *life);

/* Submits a WRITE or PEER under that ticket. 'state' is the twin after it. */
int story_submit (struct life *life, const struct story_step *step,
                  uint64_t ticket, const struct story_state *state);

/* The state of the set that the open log holds, by what 'opened' told and by
** reading every entry back. NULL: none, and 'why' says what differs from the
** last of the set. Steps the disk when it reads. */
const struct story_state *story_judge (struct life *life,
                                       const struct story_set *set,
                                       struct raft_detail *why);

RAFT_HIDDEN_END

#endif
