/* SPDX-License-Identifier: MIT
**
** record.c - bytes of heads, batches and records. */

#include "wal/record.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/panic.h"

/* ---- names ------------------------------------------------------------- */

void wal_segment_name (uint64_t number, char *name) {
  (void)snprintf (name, WAL_NAME_BYTES, WAL_NAME_PREFIX "%0*llu",
                  WAL_NAME_DIGITS, (unsigned long long)(number % 10000000000u));
}

uint64_t wal_segment_number (const char *name) {
  size_t prefix = sizeof WAL_NAME_PREFIX - 1;
  uint64_t number = 0;
  if (strncmp (name, WAL_NAME_PREFIX, prefix) != 0
      || strlen (name) != prefix + WAL_NAME_DIGITS) {
    return 0;
  }
  for (const char *digit = name + prefix; *digit != '\0'; digit++) {
    if (*digit < '0' || *digit > '9') {
      return 0;
    }
    number = number * 10 + (uint64_t)(*digit - '0');
  }
  return number;
}

/* ---- heads of segments ------------------------------------------------- */

#define HEAD_CHECKSUM (WAL_SECTOR - 8) /* offset in the head */

void wal_segment_head_encode (const struct wal_segment_head *head,
                              uint8_t *sector) {
  memset (sector, 0, WAL_SECTOR);
  memcpy (sector, WAL_MAGIC, sizeof WAL_MAGIC);
  raft_store_u32 (sector + 8, WAL_FORMAT_VERSION);
  raft_store_u32 (sector + 12, WAL_FEATURES);
  raft_store_u64 (sector + 16, head->identity.cluster);
  raft_store_u64 (sector + 24, head->identity.member);
  raft_store_u64 (sector + 32, head->identity.incarnation);
  raft_store_u64 (sector + 40, head->number);
  raft_store_u64 (sector + 48, head->size);
  raft_store_u64 (sector + 56, head->salt);
  raft_store_u64 (sector + HEAD_CHECKSUM,
                  raft_checksum (sector, HEAD_CHECKSUM, WAL_HEAD_SALT));
}

/* Version and features are judged only in a head that is intact, so that a
** flipped bit is not taken for a later version. */
static int check_version (const uint8_t *data, const char *name,
                          struct raft_detail *detail) {
  uint32_t version = raft_load_u32 (data + 8);
  uint32_t features = raft_load_u32 (data + 12);
  if (version != WAL_FORMAT_VERSION) {
    return raft_fail (detail, RAFT_EUNSUPPORTED,
                      "%s: expected format version %u, got %u", name,
                      WAL_FORMAT_VERSION, version);
  }
  if ((features & ~(uint32_t)WAL_FEATURES) != 0) {
    return raft_fail (detail, RAFT_EUNSUPPORTED,
                      "%s: expected feature bits 0x%x, got 0x%x", name,
                      WAL_FEATURES, features);
  }
  return RAFT_OK;
}

int wal_segment_head_decode (const uint8_t *data, size_t size,
                             const char *name, struct wal_segment_head *head,
                             struct raft_detail *detail) {
  int status;
  if (size < WAL_SECTOR) {
    return raft_fail (detail, RAFT_ECORRUPT, "%s: expected a head of %d "
                      "bytes at offset 0, the file ends at offset %llu",
                      name, WAL_SECTOR, (unsigned long long)size);
  }
  if (memcmp (data, WAL_MAGIC, sizeof WAL_MAGIC) != 0) {
    return raft_fail (detail, RAFT_ECORRUPT, "%s: expected the magic of a "
                      "log at offset 0", name);
  }
  if (raft_load_u64 (data + HEAD_CHECKSUM)
      != raft_checksum (data, HEAD_CHECKSUM, WAL_HEAD_SALT)) {
    return raft_fail (detail, RAFT_ECORRUPT, "%s: the head at offset 0 does "
                      "not match its checksum", name);
  }
  status = check_version (data, name, detail);
  if (status != RAFT_OK) {
    return status;
  }
  head->identity.cluster = raft_load_u64 (data + 16);
  head->identity.member = raft_load_u64 (data + 24);
  head->identity.incarnation = raft_load_u64 (data + 32);
  head->number = raft_load_u64 (data + 40);
  head->size = raft_load_u64 (data + 48);
  head->salt = raft_load_u64 (data + 56);
  return RAFT_OK;
}

/* ---- batches ----------------------------------------------------------- */

uint64_t wal_batch_salt (uint64_t salt, uint64_t number, uint64_t offset) {
  return raft_mix (raft_mix (salt ^ number) ^ offset);
}

