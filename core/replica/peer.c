/* SPDX-License-Identifier: MIT
**
** peer.c - the other members as met. */

#include "replica/peer.h"

#include "base/panic.h"

struct replica_peer *replica_peer_find (struct replica_peers *peers,
                                        raft_id member) {
  uint32_t i;
  for (i = 0; i < peers->count; i++) {
    if (peers->list[i].member == member) {
      return &peers->list[i];
    }
  }
  return NULL;
}

bool replica_peer_reads (struct replica_peers *peers, raft_id member,
                         uint64_t kind) {
  static const struct wire_version unknown = { 0, 0, 0 };
  const struct replica_peer *peer = replica_peer_find (peers, member);
  return wire_version_reads (peer != NULL ? &peer->version : &unknown, kind);
}

struct replica_peer *replica_peer_add (struct replica_peers *peers,
                                       raft_id member, uint64_t incarnation,
                                       enum replica_peer_state state) {
  struct replica_peer *peer;
  raft_assert (member != RAFT_ID_NONE && incarnation != 0);
  raft_assert (replica_peer_find (peers, member) == NULL);
  if (peers->count == REPLICA_PEERS_MAX) {
    return NULL;
  }
  peer = &peers->list[peers->count++];
  peer->member = member;
  peer->incarnation = incarnation;
  peer->wal_ticket = 0;
  peer->state = state;
  peer->link = LINK_NONE;
  peer->told = LINK_NONE;
  peer->has_accepted = false;
  peer->version = (struct wire_version){ 0, 0, 0 };
  peer->machine_hash = 0;
  return peer;
}

void replica_peer_forget (struct replica_peers *peers, raft_id member) {
  struct replica_peer *peer = replica_peer_find (peers, member);
  if (peer != NULL && peer->state != PEER_WRITING) {
    *peer = peers->list[--peers->count];
  }
}

uint64_t replica_peer_engine_ticket (const struct replica_peers *peers,
                                     uint64_t wal_ticket) {
  uint64_t others = peers->written;
  uint32_t i;
  others += peers->reset_ticket != 0 && peers->reset_ticket <= wal_ticket;
  for (i = 0; i < peers->count; i++) {
    if (peers->list[i].state == PEER_WRITING
        && peers->list[i].wal_ticket <= wal_ticket) {
      others++;
    }
  }
  raft_assert (others <= wal_ticket);
  return wal_ticket - others;
}

void replica_peer_durable (struct replica_peers *peers,
                           uint64_t wal_ticket) {
  uint32_t i;
  if (peers->reset_ticket != 0 && peers->reset_ticket <= wal_ticket) {
    peers->reset_ticket = 0;
    peers->written++;
  }
  for (i = 0; i < peers->count; i++) {
    if (peers->list[i].state == PEER_WRITING
        && peers->list[i].wal_ticket <= wal_ticket) {
      peers->list[i].state = PEER_KNOWN;
      peers->written++;
    }
  }
}
