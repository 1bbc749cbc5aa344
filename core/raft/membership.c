/* SPDX-License-Identifier: MIT
**
** membership.c - configurations as values. */

#include "raft/membership.h"

#include <string.h>

#include "base/panic.h"

bool raft_id_set_has (const struct raft_id_set *set, raft_id id) {
  for (uint32_t i = 0; i < set->count; i++) {
    if (set->ids[i] == id) {
      return true;
    }
  }
  return false;
}

bool raft_id_set_is_valid (const struct raft_id_set *set) {
  raft_id before = RAFT_ID_NONE;
  if (set->count > RAFT_MEMBERS_MAX) {
    return false;
  }
  for (uint32_t i = 0; i < set->count; i++) {
    if (set->ids[i] <= before) {
      return false;
    }
    before = set->ids[i];
  }
  return true;
}

void raft_id_set_add (struct raft_id_set *set, raft_id id) {
  uint32_t at = set->count;
  if (raft_id_set_has (set, id)) {
    return;
  }
  raft_assert (set->count < RAFT_MEMBERS_MAX);
  while (at > 0 && set->ids[at - 1] > id) {
    set->ids[at] = set->ids[at - 1];
    at--;
  }
  set->ids[at] = id;
  set->count++;
}

bool raft_configuration_votes (const struct raft_configuration *value,
                               raft_id id) {
  return raft_id_set_has (&value->voters, id)
         || raft_id_set_has (&value->outgoing, id);
}

uint32_t raft_configuration_priority (const struct raft_configuration *value,
                                      raft_id id) {
  for (uint32_t i = 0; i < value->priority_count; i++) {
    if (value->priorities[i].id == id) {
      return value->priorities[i].value;
    }
  }
  return RAFT_PRIORITY_DEFAULT;
}

bool raft_configuration_has (const struct raft_configuration *value,
                             raft_id id) {
  return raft_configuration_votes (value, id)
         || raft_id_set_has (&value->learners, id);
}

/* Merges a sorted set into a sorted array. */
static uint32_t members_merge (raft_id *ids, uint32_t count,
                               const struct raft_id_set *set) {
  for (uint32_t i = 0; i < set->count; i++) {
    uint32_t at = 0;
    while (at < count && ids[at] < set->ids[i]) {
      at++;
    }
    if (at == count || ids[at] != set->ids[i]) {
      memmove (ids + at + 1, ids + at, (count - at) * sizeof *ids);
      ids[at] = set->ids[i];
      count++;
    }
  }
  return count;
}

uint32_t raft_configuration_members (const struct raft_configuration *value,
                                     raft_id *ids) {
  uint32_t count = members_merge (ids, 0, &value->voters);
  count = members_merge (ids, count, &value->outgoing);
  return members_merge (ids, count, &value->learners);
}

bool raft_configuration_is_valid (const struct raft_configuration *value) {
  raft_id ids[RAFT_MEMBERS_MAX * 3];
  if (value->voters.count == 0 || !raft_id_set_is_valid (&value->voters)
      || !raft_id_set_is_valid (&value->outgoing)
      || !raft_id_set_is_valid (&value->learners)) {
    return false;
  }
  for (uint32_t i = 0; i < value->learners.count; i++) {
    if (raft_id_set_has (&value->voters, value->learners.ids[i])) {
      return false;
    }
  }
  /* Counted only where some who vote in both halves may count twice. */
  return value->voters.count + value->outgoing.count + value->learners.count
           <= RAFT_MEMBERS_MAX
         || raft_configuration_members (value, ids) <= RAFT_MEMBERS_MAX;
}

uint32_t raft_id_set_difference (const struct raft_id_set *one,
                                 const struct raft_id_set *other) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < one->count; i++) {
    count += !raft_id_set_has (other, one->ids[i]);
  }
  for (uint32_t i = 0; i < other->count; i++) {
    count += !raft_id_set_has (one, other->ids[i]);
  }
  return count;
}

bool raft_id_set_equals (const struct raft_id_set *one,
                         const struct raft_id_set *other) {
  return raft_id_set_difference (one, other) == 0;
}

void raft_membership_append (struct raft_membership *membership,
                             const struct raft_configuration *value,
                             raft_index index) {
  raft_assert (index > membership->latest_index);
  membership->previous = membership->latest;
  membership->previous_index = membership->latest_index;
  membership->latest = *value;
  membership->latest_index = index;
}

void raft_membership_truncate (struct raft_membership *membership,
                               raft_index first) {
  raft_assert (first > membership->previous_index);
  if (membership->latest_index >= first) {
    raft_assert (membership->previous_index > 0);
    membership->latest = membership->previous;
    membership->latest_index = membership->previous_index;
    membership->previous_index = 0;
  }
}

void raft_membership_restore (struct raft_membership *membership,
                              const struct raft_configuration *value,
                              raft_index index) {
  membership->latest = *value;
  membership->latest_index = index;
  membership->previous_index = 0;
}
