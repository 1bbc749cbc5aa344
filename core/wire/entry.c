/* SPDX-License-Identifier: MIT
**
** entry.c - the envelope of a log entry. */

#include "wire/entry.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"

void wire_entry_encode (const struct wire_entry *entry, uint8_t *bytes) {
  memset (bytes, 0, WIRE_ENTRY_HEAD);
  bytes[0] = entry->kind;
  bytes[1] = entry->flags;
  raft_store_u32 (bytes + 4, entry->payload_size);
  raft_store_u64 (bytes + 8, entry->group);
  raft_store_u64 (bytes + 16, entry->term);
  raft_store_u64 (bytes + 24, entry->index);
  raft_store_u64 (bytes + 32, entry->session);
  raft_store_u64 (bytes + 40, entry->sequence);
  raft_store_u64 (bytes + 48, entry->first_unacknowledged);
  raft_store_u64 (bytes + 56, entry->time);
  raft_store_u64 (bytes + 64, entry->random);
  raft_store_u64 (bytes + 72, entry->payload_checksum);
  if (entry->payload_size > 0) {
    memcpy (bytes + WIRE_ENTRY_HEAD, entry->payload, entry->payload_size);
  }
}

/* Numbers that Lua must be able to hold. */
static bool entry_numbers_fit (const struct wire_entry *entry) {
  return entry->term <= RAFT_INDEX_MAX && entry->index <= RAFT_INDEX_MAX
         && entry->session <= RAFT_INDEX_MAX
         && entry->sequence <= RAFT_INDEX_MAX
         && entry->first_unacknowledged <= RAFT_INDEX_MAX
         && entry->time <= RAFT_TIME_MAX;
}

int wire_entry_decode (const uint8_t *bytes, size_t size,
                       struct wire_entry *entry) {
  struct wire_entry read;
  if (size < WIRE_ENTRY_HEAD) {
    return RAFT_EMALFORMED;
  }
  read.kind = bytes[0];
  read.flags = bytes[1];
  read.payload_size = raft_load_u32 (bytes + 4);
  read.group = raft_load_u64 (bytes + 8);
  read.term = raft_load_u64 (bytes + 16);
  read.index = raft_load_u64 (bytes + 24);
  read.session = raft_load_u64 (bytes + 32);
  read.sequence = raft_load_u64 (bytes + 40);
  read.first_unacknowledged = raft_load_u64 (bytes + 48);
  read.time = raft_load_u64 (bytes + 56);
  read.random = raft_load_u64 (bytes + 64);
  read.payload_checksum = raft_load_u64 (bytes + 72);
  read.payload = bytes + WIRE_ENTRY_HEAD;
  if (read.kind == 0 || read.flags != 0 || bytes[2] != 0 || bytes[3] != 0
      || read.term == 0 || read.index == 0 || !entry_numbers_fit (&read)
      || read.payload_size > size - WIRE_ENTRY_HEAD) {
    return RAFT_EMALFORMED;
  }
  *entry = read;
  return RAFT_OK;
}

bool wire_entry_is_intact (const struct wire_entry *entry) {
  return raft_checksum (entry->payload, entry->payload_size, 0)
         == entry->payload_checksum;
}
