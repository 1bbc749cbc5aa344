/* SPDX-License-Identifier: MIT
**
** quorum.c - majorities over small arrays. */

#include "raft/quorum.h"

#include "base/panic.h"

/* Ascending; voters are few, so insertion is the fastest there is. */
static void quorum_insert (uint64_t *sorted, uint32_t count, uint64_t value) {
  uint32_t at = count;
  while (at > 0 && sorted[at - 1] > value) {
    sorted[at] = sorted[at - 1];
    at--;
  }
  sorted[at] = value;
}

/*  Five voters, ascending:   2  4  7  7  9
**                                  ^ (5 - 1) / 2 = 2
**  Three of five stand at or right of it, and no value further right is
**  reached by three: it is the highest that a majority has reached. */
uint64_t raft_quorum_reached (const uint64_t *reached, uint32_t count) {
  uint64_t sorted[RAFT_MEMBERS_MAX];
  raft_assert (count <= RAFT_MEMBERS_MAX);
  if (count == 0) {
    return UINT64_MAX;
  }
  for (uint32_t i = 0; i < count; i++) {
    quorum_insert (sorted, i, reached[i]);
  }
  return sorted[(count - 1) / 2];
}

enum raft_vote_outcome raft_quorum_vote (uint32_t granted, uint32_t refused,
                                         uint32_t count) {
  uint32_t majority = count / 2 + 1;
  raft_assert (granted + refused <= count);
  if (count == 0 || granted >= majority) {
    return RAFT_VOTE_WON;
  }
  if (count - refused < majority) {
    return RAFT_VOTE_LOST;
  }
  return RAFT_VOTE_PENDING;
}
