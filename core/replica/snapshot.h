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
/* What is encoded in one turn of the engine's loop: bytes, and sessions and
** records. */
#define SNAPSHOT_PART ((size_t)256 * 1024)
#define SNAPSHOT_PART_ITEMS 4096
/* A result from this size on is not copied: the table and the snapshot share
** it. */
#define SNAPSHOT_SHARED 4096

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

/* Meta, encoded: a part per turn in, a block at a time out. What the sessions
** keep is shared with them, so it costs neither copies nor their memory. */
struct replica_meta_writer {
  struct session_writer sessions;
  struct raft_buffer bytes;   /* of the part that is being filled */
  struct raft_slice *parts;
  size_t count;
  size_t capacity;
  size_t next;                /* part to be taken */
  size_t taken;               /* bytes of it that were */
  uint64_t size;              /* of all parts */
};

/* Meta, decoded as its bytes come. */
struct replica_meta_reader {
  struct raft_buffer bytes;   /* the beginning of a value whose end is not
                                 here yet */
  uint64_t left;              /* bytes still to come */
  bool has_size;
  bool has_head;              /* what comes before the sessions */
  bool is_whole;
  struct session_reader sessions;
};

RAFT_HIDDEN_BEGIN

/* ---- snapshot_meta.c --------------------------------------------------- */

void replica_meta_init (struct replica_meta *meta);
void replica_meta_free (struct replica_meta *meta);
/* The same by parts: true, it is empty. */
bool replica_meta_shed (struct replica_meta *meta);

void replica_meta_writer_init (struct replica_meta_writer *writer,
                               struct raft_memory *memory);
void replica_meta_writer_free (struct replica_meta_writer *writer);
/* The same by parts: true, it is empty, and can be used again. */
bool replica_meta_writer_shed (struct replica_meta_writer *writer);
/* Begins with what comes before the sessions, which must stay as they are
** until all is encoded. Errors: RAFT_ENOMEM. */
int replica_meta_encode (struct replica_meta_writer *writer,
                         const struct replica_meta *meta,
                         const struct session_table *sessions);
/* Encodes a further part. *is_whole: that was all. Errors: RAFT_ENOMEM. */
int replica_meta_encode_more (struct replica_meta_writer *writer,
                              bool *is_whole);
/* Appends a large result, which is not copied. Errors: RAFT_ENOMEM. */
int replica_meta_share (struct replica_meta_writer *writer,
                        struct raft_block *result);
/* The next bytes, a block of a file at most; those before are given back.
** False: it has given all. */
bool replica_meta_take (struct replica_meta_writer *writer,
                        struct wire_view *data);

void replica_meta_reader_init (struct replica_meta_reader *reader,
                               struct raft_memory *memory);
void replica_meta_reader_free (struct replica_meta_reader *reader); /* as new*/
/* Takes bytes as they come: *data becomes what does not belong to meta, and
** *meta is filled, with the limits of 'like'; meta NULL: they are passed over.
** Errors: RAFT_ENOMEM, RAFT_EMALFORMED (also: it is of another cluster); *meta
** is then to be freed. */
int replica_meta_read (struct replica_meta_reader *reader,
                       struct wire_view *data, uint64_t cluster,
                       const struct session_table *like,
                       struct replica_meta *meta);

/* ---- session_image.c --------------------------------------------------- */

/* Appends the number of sessions; the rest in parts.
** Errors: RAFT_ENOMEM. */
int replica_session_encode (const struct session_table *table,
                            struct replica_meta_writer *writer);
/* Appends a part; writer->sessions.session NULL: that was all.
** Errors: RAFT_ENOMEM. */
int replica_session_encode_more (struct replica_meta_writer *writer);
/* Fills an empty table, from a zeroed reader on, as far as the bytes go; more:
** others come behind them. *is_whole: that was all.
** Errors: RAFT_ENOMEM, RAFT_EMALFORMED. */
int replica_session_decode (struct session_table *table,
                            struct session_reader *reader,
                            struct wire_cursor *cursor, bool more,
                            bool *is_whole);
/* Whether what cannot be read from 'size' bytes may only miss its end. */
bool replica_session_may_grow (size_t size, bool more);

RAFT_HIDDEN_END

#endif
