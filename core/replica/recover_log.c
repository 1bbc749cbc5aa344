/* SPDX-License-Identifier: MIT
**
** recover_log.c - the new directory's log: what was in the old one, and one
** entry more, which says who is left.
**
** Rule: at most a few batches wait for the disk, and old entries are read a
**       segment at a time: memory does not grow with the log. */

#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "replica/recover_task.h"
#include "wal/record.h"
#include "wire/entry.h"

#define RESCUE_BATCHES 4 /* full ones, that may wait for the disk */

static void carry (struct rescue *rescue);

/* ---- closing ----------------------------------------------------------- */

static void submit_last (struct rescue *rescue, enum fs_operation operation,
                         void (*done) (struct fs_request *request)) {
  struct fs_request *request = &rescue->request;
  memset (request, 0, sizeof *request);
  request->operation = operation;
  request->name = WAL_NAME_UNFINISHED;
  request->done = done;
  request->owner = rescue;
  rescue->options.into->submit (rescue->options.into, request);
}

static void on_unmarked (struct fs_request *request) {
  struct rescue *rescue = request->owner;
  if (request->status != RAFT_OK) {
    rescue_fail_plainly (rescue, request->status);
  }
  rescue_end (rescue);
}

static void on_mark_removed (struct fs_request *request) {
  if (request->status == RAFT_OK) {
    submit_last (request->owner, FS_SYNC_DIRECTORY, on_unmarked);
  } else {
    on_unmarked (request);
  }
}

/* The log and the snapshot have synced their names, each with the directory;
** so the mark, which goes last, stands as long as anything may be lost. */
static void on_wal_closed (void *owner) {
  struct rescue *rescue = owner;
  if (rescue->status == RAFT_OK) {
    submit_last (rescue, FS_REMOVE, on_mark_removed);
  } else {
    rescue_end (rescue);
  }
}

static void close_log (struct rescue *rescue) {
  rescue->is_waiting = false;
  wal_close (rescue->wal, on_wal_closed);
}

/* ---- the new log ------------------------------------------------------- */

static void on_durable (void *owner, uint64_t ticket) {
  struct rescue *rescue = owner;
  rescue->durable = ticket;
  if (ticket == rescue->ticket) {
    rescue->waiting_bytes = 0;
  }
  if (rescue->is_waiting && rescue->waiting_bytes == 0) {
    rescue->is_waiting = false;
    carry (rescue);
  }
}

static void on_failed (void *owner, int status,
                       const struct raft_detail *detail) {
  struct rescue *rescue = owner;
  rescue_fail (rescue, status, detail);
  if (rescue->is_waiting) {
    close_log (rescue);
  }
}

static void on_full (void *owner, bool yes) {
  struct rescue *rescue = owner;
  if (yes) {
    rescue_fail_plainly (rescue, RAFT_EDISK_FULL);
    if (rescue->is_waiting) {
      close_log (rescue);
    }
  }
}

static int persist (struct rescue *rescue, struct wal_write *write,
                    uint64_t bytes) {
  int status;
  write->ticket = rescue->ticket + 1;
  status = wal_persist (rescue->wal, write);
  if (status == RAFT_OK) {
    rescue->ticket++;
    rescue->waiting_bytes += bytes;
  }
  return status;
}

/* ---- entries ----------------------------------------------------------- */

/* Notes the entries [next, end) of a batch as slices of its bytes. A later
** record of the same index stands for the earlier: it was cut within the
** batch. False: one is missing. */
static bool note_entries (const struct rescue *rescue, uint64_t at,
                          raft_index end, struct raft_slice *entries) {
  const uint8_t *data = rescue->bytes.data + at;
  struct wal_batch_head head;
  const uint8_t *body;
  raft_index noted = rescue->next;
  if (!wal_survey_batch (&rescue->view, at, &head)) {
    return false;
  }
  body = data + WAL_BATCH_HEAD + (size_t)head.record_count * WAL_RECORD_HEAD;
  for (uint32_t i = 0; i < head.record_count; i++) {
    struct wal_record record;
    wal_record_decode (data + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD,
                       &record);
    if (record.kind == WAL_ENTRY && record.a >= rescue->next
        && record.a < end && record.a <= noted) {
      entries[record.a - rescue->next]
        = raft_slice_borrowed (body, record.size);
      noted = record.a + 1 > noted ? record.a + 1 : noted;
    }
    body += record.size;
  }
  return noted == end;
}