void wal_batch_head_encode (const struct wal_batch_head *head, uint64_t salt,
                            uint8_t *bytes) {
  memset (bytes, 0, WAL_BATCH_HEAD);
  raft_store_u32 (bytes, WAL_BATCH_MAGIC);
  raft_store_u32 (bytes + 4, head->size);
  raft_store_u64 (bytes + 8, head->number);
  raft_store_u64 (bytes + 16, head->term);
  raft_store_u64 (bytes + 24, head->vote);
  raft_store_u32 (bytes + 32, head->record_count);
  raft_store_u64 (bytes + 40, head->records_checksum);
  raft_store_u64 (bytes + 56, raft_checksum (bytes, 56, salt));
}

bool wal_batch_head_decode (const struct wal_bytes *bytes, uint64_t at,
                            struct wal_batch_head *head) {
  const uint8_t *data;
  uint64_t salt;
  if (at < bytes->offset || at - bytes->offset > bytes->size
      || bytes->size - (size_t)(at - bytes->offset) < WAL_BATCH_HEAD) {
    return false;
  }
  data = bytes->data + (size_t)(at - bytes->offset);
  if (raft_load_u32 (data) != WAL_BATCH_MAGIC) {
    return false;
  }
  head->size = raft_load_u32 (data + 4);
  head->number = raft_load_u64 (data + 8);
  head->term = raft_load_u64 (data + 16);
  head->vote = raft_load_u64 (data + 24);
  head->record_count = raft_load_u32 (data + 32);
  head->records_checksum = raft_load_u64 (data + 40);
  salt = wal_batch_salt (bytes->salt, head->number, at);
  if (!raft_bug (bytes, SKIP_CHECKSUM)
      && raft_load_u64 (data + 56) != raft_checksum (data, 56, salt)) {
    return false;
  }
  /* What follows holds for every batch that was ever written, but a head
  ** is data: it is not believed because its checksum fits. */
  return head->number > 0 && head->term <= RAFT_INDEX_MAX
         && head->vote <= RAFT_INDEX_MAX && head->size >= WAL_SECTOR
         && head->size % WAL_SECTOR == 0;
}

void wal_record_encode (const struct wal_record *record, uint8_t *bytes) {
  memset (bytes, 0, WAL_RECORD_HEAD);
  bytes[0] = record->kind;
  raft_store_u32 (bytes + 4, record->size);
  raft_store_u64 (bytes + 8, record->a);
  raft_store_u64 (bytes + 16, record->b);
  raft_store_u64 (bytes + 24, record->checksum);
}

void wal_record_decode (const uint8_t *bytes, struct wal_record *record) {
  record->kind = bytes[0];
  record->size = raft_load_u32 (bytes + 4);
  record->a = raft_load_u64 (bytes + 8);
  record->b = raft_load_u64 (bytes + 16);
  record->checksum = raft_load_u64 (bytes + 24);
}

static const char *check_bodies (const struct wal_bytes *bytes,
                                 const uint8_t *data, uint64_t salt,
                                 const struct wal_batch_head *head) {
  size_t left = head->size - WAL_BATCH_HEAD
                - (size_t)head->record_count * WAL_RECORD_HEAD;
  const uint8_t *body = data + (head->size - left);
  for (uint32_t i = 0; i < head->record_count; i++) {
    struct wal_record record;
    wal_record_decode (data + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD,
                       &record);
    if (record.size > left) {
      return "a record ends behind its batch";
    }
    if (!raft_bug (bytes, SKIP_CHECKSUM)
        && raft_checksum (body, record.size, salt) != record.checksum) {
      return "a record does not match its checksum";
    }
    body += record.size;
    left -= record.size;
  }
  return left < WAL_SECTOR ? NULL : "a batch is longer than its records";
}

const char *wal_batch_check (const struct wal_bytes *bytes, uint64_t at,
                             const struct wal_batch_head *head) {
  const uint8_t *data = bytes->data + (size_t)(at - bytes->offset);
  uint64_t salt = wal_batch_salt (bytes->salt, head->number, at);
  raft_assert (at >= bytes->offset && at - bytes->offset <= bytes->size);
  if (head->size > bytes->size - (size_t)(at - bytes->offset)) {
    return "a batch ends behind its segment";
  }
  if (head->record_count > (head->size - WAL_BATCH_HEAD) / WAL_RECORD_HEAD) {
    return "record heads end behind their batch";
  }
  if (!raft_bug (bytes, SKIP_CHECKSUM)
      && raft_checksum (data + WAL_BATCH_HEAD,
                        (size_t)head->record_count * WAL_RECORD_HEAD, salt)
           != head->records_checksum) {
    return "record heads do not match their checksum";
  }
  return check_bodies (bytes, data, salt, head);
}

uint64_t wal_find_proof (const struct wal_bytes *bytes, uint64_t at,
                         uint64_t number) {
  uint64_t end = bytes->offset + bytes->size;
  for (; at + WAL_BATCH_HEAD <= end; at += WAL_SECTOR) {
    struct wal_batch_head head;
    if (wal_batch_head_decode (bytes, at, &head) && head.number > number) {
      return at;
    }
  }
  return 0;
}
