/* SPDX-License-Identifier: MIT
**
** message.h - what members say to each other, as notifications:
**
**   [2, "raft", [checksum, group, from, to, body]]
**
** checksum is XXH3-64 over group, from, to and the bytes of body, which is
** bin: [kind, term, …fields…]:
**
**   PRE_VOTE, VOTE         last_index, last_term, transfer (may be left out)
**   …_RESULT of these      granted
**   APPEND                 previous_index, previous_term, commit, round,
**                          lease_us, entries
**   APPEND_RESULT          rejected, stalled, match_index, rejected_index,
**                          hint_index, hint_term, round, disk_full (left out
**                          when false)
**   TIMEOUT_NOW            nothing more
**   READ, READ_RESULT      context, index (0 in READ)
**   RESULT_HASH            index, hash, trail (may be left out)
**   SNAPSHOT               index, last_term, time, size, salt, block, data
**   SNAPSHOT_RESULT        index, salt, next, outcome
**
** The entries of an AppendEntries are the bytes of the log itself (entry.h),
** one bin each. */

#ifndef RAFT_WIRE_MESSAGE_H
#define RAFT_WIRE_MESSAGE_H

#include "base/buffer.h"
#include "base/bug.h"
#include "base/error.h"
#include "base/slice.h"
#include "raft/raft.h"
#include "wire/rpc.h"
#include "wire/version.h"

#define WIRE_MESSAGE_METHOD "raft"

/* Kinds of bodies beside enum raft_message_kind: talk between the replicas,
** that the engine does not see. */
enum wire_message_kind {
  WIRE_MESSAGE_RESULT_HASH = 64, /* [kind, term, index, hash, trail] */
  WIRE_MESSAGE_SNAPSHOT = 65,
  WIRE_MESSAGE_SNAPSHOT_RESULT = 66
};

#define WIRE_TRAIL_MAX 256 /* hashes of 8 bytes, little-endian, in a trail */

struct wire_result_hash {
  raft_term term;
  raft_index index;  /* a multiple of 256 */
  uint64_t hash;     /* of all results up to it */
  struct wire_view trail; /* the same hash at each of the last indexes, up to
                        'index'; size 0: not told */
};

#define WIRE_SNAPSHOT_BLOCK 65536 /* bytes: of the content, as on the disk */

/* A piece of a snapshot. Index and salt name it: no two files of one sender
** have the same. */
struct wire_snapshot {
  raft_term term;
  raft_index index;      /* of the last entry that it covers */
  raft_term last_term;   /* of that entry */
  raft_time time;        /* of that entry */
  uint64_t size;         /* bytes of the whole content */
  uint64_t salt;
  uint64_t block;        /* number of this one, from 0 */
  struct wire_view data; /* WIRE_SNAPSHOT_BLOCK bytes, the last one fewer;
                            none: an offer, answered by what is missing */
};

enum wire_snapshot_outcome {
  WIRE_SNAPSHOT_GOES_ON,   /* block 'next' is missing, or the last has come */
  WIRE_SNAPSHOT_INSTALLED, /* durable there, or not needed any more */
  WIRE_SNAPSHOT_REFUSED    /* not now */
};

struct wire_snapshot_result {
  raft_term term;
  raft_index index;
  uint64_t salt;
  uint64_t next;         /* so many blocks are written there */
  enum wire_snapshot_outcome outcome;
};

struct wire_message {
  uint64_t group;
  bool is_result_hash;
  bool is_snapshot;
  bool is_snapshot_result;
  struct wire_snapshot snapshot; /* its data stands in the received bytes */
  struct wire_snapshot_result snapshot_result;
  struct raft_message message;   /* else; its entries point into the room */
  struct wire_result_hash result_hash;
  raft_id from;
  raft_id to;
  /* AppendEntries: the bytes of each entry, inside the received bytes. */
  struct wire_view *entry_bytes;
};

/* Reused between messages, so that nothing is allocated per entry. */
struct wire_message_room {
  struct raft_memory *memory;
  struct raft_entry *entries;
  size_t entry_capacity;
  struct wire_view *views;
  size_t view_capacity;
  struct raft_configuration *configurations;
  size_t configuration_capacity;
  struct wire_version version; /* which kinds of entries are known */
  enum raft_bug bug;
};

RAFT_HIDDEN_BEGIN

void wire_message_room_init (struct wire_message_room *room,
                             struct raft_memory *memory);
void wire_message_room_free (struct wire_message_room *room);

/* Appends the whole notification. 'entries' are the encoded entries of an
** AppendEntries, message->as.append.entry_count of them, else NULL.
** Errors: RAFT_ENOMEM, nothing is appended. */
int wire_message_encode (struct raft_buffer *out, uint64_t group,
                         const struct raft_message *message,
                         const struct raft_slice *entries);
int wire_result_hash_encode (struct raft_buffer *out, uint64_t group,
                             raft_id from, raft_id to,
                             const struct wire_result_hash *hash);

int wire_snapshot_encode (struct raft_buffer *out, uint64_t group,
                          raft_id from, raft_id to,
                          const struct wire_snapshot *snapshot);
int wire_snapshot_result_encode (struct raft_buffer *out, uint64_t group,
                                 raft_id from, raft_id to,
                                 const struct wire_snapshot_result *result);

/* The sum that stands first in the params. */
uint64_t wire_message_checksum (uint64_t group, raft_id from, raft_id to,
                                struct wire_view body);

/* Takes the params of a "raft" notification apart and checks everything: the
** checksum, that ids and terms are not 0, that numbers are below 2^53, that
** each entry decodes, has the index that follows, a term that does not fall
** and is not above the message's, this group, and an intact payload. What it
** gives lives as long as the received bytes, and until the room is used
** again.
** Errors: RAFT_EMALFORMED (said in *detail), RAFT_ECORRUPT (checksum),
** RAFT_EUNSUPPORTED (a kind or entry kind that must be understood),
** RAFT_ENOMEM. */
int wire_message_decode (struct wire_view params,
                         struct wire_message_room *room,
                         struct wire_message *message,
                         struct raft_detail *detail);

RAFT_HIDDEN_END

#endif
