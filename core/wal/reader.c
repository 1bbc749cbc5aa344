/* SPDX-License-Identifier: MIT
**
** reader.c - old entries, read back and checked again.
**
** Holds:  loads served one after another; an older segment that was read
**         last stays open.
** Rule:   a whole batch is read and checked, then the wanted entries are
**         copied out: what was rotten since recovery is found before it is
**         sent or applied. */

#include <string.h>

#include "base/panic.h"
#include "wal/inside.h"
#include "wire/entry.h"

static void serve (struct wal *wal);

void wal_reader_init (struct wal *wal) {
  raft_buffer_init (&wal->reader.bytes, &raft_memory_plain);
}

void wal_load_free (struct wal_load *load) {
  if (load->entries == NULL) {
    return;
  }
  for (uint32_t i = 0; i < load->loaded; i++) {
    raft_slice_release (&load->entries[i]);
  }
  raft_release (load->wal->memory, load->entries,
                load->count * sizeof *load->entries);
  load->entries = NULL;
  load->loaded = 0;
}

/* What loads under way have read so far goes; they are never told. */
void wal_reader_free (struct wal *wal) {
  struct wal_reader *reader = &wal->reader;
  while (reader->first != NULL) {
    struct wal_load *load = reader->first;
    reader->first = load->next;
    wal_load_free (load);
  }
  raft_buffer_free (&reader->bytes);
}

/* ---- ending a load ----------------------------------------------------- */

static void finish (struct wal *wal, int status) {
  struct wal_reader *reader = &wal->reader;
  struct wal_load *load = reader->first;
  reader->first = load->next;
  if (reader->first == NULL) {
    reader->last = NULL;
    raft_buffer_free (&reader->bytes);
  }
  load->next = NULL;
  load->status = status;
  if (status != RAFT_OK) {
    wal_load_free (load);
  }
  load->done (load);
  serve (wal);
}

static void finish_read (struct wal *wal, int status, const char *what) {
  char name[WAL_NAME_BYTES];
  wal_segment_name (wal->reader.reading.segment, name);
  (void)raft_fail (&wal->reader.first->detail, status, "%s: %s at offset "
                   "%llu", name, what,
                   (unsigned long long)wal->reader.reading.offset);
  finish (wal, status);
}

void wal_reader_stop (struct wal *wal) {
  struct wal_reader *reader = &wal->reader;
  raft_assert (!reader->is_busy);
  while (reader->first != NULL) {
    struct wal_load *load = reader->first;
    reader->first = load->next;
    load->status = RAFT_ECLOSED;
    wal_load_free (load);
    load->done (load);
  }
  reader->last = NULL;
}

/* ---- a batch that was read --------------------------------------------- */

/* Notes where the wanted entries are in the batch, as borrowed slices. A
** later record of the same index stands for the earlier: it was cut within
** this batch. Returns how many are noted in a row, from 'next' on. */
static uint32_t note_entries (struct wal *wal,
                              const struct wal_batch_head *head) {
  struct wal_reader *reader = &wal->reader;
  struct wal_load *load = reader->first;
  const uint8_t *data = reader->bytes.data;
  const uint8_t *body
    = data + WAL_BATCH_HEAD + (size_t)head->record_count * WAL_RECORD_HEAD;
  raft_index end = load->first + load->count;
  uint32_t count = 0;
  end = end < reader->reading_end ? end : reader->reading_end;
  for (uint32_t i = 0; i < head->record_count; i++) {
    struct wal_record record;
    wal_record_decode (data + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD,
                       &record);
    if (record.kind == WAL_ENTRY && record.a >= reader->next
        && record.a < end) {
      uint32_t at = (uint32_t)(record.a - reader->next);
      if (at <= count) {
        load->entries[load->loaded + at]
          = raft_slice_borrowed (body, record.size);
        count = at + 1 > count ? at + 1 : count;
      }
    }
    body += record.size;
  }
  return count;
}

/* How many of the noted entries still go into the load. */
static uint32_t count_fitting (const struct wal *wal, uint32_t count,
                               size_t *bytes) {
  const struct wal_load *load = wal->reader.first;
  uint32_t taken = 0;
  *bytes = 0;
  while (taken < count) {
    size_t size = load->entries[load->loaded + taken].size;
    bool is_first = load->loaded + taken == 0;
    if (!is_first
        && wal->reader.bytes_loaded + *bytes + size > load->max_bytes) {
      break;
    }
    *bytes += size;
    taken++;
  }
  return taken;
}

