/* SPDX-License-Identifier: MIT
**
** recover_snapshot.c - the snapshot of the old directory, every block of it;
** and, once there is a new one, the same snapshot there.
**
**   old   | head | size, meta | machine's bytes … |
**   new   | head'| size', meta'| the same bytes … |   identity, entry 1 and
**                                                     checksums are others */

#include <string.h>

#include "replica/recover_task.h"

static void next_block (struct rescue *rescue);

/* ---- the end ----------------------------------------------------------- */

static void end (struct rescue *rescue) {
  wal_snapshot_reader_free (&rescue->reader);
  replica_meta_reader_free (&rescue->decoding);
  raft_buffer_free (&rescue->image);
  rescue->snapshot_done (rescue);
}

static void on_file_closed (struct wal_snapshot_reader *reader, int status,
                            const uint8_t *data, size_t size) {
  (void)status; /* nothing was written */
  (void)data;
  (void)size;
  end (reader->owner);
}

/* The newest one that is refused explains the most. */
static void close_file (struct rescue *rescue, int status,
                        const struct raft_detail *detail) {
  rescue->snapshot_status = status;
  if (status != RAFT_OK && rescue->detail.text[0] == '\0') {
    rescue->detail = *detail;
  }
  if (rescue->reader.is_open) {
    rescue->reader.done = on_file_closed;
    wal_snapshot_close (&rescue->reader);
  } else {
    end (rescue);
  }
}

static void damaged (struct rescue *rescue, int status) {
  struct raft_detail why;
  if (status == RAFT_ENOMEM) {
    (void)raft_fail (&why, status, "%s: %s", rescue->reader.name,
                     raft_error_text (status));
  } else {
    status = raft_fail (&why, RAFT_ECORRUPT, "%s: the part before the "
                        "machine's, at offset %d, is damaged",
                        rescue->reader.name, WAL_SNAPSHOT_HEAD);
  }
  close_file (rescue, status, &why);
}

/* ---- the part that is not the machine's -------------------------------- */

static int add_image (struct rescue *rescue,
                      struct replica_meta_writer *writer) {
  struct wire_view data;
  int status = RAFT_OK;
  while (status == RAFT_OK && replica_meta_take (writer, &data)) {
    status = raft_buffer_append (&rescue->image, data.data, data.size);
  }
  return status;
}

/* With the new cluster's entry 1. */
static int encode_meta (struct rescue *rescue) {
  struct replica_meta_writer writer;
  bool is_whole = false;
  int status;
  replica_meta_writer_init (&writer, rescue->options.memory);
  raft_slice_release (&rescue->meta.first);
  rescue->meta.first = raft_slice_retain (rescue->first);
  status = replica_meta_encode (&writer, &rescue->meta,
                                &rescue->meta.sessions);
  while (status == RAFT_OK && !is_whole) {
    status = replica_meta_encode_more (&writer, &is_whole);
  }
  if (status == RAFT_OK) {
    status = add_image (rescue, &writer);
  }
  replica_meta_writer_free (&writer);
  return status;
}

static int take_meta (struct rescue *rescue, struct wire_view *data) {
  int status = replica_meta_read (&rescue->decoding, data,
                                  rescue->head.identity.cluster,
                                  &rescue->like, &rescue->meta);
  rescue->has_meta = status == RAFT_OK && rescue->decoding.is_whole;
  return rescue->has_meta && rescue->wal != NULL ? encode_meta (rescue)
                                                 : status;
}

/* ---- blocks ------------------------------------------------------------ */

static void on_written (struct wal_snapshot_writer *writer, int status) {
  struct rescue *rescue = writer->owner;
  if (status != RAFT_OK || writer->is_ending) {
    close_file (rescue, status, &writer->detail);
  } else {
    next_block (rescue);
  }
}

static void take_block (struct rescue *rescue, struct wire_view data) {
  int status = RAFT_OK;
  rescue->image.size = 0;
  if (!rescue->has_meta) {
    status = take_meta (rescue, &data);
  }
  if (status == RAFT_OK && rescue->wal != NULL && rescue->has_meta) {
    status = raft_buffer_append (&rescue->image, data.data, data.size);
  }
  if (status != RAFT_OK) {
    damaged (rescue, status);
  } else if (rescue->image.size == 0
             || !wal_snapshot_add (&rescue->writer, rescue->image.data,
                                   rescue->image.size)) {
    next_block (rescue);
  }
}

static void on_block (struct wal_snapshot_reader *reader, int status,
                      const uint8_t *data, size_t size) {
  struct rescue *rescue = reader->owner;
  if (status != RAFT_OK) {
    close_file (rescue, status, &reader->detail);
  } else {
    take_block (rescue, (struct wire_view){ data, size });
  }
}

static void next_block (struct rescue *rescue) {
  if (rescue->block < wal_snapshot_blocks (&rescue->reader)) {
    rescue->block++;
    wal_snapshot_read (&rescue->reader, rescue->block - 1);
  } else if (!rescue->has_meta) {
    damaged (rescue, RAFT_ECORRUPT);
  } else if (rescue->wal != NULL) {
    wal_snapshot_end (&rescue->writer);
  } else {
    close_file (rescue, RAFT_OK, NULL);
  }
}

/* ---- beginning --------------------------------------------------------- */

static void begin_writing (struct rescue *rescue) {
  struct wal_snapshot_writer *writer = &rescue->writer;
  struct port_clock *clock = rescue->options.clock;
  memset (writer, 0, sizeof *writer);
  writer->fs = rescue->options.into;
  writer->head = rescue->head;
  writer->head.identity = rescue->identity;
  writer->head.salt = clock->random (clock);
  writer->done = on_written;
  writer->owner = rescue;
  wal_snapshot_begin (writer);
}

static void on_head (struct wal_snapshot_reader *reader, int status,
                     const uint8_t *data, size_t size) {
  struct rescue *rescue = reader->owner;
  (void)data;
  (void)size;
  reader->done = on_block;
  rescue->head = reader->head;
  if (status != RAFT_OK) {
    close_file (rescue, status, &reader->detail);
  } else if (rescue->wal != NULL) {
    begin_writing (rescue);
  } else {
    next_block (rescue);
  }
}

void rescue_read_snapshot (struct rescue *rescue, raft_index index,
                           void (*done) (struct rescue *rescue)) {
  struct wal_snapshot_reader *reader = &rescue->reader;
  rescue->snapshot_done = done;
  rescue->block = 0;
  rescue->has_meta = false;
  memset (reader, 0, sizeof *reader);
  reader->fs = rescue->options.from;
  reader->done = on_head;
  reader->owner = rescue;
  wal_snapshot_open (reader, index);
}
