/* SPDX-License-Identifier: MIT
**
** entry.h - one log entry as bytes: an envelope of 80 bytes and a payload.
**
** Rule: an entry is encoded once, by its leader. The same bytes are on the
**       wire, in every log and in every cache.
**
**   offset  size  field
**        0     1  kind               enum raft_entry_kind
**        1     1  flags              0
**        2     2  reserved           0
**        4     4  payload size       bytes
**        8     8  group
**       16     8  term
**       24     8  index
**       32     8  session            0: none, at-least-once
**       40     8  sequence           within the session, from 1
**       48     8  first unacknowledged sequence: results below may go
**       56     8  time               the leader's wall clock, microseconds
**       64     8  random
**       72     8  payload checksum   XXH3-64, made by the client or by the
**                                    first member, never made anew
**       80        payload            one canonical value, or empty
**
** All numbers are little-endian. */

#ifndef RAFT_WIRE_ENTRY_H
#define RAFT_WIRE_ENTRY_H

#include "base/error.h"
#include "base/types.h"

#define WIRE_ENTRY_HEAD 80 /* bytes */

struct wire_entry {
  uint8_t kind;
  uint8_t flags;
  uint64_t group;
  raft_term term;
  raft_index index;
  uint64_t session;
  uint64_t sequence;
  uint64_t first_unacknowledged;
  raft_time time;
  uint64_t random;
  uint64_t payload_checksum;
  const uint8_t *payload; /* decoded: points into the bytes */
  uint32_t payload_size;
};

RAFT_HIDDEN_BEGIN

/* Writes envelope and payload; 'bytes' has room for
** WIRE_ENTRY_HEAD + payload_size. Never touches the checksum given. */
void wire_entry_encode (const struct wire_entry *entry, uint8_t *bytes);

/* Reads an envelope from 'size' bytes, of which it may use fewer; the whole
** entry must be there. Does not check the payload's checksum.
** Errors: RAFT_EMALFORMED: cut, or index, term or kind 0, or a number at or
** above 2^53 that must be below, or a reserved bit set. */
int wire_entry_decode (const uint8_t *bytes, size_t size,
                       struct wire_entry *entry);

/* Whether the payload is what was checksummed. */
bool wire_entry_is_intact (const struct wire_entry *entry);

RAFT_HIDDEN_END

#endif
