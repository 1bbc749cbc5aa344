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

void replica_configure_value (struct replica *replica,
                              const struct wire_configuration *value,
                              raft_index index) {
  replica->previous = replica->configuration;
  replica->previous_index = replica->configuration_index;
  replica->configuration = *value;
  replica->configuration_index = index;
  take_voters (replica);
}

static int configuration_read (const struct replica *replica,
                               struct raft_slice entry, raft_index index,
                               struct wire_configuration *value,
                               struct raft_detail *detail) {
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
  return wire_configuration_decode (payload, value, detail);
}

int replica_configure (struct replica *replica, struct raft_slice entry,
                       raft_index index, struct raft_detail *detail) {
  struct wire_configuration value;
  int status = configuration_read (replica, entry, index, &value, detail);
  if (status != RAFT_OK) {
    return status;
  }
  replica_configure_value (replica, &value, index);
  return RAFT_OK;
}

void replica_configuration_cut (struct replica *replica) {
  raft_assert (replica->previous_index != 0);
  replica->configuration = replica->previous;
  replica->configuration_index = replica->previous_index;
  replica->previous_index = 0;
  take_voters (replica);
}

/* ---- who is one, and who was ------------------------------------------- */

const char *replica_address_of (const struct replica *replica, raft_id id) {
  const struct wire_member *member
    = wire_configuration_find (&replica->configuration, id);
  return member != NULL ? member->address : NULL;
}

bool replica_is_member (const struct replica *replica, raft_id id) {
  return wire_configuration_find (&replica->configuration, id) != NULL;
}

/* While it is not committed, it may still be cut. */
bool replica_is_removed (const struct replica *replica, raft_id id) {
  return replica->commit >= replica->configuration_index
         && id <= replica->configuration.used
         && !replica_is_member (replica, id);
}

/* ---- whom the world dials ---------------------------------------------- */

bool replica_is_known (const struct replica *replica, raft_id id) {
  for (uint32_t i = 0; i < replica->known.count; i++) {
    if (replica->known.ids[i] == id) {
      return true;
    }
  }
  return false;
}

static void know (struct replica *replica, raft_id id, const char *address) {
  struct port_net *net = replica->options.net;
  struct replica_known *known = &replica->known;
  if (id == replica->identity.member) {
    return;
  }
  if (!replica_is_known (replica, id)) {
    if (known->count == REPLICA_PEERS_MAX) {
      return; /* until a configuration is committed */
    }
    known->ids[known->count++] = id;
  }
  net->know (net, id, address);
}

/* Those it has greeted without an address, or with another, could not answer
** it: a follower that was away for long, and does not have the configuration
** that names this member, knows of no other way back. */
static void greet_anew (struct replica *replica) {
  struct port_net *net = replica->options.net;
  struct replica_known *known = &replica->known;
  const char *own = replica_address_of (replica, replica->identity.member);
  if (own == NULL || strcmp (own, known->own) == 0) {
    return;
  }
  memcpy (known->own, own, strlen (own) + 1);
  for (uint32_t i = 0; i < known->count; i++) {
    struct replica_peer *peer
      = replica_peer_find (&replica->peers, known->ids[i]);
    if (!replica_is_member (replica, known->ids[i])) {
      continue; /* a guest, whose address nobody here knows */
    }
    net->know (net, known->ids[i], NULL); /* and again, by the caller */
    if (peer != NULL) {
      peer->link = LINK_SILENT; /* by our own doing */
    }
  }
}

void replica_know_members (struct replica *replica) {
  const struct wire_configuration *value = &replica->configuration;
  greet_anew (replica);
  for (uint32_t i = 0; i < value->member_count; i++) {
    know (replica, value->members[i].id, value->members[i].address);
  }
}

/* Whoever was away for long meets members that it has never heard of, and
** must answer them before it can learn of them. */
void replica_know_guest (struct replica *replica,
                         const struct wire_greeting *greeting) {
  if (greeting->address[0] != '\0'
      && !replica_is_member (replica, greeting->member)) {
    know (replica, greeting->member, greeting->address);
  }
}

static void forget_removed (struct replica *replica) {
  struct port_net *net = replica->options.net;
  struct replica_known *known = &replica->known;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < known->count; i++) {
    if (replica_is_member (replica, known->ids[i])
        || known->ids[i] > replica->configuration.used) {
      known->ids[kept++] = known->ids[i];
    } else {
      net->know (net, known->ids[i], NULL);
      replica_peer_forget (&replica->peers, known->ids[i]);
    }
  }
  known->count = kept;
}

/* Others have time to take its last messages; then it ends. */
static bool leave_cluster (struct replica *replica) {
  struct replica_known *known = &replica->known;
  struct raft_detail why;
  if (!replica_is_removed (replica, replica->identity.member)) {
    known->removed_at = 0;
    return false;
  }
  if (known->removed_at == 0) {
    known->removed_at = replica->now;
  }
  if (replica->now - known->removed_at < REPLICA_LEAVE_US) {
    return false;
  }
  (void)raft_fail (&why, RAFT_EREMOVED, "this member, %llu, was removed from "
                   "the cluster with entry %llu",
                   (unsigned long long)replica->identity.member,
                   (unsigned long long)replica->configuration_index);
  replica_stop (replica, RAFT_EREMOVED, why.text);
  return true;
}

bool replica_settle_members (struct replica *replica) {
  struct replica_known *known = &replica->known;
  if (replica->commit < replica->configuration_index) {
    return false;
  }
  if (known->settled != replica->configuration_index) {
    known->settled = replica->configuration_index;
    forget_removed (replica);
  }
  return leave_cluster (replica);
}
