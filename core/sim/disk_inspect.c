/* SPDX-License-Identifier: MIT
**
** disk_inspect.c - a pretended disk from outside: damage, and what is on it.
*/

#include <string.h>

#include "base/error.h"
#include "sim/disk_inside.h"

/* ---- damage ------------------------------------------------------------ */

int sim_disk_flip (struct sim_disk *disk, const char *name, uint64_t offset,
                   unsigned bit) {
  struct sim_file *file = sim_entries_find (&disk->names.seen, name);
  uint8_t byte;
  if (file == NULL || offset >= file->seen.size) {
    return RAFT_ENOT_FOUND;
  }
  sim_file_read (&file->seen, offset, &byte, 1);
  byte = (uint8_t)(byte ^ 1u << (bit & 7));
  sim_file_write (file, offset, &byte, 1, NULL);
  sim_file_settle (file);
  return RAFT_OK;
}

int sim_disk_truncate (struct sim_disk *disk, const char *name,
                       uint64_t size) {
  struct sim_file *file = sim_entries_find (&disk->names.seen, name);
  if (file == NULL || size > file->seen.size) {
    return RAFT_ENOT_FOUND;
  }
  sim_file_resize (file, size);
  sim_file_settle (file);
  return RAFT_OK;
}

int sim_disk_remove (struct sim_disk *disk, const char *name) {
  struct sim_file *file = sim_entries_find (&disk->names.seen, name);
  if (file == NULL) {
    return RAFT_ENOT_FOUND;
  }
  sim_names_move (&disk->names, name, "", file);
  sim_names_sync (&disk->names);
  return RAFT_OK;
}

void sim_disk_put (struct sim_disk *disk, const char *name,
                   const void *bytes, size_t size) {
  struct sim_file *file = sim_file_new ();
  disk->is_made = true;
  sim_file_write (file, 0, bytes, size, NULL);
  sim_file_settle (file);
  file->allocated = (size + SIM_SECTOR_BYTES - 1) / SIM_SECTOR_BYTES
                    * SIM_SECTOR_BYTES;
  sim_names_move (&disk->names, "", name, file);
  sim_names_sync (&disk->names);
  sim_file_release (file);
}

/* ---- looking in -------------------------------------------------------- */

static const struct sim_entries *entries_of (const struct sim_disk *disk,
                                             bool durable) {
  return durable ? &disk->names.stored : &disk->names.seen;
}

int sim_disk_names (const struct sim_disk *disk, bool durable,
                    struct raft_buffer *out) {
  const struct sim_entries *entries = entries_of (disk, durable);
  size_t size = out->size;
  for (size_t i = 0; i < entries->count; i++) {
    const char *name = entries->items[i].name;
    if (raft_buffer_append (out, name, strlen (name) + 1) != RAFT_OK) {
      out->size = size;
      return RAFT_ENOMEM;
    }
  }
  return RAFT_OK;
}

int sim_disk_contents (const struct sim_disk *disk, const char *name,
                       bool durable, struct raft_buffer *out) {
  const struct sim_file *file
    = sim_entries_find (entries_of (disk, durable), name);
  const struct sim_image *image;
  if (file == NULL) {
    return RAFT_ENOT_FOUND;
  }
  image = durable ? &file->stored : &file->seen;
  if (image->size == 0) {
    return RAFT_OK;
  }
  if (raft_buffer_reserve (out, (size_t)image->size) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  sim_file_read (image, 0, out->data + out->size, (size_t)image->size);
  out->size += (size_t)image->size;
  return RAFT_OK;
}

uint64_t sim_disk_hash (const struct sim_disk *disk) {
  return sim_names_hash (&disk->names, disk->is_made ? 1 : 0);
}

void sim_disk_get_counts (const struct sim_disk *disk,
                          struct sim_disk_counts *counts) {
  *counts = disk->counts;
}
