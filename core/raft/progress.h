/* SPDX-License-Identifier: MIT
**
** progress.h - what a leader knows of one follower, and what it may send.
**
**   SNAPSHOT   what it needs next is compacted: nothing but heartbeats until
**              it has the snapshot (Paper 7).
**
**              link up, start of term
**                     │            rejected
**                     ▼      ┌──────────────────┐
**                  ┌───────┐ │ acknowledged  ┌──────────┐
**                  │ PROBE │─┴──────────────►│REPLICATE │
**                  └───────┘                 └──────────┘
**   PROBE      one message at a time, until its answer says where the logs
**              agree: nextIndex is a guess.
**   REPLICATE  messages follow one another without waiting, up to the window;
**              nextIndex runs ahead of matchIndex.
**
** Holds:     nextIndex, matchIndex, the window, the last answer.
** Invariant: match < next; a late answer never moves match back; the window
**            holds what was sent since the mode began, oldest first.
** Source:    Paper 5.3; Diss. 10.2.1 (pipelining). */

#ifndef RAFT_RAFT_PROGRESS_H
#define RAFT_RAFT_PROGRESS_H

#include "base/bug.h"
#include "raft/raft.h"

#define RAFT_WINDOW_MAX 64 /* messages; inflight_messages is bounded by it */

enum raft_progress_mode { RAFT_PROBE, RAFT_REPLICATE, RAFT_SNAPSHOT };

struct raft_sent {
  raft_index last; /* the last entry of one message */
  uint64_t bytes;
};

struct raft_progress {
  raft_id id;
  raft_index match;
  raft_index next;
  enum raft_progress_mode mode;
  bool waits;            /* PROBE: a message is out */
  bool stalled;          /* as it says of itself */
  bool disk_full;        /* likewise */
  raft_time heard;       /* its last answer, or the start of the term */
  raft_time fit_since;   /* it could lead, without a break; 0: it cannot */
  uint64_t round;        /* the last heartbeat round that it answered */
  raft_time lease_us;    /* that the messages of this round grant; 0: none */
  uint64_t lease_round;  /* the first that granted it */
  raft_time leased;      /* start of the last such round that it answered; 0 */
  uint64_t load_ticket;  /* of a LOAD under way for it; 0: none. There is one
                         ** at a time, however many answers come meanwhile */
  bool load_is_void;     /* it was for another 'next' */
  uint64_t window_bytes;
  uint32_t window_start; /* a ring */
  uint32_t window_count;
  struct raft_sent window[RAFT_WINDOW_MAX];
};

RAFT_HIDDEN_BEGIN

/* At the start of a term: nothing is known, the follower is guessed equal. */
void raft_progress_init (struct raft_progress *progress, raft_id id,
                         raft_index last, raft_time now);
/* Bytes that its window still takes; any number, when nothing is on its way:
** what is larger than a window goes alone. */
uint64_t raft_progress_room (const struct raft_progress *progress,
                             const struct raft_limits *limits);
/* Whether a message with entries may leave. */
bool raft_progress_may_send (const struct raft_progress *progress,
                             const struct raft_limits *limits);
/* A message with entries up to 'last' left. */
void raft_progress_sent (struct raft_progress *progress, raft_index last,
                         uint64_t bytes);
/* An acknowledgement up to 'match'. False: nothing new (late, or repeated).*/
bool raft_progress_on_ack (struct raft_progress *progress, raft_index match,
                           enum raft_bug bug);
/* A rejection of 'rejected', with 'hint' the last index that may agree.
** False: late, it answers nothing that is still out. */
bool raft_progress_on_reject (struct raft_progress *progress,
                              raft_index rejected, raft_index hint);
/* A snapshot up to 'index' is on its way to it. */
void raft_progress_become_snapshot (struct raft_progress *progress,
                                    raft_index index);
/* What was sent may be lost. */
void raft_progress_become_probe (struct raft_progress *progress,
                                 raft_index next);

RAFT_HIDDEN_END

#endif
