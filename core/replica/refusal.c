/* SPDX-License-Identifier: MIT
**
** refusal.c - what was refused, and whether it is news. */

#include "replica/refusal.h"

static struct replica_refusal *find (struct replica_refusals *refusals,
                                     raft_id member, bool is_theirs) {
  for (uint32_t i = 0; i < refusals->count; i++) {
    struct replica_refusal *one = &refusals->list[i];
    if (one->member == member && one->is_theirs == is_theirs) {
      return one;
    }
  }
  return NULL;
}

static struct replica_refusal *make (struct replica_refusals *refusals,
                                     raft_id member, bool is_theirs) {
  struct replica_refusal *one;
  if (refusals->count == REPLICA_REFUSALS_MAX) {
    return NULL;
  }
  one = &refusals->list[refusals->count++];
  one->member = member;
  one->is_theirs = is_theirs;
  one->code = 0;
  one->told_code = 0;
  one->told = 0;
  one->was_linked = false;
  return one;
}

bool replica_refusal_note (struct replica_refusals *refusals, raft_id member,
                           bool is_theirs, int code, raft_time now) {
  struct replica_refusal *one = find (refusals, member, is_theirs);
  bool is_news;
  refusals->total++;
  if (one == NULL) {
    one = make (refusals, member, is_theirs);
  }
  if (one == NULL) {
    return false;
  }
  one->code = code;
  if (one->told_code == code) {
    is_news = one->was_linked && now >= one->told + REFUSAL_AGAIN_US;
  } else {
    is_news = one->told_code == 0 || now >= one->told + REFUSAL_OTHER_US;
  }
  if (is_news) {
    one->told_code = code;
    one->told = now;
    one->was_linked = false;
  }
  return is_news;
}

void replica_refusal_over (struct replica_refusals *refusals,
                           raft_id member) {
  for (uint32_t i = 0; i < refusals->count; i++) {
    if (refusals->list[i].member == member) {
      refusals->list[i].code = 0;
      refusals->list[i].was_linked = true;
    }
  }
}

int replica_refusal_code (const struct replica_refusals *refusals,
                          raft_id member) {
  for (uint32_t i = 0; i < refusals->count; i++) {
    const struct replica_refusal *one = &refusals->list[i];
    if (one->member == member && one->is_theirs) {
      return one->code;
    }
  }
  return 0;
}
