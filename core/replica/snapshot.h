/* SPDX-License-Identifier: MIT
**
** snapshot.h - what is in a snapshot.
**
** Holds:     the content of a snapshot file (wal/snapshot.h says how it
**            stands on the disk).
** Knows not: when one is taken, sent, restored (snapshot_task.h).
** Rule:      the meta part is of the very index that the machine's part is of:
**            both are captured when no command is with the machine.
** Source:    Paper 7; Diss. 5, 6.3 (sessions belong to the state).
**
**   | size of meta, 8 bytes | meta | pieces of the machine, as they came |
**
**   meta, canonical: [1, first, configuration_index, configuration, hash,
**                     is_blind,
**                     [[id, first_unacknowledged,
**                       [[sequence, -status, size, result or nil], …]], …]]
**
** first is entry 1, which names the cluster: who joins gets it from any
** member, however far its log was cut. Sessions are sorted from the least
** recently used, records as applied. */

#ifndef RAFT_REPLICA_SNAPSHOT_H
#define RAFT_REPLICA_SNAPSHOT_H

#include "base/slice.h"
#include "replica/session.h"
#include "wire/configuration.h"
#include "wire/rpc.h"

#define SNAPSHOT_META_VERSION 1
#define SNAPSHOT_PREFIX 8     /* bytes: the size of meta */

struct replica_meta {
  struct raft_slice first;    /* entry 1 */
  raft_index configuration_index;
  struct wire_configuration configuration;
  uint64_t hash;              /* over all results (digest.h) */
  bool is_blind;
  struct session_table sessions;
};

RAFT_HIDDEN_BEGIN

/* ---- snapshot_meta.c --------------------------------------------------- */

void replica_meta_init (struct replica_meta *meta);
void replica_meta_free (struct replica_meta *meta);

/* Appends the size and the meta part. Errors: RAFT_ENOMEM. */
int replica_meta_encode (struct raft_buffer *out,
                         const struct replica_meta *meta,
                         const struct session_table *sessions);
/* Takes bytes as they come: *data becomes what does not belong to meta. True:
** it is whole. 'bytes' collects, with the limits of 'like'.
** Errors through *status: RAFT_ENOMEM, RAFT_EMALFORMED. */
bool replica_meta_collect (struct raft_buffer *bytes, struct wire_view *data,
                           const struct session_table *like, int *status);
/* The whole, with its size in front. 'like' has the limits of the table.
** Errors: RAFT_ENOMEM, RAFT_EMALFORMED (also: it is of another cluster);
** *meta is then empty. */
int replica_meta_decode (const struct raft_buffer *bytes, uint64_t cluster,
                         const struct session_table *like,
                         struct replica_meta *meta);

/* ---- session_image.c --------------------------------------------------- */

/* Appends the table as a value. Errors: RAFT_ENOMEM. */
int replica_session_encode (const struct session_table *table,
                            struct raft_buffer *out);
/* Fills an empty table. Errors: RAFT_ENOMEM, RAFT_EMALFORMED. */
struct wire_cursor;
int replica_session_decode (struct session_table *table,
                            struct wire_cursor *cursor);

RAFT_HIDDEN_END

#endif
