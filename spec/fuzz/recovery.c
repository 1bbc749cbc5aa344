/* SPDX-License-Identifier: MIT
**
** recovery.c - libFuzzer target: opening a directory of any bytes.
**
** The first byte says how many segments there are and whether the rest is
** taken as it is, or as batches and records that are sealed here: with right
** magics, numbers and checksums, so that the fuzzer gets behind them.
** Opening ends with a verdict. A log that opens can be read from end to end,
** takes a write, closes, and opens again with the same last index.
**
**   clang -g -O1 -fsanitize=fuzzer,address,undefined -Icore \
**     spec/fuzz/recovery.c core/base/{buffer,checksum,error,limit,memory}.c \
**     core/base/{panic,slice,trace}.c core/wal/{*}.c core/wire/entry.c \
**     core/sim/disk{,_file,_inspect,_names}.c -o recovery */

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/memory.h"
#include "base/panic.h"
#include "sim/disk.h"
#include "wal/record.h"
#include "wal/wal.h"
#include "wire/entry.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define SEGMENT 4096
#define SEGMENTS_MAX 3

struct opening {
  struct raft_arena arena;
  struct port_clock clock;
  struct wal_options options;
  struct wal *wal;
  int status;
  bool is_told;
  bool is_closed;
  bool is_loaded;
  bool has_failed;
  raft_index base;
  raft_index last;
  raft_term term;
  uint64_t durable;
};

/* ---- a log and its owner ----------------------------------------------- */

static raft_time clock_now (struct port_clock *clock) {
  (void)clock;
  return RAFT_SECOND;
}

static uint64_t clock_random (struct port_clock *clock) {
  (void)clock;
  return 4711;
}

static void on_opened (void *owner, int status,
                       const struct wal_recovered *recovered,
                       const struct raft_detail *detail) {
  struct opening *opening = owner;
  opening->is_told = true;
  opening->status = status;
  if (status == RAFT_OK) {
    opening->base = recovered->base_index;
    opening->last = recovered->last_index;
    opening->term = recovered->term;
  } else {
    raft_assert (detail->text[0] != '\0');
  }
}

static void on_durable (void *owner, uint64_t ticket) {
  ((struct opening *)owner)->durable = ticket;
}

static void on_failed (void *owner, int status,
                       const struct raft_detail *detail) {
  (void)status;
  (void)detail;
  ((struct opening *)owner)->has_failed = true;
}

static void on_full (void *owner, bool yes) {
  (void)owner;
  (void)yes;
}

static void on_closed (void *owner) {
  ((struct opening *)owner)->is_closed = true;
}

static void on_loaded (struct wal_load *load) {
  ((struct opening *)load->owner)->is_loaded = true;
}

static void open_log (struct opening *opening, struct sim_disk *disk) {
  memset (opening, 0, sizeof *opening);
  raft_arena_init (&opening->arena);
  opening->clock.now = clock_now;
  opening->clock.wall = clock_now;
  opening->clock.random = clock_random;
  opening->options.memory = &opening->arena.memory;
  opening->options.fs = sim_disk_port (disk);
  opening->options.clock = &opening->clock;
  raft_limits_default (&opening->options.limits);
  opening->options.limits.segment_bytes = SEGMENT;
  opening->options.owner = opening;
  opening->options.opened = on_opened;
  opening->options.durable = on_durable;
  opening->options.failed = on_failed;
  opening->options.full = on_full;
  raft_assert (wal_open (&opening->wal, &opening->options) == RAFT_OK);
  sim_disk_drain (disk);
  raft_assert (opening->is_told);
}

static void end_log (struct opening *opening, struct sim_disk *disk) {
  sim_disk_kill (disk);
  wal_free (opening->wal);
  raft_assert (opening->arena.bytes == 0);
}

/* ---- what an open log must be able to do ------------------------------- */

static void read_all (struct opening *opening, struct sim_disk *disk) {
  raft_index next = opening->base + 1;
  while (next <= opening->last) {
    struct wal_load load;
    memset (&load, 0, sizeof load);
    load.first = next;
    load.count = UINT32_MAX;
    load.max_bytes = 1000;
    load.done = on_loaded;
    load.owner = opening;
    opening->is_loaded = false;
    wal_read (opening->wal, &load);
    sim_disk_drain (disk);
    raft_assert (opening->is_loaded && load.status == RAFT_OK
                 && load.loaded > 0);
    next += load.loaded;
    wal_load_free (&load);
  }
}

static void write_one (struct opening *opening, struct sim_disk *disk) {
  struct wire_entry entry;
  struct raft_slice slice;
  struct wal_write write;
  uint8_t bytes[WIRE_ENTRY_HEAD];
  memset (&entry, 0, sizeof entry);
  entry.kind = RAFT_ENTRY_NOOP;
  entry.index = opening->last + 1;
  entry.term = opening->term > 0 ? opening->term : 1;
  wire_entry_encode (&entry, bytes);
  slice = raft_slice_borrowed (bytes, sizeof bytes);
  write.ticket = 1;
  write.term = entry.term;
  write.vote = 1;
  write.first = entry.index;
  write.entries = &slice;
  write.count = 1;
  raft_assert (wal_persist (opening->wal, &write) == RAFT_OK);
  sim_disk_drain (disk);
  raft_assert (opening->durable == 1 && !opening->has_failed);
}

