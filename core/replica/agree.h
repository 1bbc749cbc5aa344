/* SPDX-License-Identifier: MIT
**
** agree.h - features that all members have (agree.c).
**
** Invariant: 'features' only grows, and is equal on all members that have
**            applied the same index. */

#ifndef RAFT_REPLICA_AGREE_H
#define RAFT_REPLICA_AGREE_H

#include "base/types.h"
#include "wire/entry.h"

struct replica_agreement {
  uint64_t features;  /* that are on, as applied; a set of bits */
  uint64_t proposed;  /* by this member, as the leader of 'term' */
  raft_term term;
  raft_time again_at; /* one that was refused is proposed again then */
};

struct replica;

RAFT_HIDDEN_BEGIN

/* What every member of the latest configuration has announced. */
uint64_t replica_announced (struct replica *replica);
/* A leader proposes what is announced and not on; a member that a snapshot
** has left behind stops. Never moves anything else. */
bool replica_settle_agree (struct replica *replica);
/* It stands in the own log, as an entry of this term. */
void replica_agree_appended (struct replica *replica,
                             const struct wire_entry *entry);
/* An entry of kind agreed is applied. False: this version lacks something of
** it, and the member has stopped. */
bool replica_agree_entry (struct replica *replica,
                          const struct wire_entry *entry);

RAFT_HIDDEN_END

#endif
