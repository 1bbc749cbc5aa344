/* SPDX-License-Identifier: MIT
**
** peer.h - the other members as met: whose directory each one has.
**
** Holds:     the incarnation of each member ever met, whether it is in the
**            own log durably, whether a link is up.
** Invariant: one incarnation per member, until it is removed; nothing of a
**            peer counts before its incarnation is durable here. */

#ifndef RAFT_REPLICA_PEER_H
#define RAFT_REPLICA_PEER_H

#include "raft/raft.h"
#include "wire/version.h"

#define REPLICA_PEERS_MAX (RAFT_MEMBERS_MAX * 3)

enum replica_peer_state {
  PEER_MET,     /* its incarnation is to be written */
  PEER_WRITING, /* the write is under way */
  PEER_KNOWN    /* it is durable */
};

/* GONE: a connection had ended, and the next was refused. SILENT: none of
** both is known, it may be alive. */
enum replica_link { LINK_NONE, LINK_UP, LINK_ENDED, LINK_GONE, LINK_SILENT };

struct replica_peer {
  raft_id member;
  uint64_t incarnation;
  uint64_t wal_ticket;   /* PEER_WRITING */
  enum replica_peer_state state;
  enum replica_link link; /* as the world told */
  enum replica_link told; /* as the engine was told */
  bool has_accepted;     /* our greeting, since this process began */
  struct wire_version version; /* as last greeted; 0: not since the start */
  uint64_t machine_hash; /* another than ours, which was told; 0: none */
};

struct replica_peers {
  struct replica_peer list[REPLICA_PEERS_MAX];
  uint32_t count;
  uint64_t written;      /* writes of peers that were durable so far */
  uint64_t reset_ticket; /* of a reset of the log under way; 0: none. It is
                            no write of the engine's either */
};

RAFT_HIDDEN_BEGIN

/* NULL: never met. */
struct replica_peer *replica_peer_find (struct replica_peers *peers,
                                        raft_id member);
/* Errors: NULL: the table is full. */
struct replica_peer *replica_peer_add (struct replica_peers *peers,
                                       raft_id member, uint64_t incarnation,
                                       enum replica_peer_state state);

/* Whether that member's build, as it greeted, reads messages of a kind. */
bool replica_peer_reads (struct replica_peers *peers, raft_id member,
                         uint64_t kind);

/* It was removed, and nothing of it is being written. */
void replica_peer_forget (struct replica_peers *peers, raft_id member);

/* The tickets of the log are shared by the engine's writes and ours:
**
**   log      1  2  3  4  5  6
**   engine   1  2     3     4
**   peers          x     x
**
** The engine's newest ticket at or before a ticket of the log, given the
** writes of peers that are still under way. */
uint64_t replica_peer_engine_ticket (const struct replica_peers *peers,
                                     uint64_t wal_ticket);
/* Everything up to a ticket of the log is durable. */
void replica_peer_durable (struct replica_peers *peers, uint64_t wal_ticket);

RAFT_HIDDEN_END

#endif
