/* SPDX-License-Identifier: MIT
**
** refusal.h - greetings that were refused, by this member and by others.
**
** Holds:     per member the last code in either direction, so that a log has
**            one line of it and not one per dial.
** Knows not: what follows from a refusal; that is hello.c. */

#ifndef RAFT_REPLICA_REFUSAL_H
#define RAFT_REPLICA_REFUSAL_H

#include "replica/peer.h"

/* Between two lines about one member: of another code, and of the same code
** with a link in between. */
#define REFUSAL_OTHER_US (5 * RAFT_SECOND)
#define REFUSAL_AGAIN_US (60 * RAFT_SECOND)

/* One slot per member, in both directions; and one in which all strangers
** meet: whoever names an id that nobody has cannot fill the log. */
#define REPLICA_REFUSALS_MAX (2 * RAFT_MEMBERS_MAX * 3 + 1)

struct replica_refusal {
  raft_id member;      /* 0: no member of this cluster */
  bool is_theirs;      /* it refused us */
  int code;            /* 0: linked since */
  int told_code;
  raft_time told;
  bool was_linked;     /* since it was told */
};

struct replica_refusals {
  struct replica_refusal list[REPLICA_REFUSALS_MAX];
  uint32_t count;
  uint64_t total;      /* ever, told or not */
};

RAFT_HIDDEN_BEGIN

/* Notes one more. Returns whether it shall be told. */
bool replica_refusal_note (struct replica_refusals *refusals, raft_id member,
                           bool is_theirs, int code, raft_time now);
/* A link to a member is up: what it refused is over. */
void replica_refusal_over (struct replica_refusals *refusals,
                           raft_id member);
/* The code with which a member refuses us; 0: it does not. */
int replica_refusal_code (const struct replica_refusals *refusals,
                          raft_id member);

RAFT_HIDDEN_END

#endif