/* The log keeps what it is given until it is durable, the bytes of a segment
** go before: one block for all of a batch. */
static int copy_entries (struct rescue *rescue, struct wal_write *write,
                         struct raft_slice *entries, uint64_t *bytes) {
  struct raft_block *block;
  size_t at = 0;
  int status;
  *bytes = 0;
  for (uint32_t i = 0; i < write->count; i++) {
    *bytes += entries[i].size;
  }
  block = raft_block_new (rescue->options.memory, (size_t)*bytes);
  if (block == NULL) {
    return RAFT_ENOMEM;
  }
  for (uint32_t i = 0; i < write->count; i++) {
    size_t size = entries[i].size;
    memcpy (block->bytes + at, entries[i].data, size);
    entries[i] = raft_slice_of (block, at, size);
    at += size;
  }
  status = persist (rescue, write, *bytes);
  raft_block_release (block);
  return status;
}

static int carry_batch (struct rescue *rescue, const struct wal_place *place,
                        raft_index end) {
  uint32_t count = (uint32_t)(end - rescue->next);
  struct raft_memory *memory = rescue->options.memory;
  struct raft_slice *entries
    = raft_allocate (memory, count * sizeof *entries);
  struct wal_write write;
  struct raft_detail why;
  uint64_t bytes;
  int status = RAFT_ENOMEM;
  memset (&write, 0, sizeof write);
  write.term = rescue->survivor.term;
  write.first = rescue->next;
  write.entries = entries;
  write.count = count;
  if (entries == NULL) {
    return RAFT_ENOMEM;
  }
  if (note_entries (rescue, place->offset, end, entries)) {
    status = copy_entries (rescue, &write, entries, &bytes);
  } else {
    status = raft_fail (&why, RAFT_ECORRUPT, "%s: expected other entries in "
                        "the batch at offset %llu", rescue->name,
                        (unsigned long long)place->offset);
    rescue_fail (rescue, status, &why);
  }
  raft_release (memory, entries, count * sizeof *entries);
  return status;
}

/* ---- the last entry ---------------------------------------------------- */

static void complete_survivor (struct rescue *rescue,
                               const struct wire_entry *entry) {
  struct replica_survivor *survivor = &rescue->survivor;
  survivor->identity = rescue->identity;
  survivor->term = survivor->last_term = entry->term;
  survivor->last_index = survivor->configuration_index = entry->index;
  survivor->last_time = entry->time;
  survivor->configuration = rescue->value;
}

/* The only voter, in a term that nobody was in before. */
static int write_last (struct rescue *rescue) {
  struct port_clock *clock = rescue->options.clock;
  struct raft_buffer payload;
  struct raft_slice bytes;
  struct wire_entry entry;
  struct wal_write write;
  struct raft_block *block = NULL;
  int status;
  memset (&entry, 0, sizeof entry);
  memset (&write, 0, sizeof write);
  raft_buffer_init (&payload, rescue->options.memory);
  status = wire_configuration_encode (&payload, &rescue->value);
  if (status == RAFT_OK) {
    block = raft_block_new (rescue->options.memory,
                            WIRE_ENTRY_HEAD + payload.size);
    status = block != NULL ? RAFT_OK : RAFT_ENOMEM;
  }
  if (status == RAFT_OK) {
    entry.kind = RAFT_ENTRY_CONFIGURATION;
    entry.term = rescue->survivor.term + 1;
    entry.index = rescue->survivor.last_index + 1;
    entry.time = rescue->survivor.last_time + 1;
    entry.random = clock->random (clock);
    entry.payload = payload.data;
    entry.payload_size = (uint32_t)payload.size;
    entry.payload_checksum = raft_checksum (payload.data, payload.size, 0);
    wire_entry_encode (&entry, block->bytes);
    bytes = raft_slice_of (block, 0, block->size);
    write.term = entry.term;
    write.vote = rescue->identity.member;
    write.first = entry.index;
    write.entries = &bytes;
    write.count = 1;
    status = persist (rescue, &write, bytes.size);
  }
  if (status == RAFT_OK) {
    complete_survivor (rescue, &entry);
    rescue->is_complete = true;
  }
  raft_block_release (block);
  raft_buffer_free (&payload);
  return status;
}

