/* SPDX-License-Identifier: MIT
**
** configuration.c - who the members are, as the log says. */

#include <string.h>

#include "replica/inside.h"

/* Who is to vote in both halves; with one configuration: its voters. */
static void take_voters (struct replica *replica) {
  struct raft_configuration sets;
  wire_configuration_sets (&replica->configuration, &sets);
  replica->voters = sets.voters;
}

int replica_configure (struct replica *replica, struct raft_slice entry,
                       raft_index index, struct raft_detail *detail) {
  struct wire_configuration value;
  struct wire_entry decoded;
  struct wire_view payload;
  int status = wire_entry_decode (entry.data, entry.size, &decoded);
  if (status != RAFT_OK || decoded.kind != RAFT_ENTRY_CONFIGURATION
      || !wire_entry_is_intact (&decoded)) {
    return raft_fail (detail, RAFT_ECORRUPT, "entry %llu is not a "
                      "configuration", (unsigned long long)index);
  }
  if (decoded.group != replica->options.group) {
    return raft_fail (detail, RAFT_EWRONG_CLUSTER, "expected a log of group "
                      "%llu, got group %llu",
                      (unsigned long long)replica->options.group,
                      (unsigned long long)decoded.group);
  }
  payload.data = decoded.payload;
  payload.size = decoded.payload_size;
  status = wire_configuration_decode (payload, &value, detail);
  if (status != RAFT_OK) {
    return status;
  }
  replica->configuration = value;
  replica->configuration_index = index;
  take_voters (replica);
  return RAFT_OK;
}

static const struct wire_member *member_of (const struct replica *replica,
                                            raft_id id) {
  uint32_t i;
  for (i = 0; i < replica->configuration.member_count; i++) {
    if (replica->configuration.members[i].id == id) {
      return &replica->configuration.members[i];
    }
  }
  return NULL;
}

const char *replica_address_of (const struct replica *replica, raft_id id) {
  const struct wire_member *member = member_of (replica, id);
  return member != NULL ? member->address : NULL;
}

bool replica_is_member (const struct replica *replica, raft_id id) {
  return member_of (replica, id) != NULL;
}