/* Entries leave the read buffer for one block of their own. */
static int copy_entries (struct wal *wal, uint32_t taken, size_t bytes) {
  struct wal_load *load = wal->reader.first;
  struct raft_block *block = raft_block_new (wal->memory, bytes);
  size_t at = 0;
  if (block == NULL) {
    return RAFT_ENOMEM;
  }
  for (uint32_t i = 0; i < taken; i++) {
    struct raft_slice *entry = &load->entries[load->loaded + i];
    size_t size = entry->size;
    memcpy (block->bytes + at, entry->data, size);
    *entry = raft_slice_retain (raft_slice_of (block, at, size));
    at += size;
  }
  raft_block_release (block);
  load->loaded += taken;
  wal->reader.next += taken;
  wal->reader.bytes_loaded += bytes;
  return RAFT_OK;
}

static bool entries_are_sound (const struct wal *wal, uint32_t count) {
  const struct wal_load *load = wal->reader.first;
  for (uint32_t i = 0; i < count; i++) {
    const struct raft_slice *bytes = &load->entries[load->loaded + i];
    struct wire_entry entry;
    if (wire_entry_decode (bytes->data, bytes->size, &entry) != RAFT_OK
        || entry.index != wal->reader.next + i) {
      return false;
    }
  }
  return true;
}

static void on_batch (struct wal *wal) {
  struct wal_reader *reader = &wal->reader;
  struct wal_load *load = reader->first;
  struct wal_bytes bytes;
  struct wal_batch_head head;
  const char *wrong;
  uint32_t count;
  uint32_t taken;
  size_t size;
  bytes.data = reader->bytes.data;
  bytes.size = reader->bytes.size;
  bytes.offset = reader->reading.offset;
  bytes.salt = reader->salt;
  bytes.bug = wal->bug;
  if (!wal_batch_head_decode (&bytes, bytes.offset, &head)) {
    finish_read (wal, RAFT_ECORRUPT, "expected a batch");
    return;
  }
  wrong = wal_batch_check (&bytes, bytes.offset, &head);
  if (wrong != NULL) {
    finish_read (wal, RAFT_ECORRUPT, wrong);
    return;
  }
  count = note_entries (wal, &head);
  if (count == 0 || !entries_are_sound (wal, count)) {
    finish_read (wal, RAFT_ECORRUPT, "expected other entries");
    return;
  }
  taken = count_fitting (wal, count, &size);
  if (taken > 0 && copy_entries (wal, taken, size) != RAFT_OK) {
    finish_read (wal, RAFT_ENOMEM, "no memory for the batch");
    return;
  }
  if (taken < count || load->loaded == load->count) {
    finish (wal, RAFT_OK);
  } else {
    serve (wal);
  }
}

/* ---- requests ---------------------------------------------------------- */

static void submit (struct wal *wal, enum fs_operation operation,
                    void (*done) (struct fs_request *request)) {
  struct wal_reader *reader = &wal->reader;
  reader->request.operation = operation;
  reader->request.done = done;
  reader->request.owner = wal;
  reader->is_busy = true;
  wal->fs->submit (wal->fs, &reader->request);
}

/* Common to all completions. False: the load is over. */
static bool is_good (struct wal *wal, const char *what) {
  struct wal_reader *reader = &wal->reader;
  reader->is_busy = false;
  if (reader->request.status == RAFT_OK) {
    return true;
  }
  finish_read (wal, reader->request.status, what);
  return false;
}

static void on_read (struct fs_request *request) {
  struct wal *wal = request->owner;
  if (is_good (wal, "cannot be read")) {
    on_batch (wal);
  }
  wal_maybe_close (wal);
}

static void read_bytes (struct wal *wal, int64_t file, uint64_t offset,
                        uint64_t size) {
  struct wal_reader *reader = &wal->reader;
  reader->bytes.size = 0;
  memset (&reader->request, 0, sizeof reader->request);
  reader->request.file = file;
  reader->request.offset = offset;
  reader->request.size = size;
  reader->request.bytes = &reader->bytes;
}

static void on_head (struct fs_request *request) {
  struct wal *wal = request->owner;
  struct wal_reader *reader = &wal->reader;
  char name[WAL_NAME_BYTES];
  struct wal_segment_head head;
  if (is_good (wal, "cannot be read")) {
    int status;
    wal_segment_name (reader->opened.number, name);
    status = wal_segment_head_decode (reader->bytes.data, reader->bytes.size,
                                      name, &head, &reader->first->detail);
    if (status == RAFT_OK) {
      reader->opened.salt = head.salt;
      serve (wal);
    } else {
      finish (wal, status);
    }
  }
  wal_maybe_close (wal);
}