static void close_log (struct opening *opening, struct sim_disk *disk) {
  wal_close (opening->wal, on_closed);
  sim_disk_drain (disk);
  raft_assert (opening->is_closed);
}

/* ---- bytes that pass for a log ----------------------------------------- */

/* Seals records and bodies behind a head, as far as they lie within. */
static void seal_records (uint8_t *batch, size_t size, uint64_t salt) {
  uint32_t count = raft_load_u32 (batch + 32) % 8;
  size_t heads = (size_t)count * WAL_RECORD_HEAD;
  uint8_t *body = batch + WAL_BATCH_HEAD + heads;
  size_t left = size - WAL_BATCH_HEAD;
  if (heads > left) {
    count = 0;
    heads = 0;
    body = batch + WAL_BATCH_HEAD;
  }
  left -= heads;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t *head = batch + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD;
    size_t bytes = raft_load_u32 (head + 4) % 512;
    bytes = bytes < left ? bytes : left;
    raft_store_u32 (head + 4, (uint32_t)bytes);
    raft_store_u64 (head + 24, raft_checksum (body, bytes, salt));
    body += bytes;
    left -= bytes;
  }
  raft_store_u32 (batch + 32, count);
  raft_store_u64 (batch + 40,
                  raft_checksum (batch + WAL_BATCH_HEAD, heads, salt));
}

/* The size of a batch becomes whole sectors within the segment. */
static void seal_batches (uint8_t *segment, uint64_t *number, uint64_t salt) {
  size_t at = WAL_SECTOR;
  while (at < SEGMENT && segment[at] != 0) {
    uint8_t *batch = segment + at;
    size_t sectors = 1 + raft_load_u32 (batch + 4) % 7;
    size_t size = sectors * WAL_SECTOR;
    uint64_t sum;
    size = size < SEGMENT - at ? size : SEGMENT - at;
    (*number)++;
    sum = wal_batch_salt (salt, *number, at);
    seal_records (batch, size, sum);
    raft_store_u32 (batch, WAL_BATCH_MAGIC);
    raft_store_u32 (batch + 4, (uint32_t)size);
    raft_store_u64 (batch + 8, *number);
    raft_store_u64 (batch + 56, raft_checksum (batch, 56, sum));
    at += size;
  }
}

static void make_segment (struct sim_disk *disk, uint64_t segment_number,
                          uint64_t *batch_number, const uint8_t *data,
                          size_t size) {
  struct wal_segment_head head;
  uint8_t segment[SEGMENT];
  char name[WAL_NAME_BYTES];
  memset (segment, 0, sizeof segment);
  size = size < SEGMENT - WAL_SECTOR ? size : SEGMENT - WAL_SECTOR;
  if (size > 0) {
    memcpy (segment + WAL_SECTOR, data, size);
  }
  head.identity.cluster = 1;
  head.identity.member = 1;
  head.identity.incarnation = 1;
  head.number = segment_number;
  head.size = SEGMENT;
  head.salt = 99;
  wal_segment_head_encode (&head, segment);
  seal_batches (segment, batch_number, head.salt);
  wal_segment_name (segment_number, name);
  sim_disk_put (disk, name, segment, sizeof segment);
}

static void make_directory (struct sim_disk *disk, const uint8_t *data,
                            size_t size) {
  uint64_t count = 1 + data[0] % SEGMENTS_MAX;
  bool is_raw = (data[0] & 0x80) != 0;
  uint64_t number = 0;
  size_t part;
  data++;
  size--;
  part = size / (size_t)count;
  for (uint64_t i = 1; i <= count; i++) {
    char name[WAL_NAME_BYTES];
    wal_segment_name (i, name);
    if (is_raw && part > 0) {
      sim_disk_put (disk, name, data, part);
    } else {
      make_segment (disk, i, &number, data, part);
    }
    data += part;
  }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct sim_disk *disk;
  struct opening opening;
  raft_index last;
  if (size == 0) {
    return 0;
  }
  disk = sim_disk_new ();
  make_directory (disk, data, size);
  open_log (&opening, disk);
  last = opening.last + 1;
  if (opening.status == RAFT_OK) {
    read_all (&opening, disk);
    write_one (&opening, disk);
    close_log (&opening, disk);
    end_log (&opening, disk);
    open_log (&opening, disk);
    raft_assert (opening.status == RAFT_OK && opening.last == last);
    read_all (&opening, disk);
  }
  end_log (&opening, disk);
  sim_disk_free (disk);
  return 0;
}
