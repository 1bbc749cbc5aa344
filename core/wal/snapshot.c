/* SPDX-License-Identifier: MIT
**
** snapshot.c - names and heads of snapshot files. */

#include "wal/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"

void wal_snapshot_name (raft_index index, char *name) {
  (void)snprintf (name, WAL_SNAPSHOT_NAME, "%s%0*llu", WAL_SNAPSHOT_PREFIX,
                  WAL_SNAPSHOT_DIGITS, (unsigned long long)index);
}

raft_index wal_snapshot_index (const char *name) {
  size_t prefix = sizeof WAL_SNAPSHOT_PREFIX - 1;
  raft_index index = 0;
  if (strlen (name) != prefix + WAL_SNAPSHOT_DIGITS
      || memcmp (name, WAL_SNAPSHOT_PREFIX, prefix) != 0) {
    return 0;
  }
  for (const char *at = name + prefix; *at != '\0'; at++) {
    if (*at < '0' || *at > '9') {
      return 0;
    }
    index = index * 10 + (raft_index)(*at - '0');
  }
  return index;
}

void wal_snapshot_head_encode (const struct wal_snapshot_head *head,
                               uint8_t *bytes) {
  memset (bytes, 0, WAL_SNAPSHOT_HEAD);
  memcpy (bytes, WAL_SNAPSHOT_MAGIC, 8);
  raft_store_u32 (bytes + 8, WAL_SNAPSHOT_VERSION);
  raft_store_u32 (bytes + 12, WAL_SNAPSHOT_FEATURES);
  raft_store_u64 (bytes + 16, head->identity.cluster);
  raft_store_u64 (bytes + 24, head->identity.member);
  raft_store_u64 (bytes + 32, head->identity.incarnation);
  raft_store_u64 (bytes + 40, head->index);
  raft_store_u64 (bytes + 48, head->term);
  raft_store_u64 (bytes + 56, head->time);
  raft_store_u64 (bytes + 64, head->size);
  raft_store_u64 (bytes + 72, head->salt);
  raft_store_u64 (bytes + 504, raft_checksum (bytes, 504, WAL_SNAPSHOT_SALT));
}

static int head_is_ours (const uint8_t *bytes, size_t size, const char *name,
                         struct raft_detail *detail) {
  if (size < WAL_SNAPSHOT_HEAD) {
    return raft_fail (detail, RAFT_ECORRUPT, "%s: expected a head of %d bytes "
                      "at offset 0, got %u", name, WAL_SNAPSHOT_HEAD,
                      (unsigned)size);
  }
  if (memcmp (bytes, WAL_SNAPSHOT_MAGIC, 8) != 0
      || raft_load_u64 (bytes + 504)
           != raft_checksum (bytes, 504, WAL_SNAPSHOT_SALT)) {
    return raft_fail (detail, RAFT_ECORRUPT, "%s: the head at offset 0 is "
                      "damaged", name);
  }
  if (raft_load_u32 (bytes + 8) != WAL_SNAPSHOT_VERSION
      || raft_load_u32 (bytes + 12) != WAL_SNAPSHOT_FEATURES) {
    return raft_fail (detail, RAFT_EUNSUPPORTED, "%s: expected format version "
                      "%d without features, got version %u, features %x",
                      name, WAL_SNAPSHOT_VERSION,
                      (unsigned)raft_load_u32 (bytes + 8),
                      (unsigned)raft_load_u32 (bytes + 12));
  }
  return RAFT_OK;
}

int wal_snapshot_head_decode (const uint8_t *bytes, size_t size,
                              const char *name,
                              struct wal_snapshot_head *head,
                              struct raft_detail *detail) {
  int status = head_is_ours (bytes, size, name, detail);
  if (status != RAFT_OK) {
    return status;
  }
  head->identity.cluster = raft_load_u64 (bytes + 16);
  head->identity.member = raft_load_u64 (bytes + 24);
  head->identity.incarnation = raft_load_u64 (bytes + 32);
  head->index = raft_load_u64 (bytes + 40);
  head->term = raft_load_u64 (bytes + 48);
  head->time = raft_load_u64 (bytes + 56);
  head->size = raft_load_u64 (bytes + 64);
  head->salt = raft_load_u64 (bytes + 72);
  if (head->index != wal_snapshot_index (name)) {
    return raft_fail (detail, RAFT_ECORRUPT, "%s: the head at offset 0 is of "
                      "index %llu", name, (unsigned long long)head->index);
  }
  if (head->index > WAL_BASE_MAX) {
    return raft_fail (detail, RAFT_ECORRUPT, "%s: expected an index up to "
                      "%llu at offset 40, got %llu", name,
                      (unsigned long long)WAL_BASE_MAX,
                      (unsigned long long)head->index);
  }
  return RAFT_OK;
}

uint64_t wal_snapshot_sum (const struct wal_snapshot_head *head,
                           uint64_t block, const uint8_t *data, size_t size) {
  return raft_checksum (data, size, raft_mix (head->salt + block));
}

uint64_t wal_snapshot_file_size (uint64_t size) {
  uint64_t blocks = (size + WAL_SNAPSHOT_BLOCK - 1) / WAL_SNAPSHOT_BLOCK;
  return WAL_SNAPSHOT_HEAD + size + blocks * WAL_SNAPSHOT_SUM;
}