static void on_opened (struct fs_request *request) {
  struct wal *wal = request->owner;
  struct wal_reader *reader = &wal->reader;
  if (is_good (wal, "cannot be opened")) {
    reader->opened.number = reader->reading.segment;
    reader->opened.file = request->file;
    reader->opened.size = request->size;
    reader->opened.salt = 0;
    read_bytes (wal, reader->opened.file, 0, WAL_SECTOR);
    submit (wal, FS_READ, on_head);
  }
  wal_maybe_close (wal);
}

static void open_segment (struct wal *wal) {
  struct wal_reader *reader = &wal->reader;
  memset (&reader->request, 0, sizeof reader->request);
  wal_segment_name (reader->reading.segment, reader->name);
  reader->request.name = reader->name;
  submit (wal, FS_OPEN, on_opened);
}

static void on_older_closed (struct fs_request *request) {
  struct wal *wal = request->owner;
  wal->reader.is_busy = false;
  serve (wal);
  wal_maybe_close (wal);
}

/* Reads the batch with the next entry, opening its segment if need be. */
static void read_batch (struct wal *wal) {
  struct wal_reader *reader = &wal->reader;
  const struct wal_place *place
    = wal_contents_find (&wal->contents, reader->next, &reader->reading_end);
  const struct wal_segment *segment = &reader->opened;
  reader->reading = *place;
  if (place->segment == wal->current.number) {
    segment = &wal->current;
  } else if (segment->number == 0) {
    open_segment (wal);
    return;
  } else if (segment->number != place->segment) {
    memset (&reader->request, 0, sizeof reader->request);
    reader->request.file = reader->opened.file;
    reader->opened.number = 0;
    submit (wal, FS_CLOSE, on_older_closed);
    return;
  }
  reader->salt = segment->salt;
  read_bytes (wal, segment->file, place->offset, place->size);
  submit (wal, FS_READ, on_read);
}

/* ---- loads ------------------------------------------------------------- */

static void on_nothing (struct fs_request *request) {
  struct wal *wal = request->owner;
  wal->reader.is_busy = false;
  finish (wal, wal->reader.first->status);
  wal_maybe_close (wal);
}

/* A load that cannot be served ends later all the same, as all do. */
static void refuse (struct wal *wal, int status, const char *reason) {
  struct wal_load *load = wal->reader.first;
  load->status = raft_fail (&load->detail, status, "%s", reason);
  read_bytes (wal, wal->current.file, 0, 0);
  submit (wal, FS_READ, on_nothing);
}

/* Room for what can come, not for what was asked: no more entries than the
** log has, than 'max_bytes' can hold, and one. */
static bool make_room (struct wal *wal) {
  struct wal_load *load = wal->reader.first;
  uint64_t most = wal->contents.last_index - load->first + 1;
  if (most > 1 + load->max_bytes / WIRE_ENTRY_HEAD) {
    most = 1 + load->max_bytes / WIRE_ENTRY_HEAD;
  }
  if (load->count > most) {
    load->count = (uint32_t)most;
  }
  load->entries = raft_allocate (wal->memory, (size_t)load->count
                                                * sizeof *load->entries);
  wal->reader.bytes_loaded = 0;
  return load->entries != NULL;
}

static void serve (struct wal *wal) {
  struct wal_reader *reader = &wal->reader;
  struct wal_load *load = reader->first;
  if (load == NULL || reader->is_busy || wal->is_ending) {
    return;
  }
  if (load->entries == NULL) {
    reader->next = load->first;
  }
  if (reader->next <= wal->contents.base_index
      || reader->next > wal->contents.last_index) {
    if (load->loaded > 0) {
      finish (wal, RAFT_OK); /* the rest was cut meanwhile */
    } else {
      refuse (wal, RAFT_EINVALID, "entries that are not in the log");
    }
  } else if (load->entries == NULL && !make_room (wal)) {
    refuse (wal, RAFT_ENOMEM, "no memory for the entries");
  } else {
    read_batch (wal);
  }
}

void wal_read (struct wal *wal, struct wal_load *load) {
  struct wal_reader *reader = &wal->reader;
  raft_assert (load->count > 0 && wal->life != WAL_OPENING
               && wal->life != WAL_CLOSED && !wal->is_ending);
  load->wal = wal;
  load->next = NULL;
  load->status = RAFT_OK;
  load->detail.text[0] = '\0';
  load->entries = NULL;
  load->loaded = 0;
  if (reader->last == NULL) {
    reader->first = load;
  } else {
    reader->last->next = load;
  }
  reader->last = load;
  serve (wal);
}
