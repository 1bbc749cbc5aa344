/* SPDX-License-Identifier: MIT
**
** agree.c - features that are used once every member has them.
**
** Each greeting announces what its build can do. When all members of the
** latest configuration have announced a feature, the leader proposes an entry
** of kind agreed with it; from that entry on it is on, for good, at the same
** index on every member. It is in snapshots. A member without it is refused
** from then on, and one that comes to such an entry says so and stops.
**
**   member 1   announces a b      a b      a b
**   member 2   announces a        a b      a b     (a newer build)
**   log                     … 41 42 43 agreed {b} 44 …
**                              b is off           b is on
**
** Rule:   one that was not heard since this process began has announced
**         nothing. So nothing new is proposed that somebody cannot read.
** Rule:   AGREE itself, to understand such entries, is never agreed on: it
**         has to be announced by all before the first of them. Neither is what
**         only two members have to do with, such as a kind of message.
** Source: the cluster version of etcd, and of CockroachDB. */

#include <string.h>

#include "base/checksum.h"
#include "replica/inside.h"

/* A proposal that was refused (no room, a transfer) is made again then. */
#define AGREE_AGAIN_US RAFT_SECOND

static uint64_t announced_by (struct replica *replica, raft_id member) {
  const struct replica_peer *peer;
  if (member == replica->identity.member) {
    return replica->version.features;
  }
  peer = replica_peer_find (&replica->peers, member);
  return peer != NULL ? peer->version.features : 0;
}

uint64_t replica_announced (struct replica *replica) {
  const struct wire_configuration *value = &replica->configuration;
  uint64_t all = replica->version.features;
  for (uint32_t i = 0; i < value->member_count; i++) {
    all &= announced_by (replica, value->members[i].id);
  }
  return all;
}

/* Whether this version has all that is on; if not, the member has stopped. */
static bool keeps_up (struct replica *replica) {
  struct raft_detail why;
  uint64_t unknown
    = replica->agreement.features & ~replica->version.features;
  if (unknown == 0) {
    return true;
  }
  (void)raft_fail (&why, RAFT_EUNSUPPORTED, "the members have agreed on "
                   "features %llx, this version lacks %llx: run a newer one",
                   (unsigned long long)replica->agreement.features,
                   (unsigned long long)unknown);
  replica_stop (replica, RAFT_EUNSUPPORTED, why.text);
  return false;
}

static int propose (struct replica *replica, uint64_t features) {
  struct replica_proposal proposal;
  int status;
  memset (&proposal, 0, sizeof proposal);
  proposal.kind = RAFT_ENTRY_AGREED;
  replica->value.size = 0;
  status = wire_value_unsigned (&replica->value, features);
  if (status != RAFT_OK) {
    return status;
  }
  proposal.size = (uint32_t)replica->value.size;
  proposal.checksum = raft_checksum (replica->value.data, proposal.size, 0);
  return replica_calls_propose (&replica->calls, &proposal,
                                replica->value.data);
}

/* Once per leadership: what stands in a leader's log is not cut while it
** leads. */
bool replica_settle_agree (struct replica *replica) {
  struct replica_agreement *agreement = &replica->agreement;
  uint64_t base = WIRE_FEATURES_OF_TWO;
  uint64_t wanted;
  uint64_t known = base | agreement->features;
  if (!keeps_up (replica) || replica->role != RAFT_LEADER
      || replica->now < agreement->again_at) {
    return false;
  }
  if (agreement->term == replica->term) {
    known |= agreement->proposed;
  }
  wanted = replica_announced (replica);
  if ((wanted & WIRE_FEATURE_AGREE) == 0 || (wanted & ~known) == 0) {
    return false;
  }
  if (propose (replica, wanted & ~base) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  agreement->again_at = replica->now + AGREE_AGAIN_US;
  return false; /* the world's turn flushes what is proposed */
}

/* The payload of an entry of kind agreed. */
static bool read_features (const uint8_t *payload, size_t size,
                           uint64_t *features) {
  struct wire_cursor cursor = { payload, size, 0 };
  return wire_cursor_unsigned (&cursor, UINT64_MAX, features) == RAFT_OK
         && cursor.at == cursor.size;
}

void replica_agree_appended (struct replica *replica,
                             const struct wire_entry *entry) {
  struct replica_agreement *agreement = &replica->agreement;
  uint64_t features;
  if (!read_features (entry->payload, entry->payload_size, &features)) {
    return;
  }
  agreement->proposed
    = agreement->term == entry->term ? agreement->proposed | features
                                     : features;
  agreement->term = entry->term;
}

bool replica_agree_entry (struct replica *replica,
                          const struct wire_entry *entry) {
  uint64_t features;
  if (!read_features (entry->payload, entry->payload_size, &features)) {
    replica_stop (replica, RAFT_EUNSUPPORTED, "an entry of kind agreed that "
                                              "this version cannot read");
    return false;
  }
  replica->agreement.features |= features;
  return keeps_up (replica);
}
