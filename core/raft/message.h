/* SPDX-License-Identifier: MIT
**
** message.h - what members say to each other, and what the log is made of:
** entries, configurations, messages.
**
** Holds:     types only.
** Knows not: how they look as bytes (wire/message.h, wire/entry.h).
** Source:    Paper Fig. 2 (arguments and results of the RPCs); Diss. 4, 9.6.
*/

#ifndef RAFT_RAFT_MESSAGE_H
#define RAFT_RAFT_MESSAGE_H

#include "base/limit.h"
#include "base/types.h"

/* ---- entries, configurations ------------------------------------------ */

enum raft_entry_kind {
  RAFT_ENTRY_NOOP = 1,          /* a new leader's first (Diss. 6.4) */
  RAFT_ENTRY_CONFIGURATION = 2, /* who the members are */
  RAFT_ENTRY_COMMAND = 3,       /* for the machine */
  RAFT_ENTRY_SESSION_OPEN = 4,  /* a client's session; its id is the index */
  RAFT_ENTRY_SESSION_CLOSE = 5,
  RAFT_ENTRY_AGREED = 6         /* features that are on from here (agree.c) */
};
#define RAFT_ENTRY_MUST_UNDERSTAND 128 /* kinds below it may not be skipped */

/* What the engine knows of an entry. */
struct raft_entry {
  raft_term term;
  uint64_t checksum; /* of its payload */
  raft_time time;    /* in its envelope; proposed: unused */
  uint32_t size;     /* bytes on disk and wire, envelope included */
  uint8_t kind;      /* enum raft_entry_kind */
};

/* Who the members are. Sets are sorted by id, without repetition.
** While 'outgoing' is not empty, the configuration is joint (Diss. 4.3). */
struct raft_id_set {
  raft_id ids[RAFT_MEMBERS_MAX];
  uint32_t count;
};

#define RAFT_PPM 1000000
#define RAFT_DRIFT_PPM 50000 /* far beyond any clock that is not broken */

/* How much a voter should lead; 0: only when nobody else can. */
#define RAFT_PRIORITY_DEFAULT 100
#define RAFT_PRIORITY_MAX 1000

struct raft_priority {
  raft_id id;
  uint32_t value;
};

struct raft_configuration {
  struct raft_id_set voters;
  struct raft_id_set outgoing; /* voters of the old half; empty: not joint */
  struct raft_id_set learners; /* receive entries, are not counted */
  struct raft_priority priorities[RAFT_MEMBERS_MAX]; /* of voters, where it
                                  is not the default; sorted by id */
  uint32_t priority_count;
  uint64_t lease_us;           /* longest lease a leader may hold; 0: off */
  uint64_t drift_ppm;          /* by how much a clock may be too fast or slow,
                                  while leases are on; 0: RAFT_DRIFT_PPM */
};

/* ---- messages --------------------------------------------------------- */

enum raft_message_kind {
  RAFT_MESSAGE_PRE_VOTE = 1,      /* Diss. 9.6 */
  RAFT_MESSAGE_PRE_VOTE_RESULT = 2,
  RAFT_MESSAGE_VOTE = 3,          /* RequestVote */
  RAFT_MESSAGE_VOTE_RESULT = 4,
  RAFT_MESSAGE_APPEND = 5,        /* AppendEntries; empty: heartbeat */
  RAFT_MESSAGE_APPEND_RESULT = 6,
  RAFT_MESSAGE_TIMEOUT_NOW = 7,   /* Diss. 3.10: campaign at once */
  RAFT_MESSAGE_READ = 8,          /* a follower asks for a read index */
  RAFT_MESSAGE_READ_RESULT = 9
};

struct raft_message_vote { /* PRE_VOTE, VOTE: 'term' is the one aimed at */
  raft_index last_index;
  raft_term last_term;
  bool transfer; /* the leader itself asked for this campaign: it may be voted
                    for while that leader is alive (Diss. 4.2.3) */
};

struct raft_message_vote_result {
  bool granted; /* a granted pre-vote carries the term aimed at; a refusal,
                   and a real vote, the voter's own */
};

struct raft_message_append {
  raft_index previous_index;
  raft_term previous_term;
  raft_index commit;  /* the leader's */
  uint64_t round;     /* counts the leader's heartbeats of this term;
                         answered as received: the context of ReadIndex */
  uint64_t lease_us;  /* granted with this message; 0: none */
  uint32_t entry_count; /* entries previous_index + 1 … */
  const struct raft_entry *entries; /* received: borrowed; sent: NULL, the
                                       bytes are ring 1's */
  /* Values of the configuration entries among them, in log order. */
  const struct raft_configuration *configurations;
  uint32_t configuration_count;
};

struct raft_message_append_result {
  bool rejected;      /* the logs differ at rejected_index */
  bool stalled;       /* the sender's disk or machine is past its limit */
  bool disk_full;     /* no entry can be written there */
  raft_index match_index;    /* durable here and equal to the leader's log */
  raft_index rejected_index; /* the previous_index that did not match */
  raft_index hint_index; /* the last index here that may match: its term is */
  raft_term hint_term;   /*   not above the leader's previous_term */
  uint64_t round;
};

struct raft_message_read { /* READ, READ_RESULT */
  uint64_t context;    /* the follower's, drawn by chance below 2^53, so that
                          no answer to an earlier life is taken for one */
  raft_index index;    /* READ_RESULT: to be applied before the read */
};

struct raft_message {
  enum raft_message_kind kind;
  raft_id from;
  raft_id to;
  raft_term term;
  union {
    struct raft_message_vote vote;
    struct raft_message_vote_result vote_result;
    struct raft_message_append append;
    struct raft_message_append_result append_result;
    struct raft_message_read read;
  } as;
};

#endif
