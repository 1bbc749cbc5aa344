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
**                     is_blind, agreed features,
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
#include "wire/value.h"

#define SNAPSHOT_META_VERSION 1
#define SNAPSHOT_PREFIX 8     /* bytes: the size of meta */
#define SNAPSHOT_PART ((size_t)256 * 1024) /* bytes of sessions, en- or decoded
                                 in one turn of the engine's loop */

struct replica_meta {
  struct raft_slice first;    /* entry 1 */
  raft_index configuration_index;
  struct wire_configuration configuration;
  uint64_t hash;              /* over all results (digest.h) */
  bool is_blind;
  uint64_t agreed;            /* features (agree.h) */
  struct session_table sessions;
};

/* How far a table was written: the session that comes next, or whose records
** come next. */
struct session_writer {
  const struct session *session;
  const struct session_record *record;
  bool is_open;           /* what comes before its records is written */
};

/* How far a table was read. */
struct session_reader {
  bool is_begun;
  uint32_t sessions;      /* still to come */
  uint32_t records;       /* of the session at hand */
  bool is_open;           /* there is one at hand */
  uint64_t id;
  uint64_t first_unacknowledged;
  raft_time used;
};

RAFT_HIDDEN_BEGIN

/* ---- snapshot_meta.c --------------------------------------------------- */

void replica_meta_init (struct replica_meta *meta);
void replica_meta_free (struct replica_meta *meta);

/* Encoding, a part at a time: the sessions must stay as they are until it is
** whole. Zeroed, then begun. */
struct replica_meta_writer {
  size_t start;                  /* of it, in the buffer */
  struct session_writer sessions;
};

/* Appends what comes before the sessions, and has room for all.
** Errors: RAFT_ENOMEM; nothing was appended. */
int replica_meta_encode (struct raft_buffer *out,
                         const struct replica_meta *meta,
                         const struct session_table *sessions,
                         struct replica_meta_writer *writer);
/* Appends a further part. *is_whole: that was all. Errors: RAFT_ENOMEM. */
int replica_meta_encode_more (struct raft_buffer *out,
                              struct replica_meta_writer *writer,
                              bool *is_whole);
/* Takes bytes as they come: *data becomes what does not belong to meta. True:
** it is whole. 'bytes' collects, with the limits of 'like'.
** Errors through *status: RAFT_ENOMEM, RAFT_EMALFORMED. */
bool replica_meta_collect (struct raft_buffer *bytes, struct wire_view *data,
                           const struct session_table *like, int *status);
/* Decoding, a part at a time. Zeroed, then begun. */
struct replica_meta_reader {
  bool is_begun;
  struct wire_cursor cursor;
  struct session_reader sessions;
};

/* 'bytes' are all of it, with its size in front. 'like' has the limits of the
** table. *is_whole: that was all. Errors: RAFT_ENOMEM, RAFT_EMALFORMED (also:
** it is of another cluster); *meta is then empty, and *reader zero. */
int replica_meta_decode (const struct raft_buffer *bytes, uint64_t cluster,
                         const struct session_table *like,
                         struct replica_meta_reader *reader,
                         struct replica_meta *meta, bool *is_whole);

/* ---- session_image.c --------------------------------------------------- */

/* Appends the number of sessions; the rest in parts.
** Errors: RAFT_ENOMEM. */
int replica_session_encode (const struct session_table *table,
                            struct session_writer *writer,
                            struct raft_buffer *out);
/* Appends a part of about SNAPSHOT_PART bytes; writer->session NULL: that was
** all. Errors: RAFT_ENOMEM. */
int replica_session_encode_more (struct session_writer *writer,
                                 struct raft_buffer *out);
/* Fills an empty table, a part at a time. Begins with a zeroed reader; *is_
** whole: that was all. Errors: RAFT_ENOMEM, RAFT_EMALFORMED. */
int replica_session_decode (struct session_table *table,
                            struct session_reader *reader,
                            struct wire_cursor *cursor, bool *is_whole);

RAFT_HIDDEN_END

#endif
