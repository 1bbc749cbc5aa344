/* SPDX-License-Identifier: MIT
**
** quorum.h - what a majority has agreed on.
**
** Holds:     the value that a majority has reached, and the result of a vote,
**            for one or two voter sets.
** Knows not: roles, messages, logs. Pure functions over small arrays.
** Invariant: the answer for an empty set never decides against the other set.
** Source:    Diss. 3.6.2 (commit), 4.3 (joint); raft.tla AdvanceCommitIndex.
*/

#ifndef RAFT_RAFT_QUORUM_H
#define RAFT_RAFT_QUORUM_H

#include "raft/raft.h"

enum raft_vote_outcome { RAFT_VOTE_PENDING, RAFT_VOTE_WON, RAFT_VOTE_LOST };

RAFT_HIDDEN_BEGIN

/* The highest value that a majority has reached. Of indexes: what may be
** committed. Of heartbeat rounds: which one is confirmed. Of times: since
** when a majority was heard.
**   reached[i]  of voter i; 0 if it never answered
**   count       0 … RAFT_MEMBERS_MAX; 0 gives UINT64_MAX (see Invariant)
** Borrows the array for the call. Cannot fail. */
uint64_t raft_quorum_reached (const uint64_t *reached, uint32_t count);

/* The result of a vote among 'count' voters. count 0: won. */
enum raft_vote_outcome raft_quorum_vote (uint32_t granted, uint32_t refused,
                                         uint32_t count);

RAFT_HIDDEN_END

#endif