/* ---- one after the other ----------------------------------------------- */

static void wait_for_disk (struct rescue *rescue) {
  if (rescue->durable == rescue->ticket) {
    close_log (rescue);
  } else {
    rescue->is_waiting = true;
  }
}

static void on_segment (struct rescue *rescue) {
  struct wal_segment_head head;
  struct raft_detail why;
  int status = rescue->status;
  if (status == RAFT_OK) {
    status = wal_segment_head_decode (rescue->bytes.data, rescue->bytes.size,
                                      rescue->name, &head, &why);
    rescue->view.data = rescue->bytes.data;
    rescue->view.size = rescue->bytes.size;
    rescue->view.salt = head.salt;
    if (status != RAFT_OK) {
      rescue_fail (rescue, status, &why);
    }
  }
  carry (rescue);
}

/* Everything that needs no further segment, and no room. */
static void carry (struct rescue *rescue) {
  const struct wal_contents *log = &rescue->survey.contents;
  raft_index last = rescue->survivor.last_index;
  uint64_t room = RESCUE_BATCHES * rescue->options.limits.batch_bytes;
  int status = rescue->status;
  while (status == RAFT_OK && !rescue->is_complete && rescue->next <= last
         && rescue->waiting_bytes < room) {
    raft_index end;
    const struct wal_place *place
      = wal_contents_find (log, rescue->next, &end);
    if (place->segment != rescue->number) {
      rescue_read_segment (rescue, place->segment, on_segment);
      return;
    }
    status = carry_batch (rescue, place, end);
    rescue->next = end;
  }
  if (status == RAFT_OK && !rescue->is_complete && rescue->next > last) {
    status = write_last (rescue);
  }
  if (status != RAFT_OK) {
    rescue_fail_plainly (rescue, status);
    close_log (rescue);
  } else {
    wait_for_disk (rescue);
  }
}

/* ---- making ------------------------------------------------------------ */

static void begin_log (struct rescue *rescue) {
  struct wal_write write;
  int status = rescue->status;
  rescue->number = 0;
  rescue->next = 2;
  if (status == RAFT_OK && rescue->head.index > 0) {
    memset (&write, 0, sizeof write);
    write.term = rescue->survivor.term;
    write.first = rescue->head.index + 1;
    write.is_reset = true;
    rescue->next = write.first;
    status = persist (rescue, &write, 0);
  }
  if (status != RAFT_OK) {
    rescue_fail_plainly (rescue, status);
  }
  carry (rescue);
}

static void on_snapshot (struct rescue *rescue) {
  if (rescue->snapshot_status != RAFT_OK) {
    rescue_fail (rescue, rescue->snapshot_status, &rescue->detail);
  }
  begin_log (rescue);
}

static void on_opened (void *owner, int status,
                       const struct wal_recovered *recovered,
                       const struct raft_detail *detail) {
  struct rescue *rescue = owner;
  (void)recovered;
  if (status != RAFT_OK) {
    rescue_fail (rescue, status, detail);
    rescue_end (rescue);
  } else if (rescue->head.index > 0) {
    rescue_read_snapshot (rescue, rescue->head.index, on_snapshot);
  } else {
    begin_log (rescue);
  }
}

void rescue_log_options (struct rescue *rescue,
                         struct wal_options *options) {
  memset (options, 0, sizeof *options);
  options->memory = rescue->options.memory;
  options->fs = rescue->options.into;
  options->clock = rescue->options.clock;
  options->is_unfinished = true;
  options->limits = rescue->options.limits;
  options->member = rescue->identity.member;
  options->owner = rescue;
  options->opened = on_opened;
  options->durable = on_durable;
  options->failed = on_failed;
  options->full = on_full;
}

void rescue_open_log (struct rescue *rescue) {
  struct wal_options options;
  rescue_log_options (rescue, &options);
  if (wal_open (&rescue->wal, &options) != RAFT_OK) {
    rescue_fail_plainly (rescue, RAFT_ENOMEM);
    rescue_end (rescue);
  }
}
