/* SPDX-License-Identifier: MIT
**
** disk_file.c - chunks shared until written, and changes kept by sector. */

#include "sim/disk_file.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"

struct sim_chunk {
  uint32_t owners;
  uint8_t bytes[SIM_CHUNK_BYTES];
};

/* One sector as it was after one write. */
struct sim_change {
  uint64_t sector;
  uint8_t bytes[SIM_SECTOR_BYTES];
};

static const uint8_t zeros[SIM_CHUNK_BYTES];

static bool keeps (struct sim_choice *choice) {
  return choice != NULL && choice->keep (choice);
}

/* ---- images ------------------------------------------------------------ */

static void chunk_release (struct sim_chunk *chunk) {
  if (chunk != NULL) {
    chunk->owners--;
    if (chunk->owners == 0) {
      raft_release (&raft_memory_plain, chunk, sizeof *chunk);
    }
  }
}

static void image_free (struct sim_image *image) {
  for (size_t i = 0; i < image->count; i++) {
    chunk_release (image->chunks[i]);
  }
  raft_release (&raft_memory_plain, image->chunks,
                image->capacity * sizeof *image->chunks);
  memset (image, 0, sizeof *image);
}

static void image_grow (struct sim_image *image, size_t count) {
  void *chunks = image->chunks;
  int status;
  if (count <= image->count) {
    return;
  }
  status = raft_reserve (&raft_memory_plain, &chunks, &image->capacity,
                         count, sizeof *image->chunks);
  raft_assert (status == RAFT_OK);
  image->chunks = chunks;
  memset (image->chunks + image->count, 0,
          (count - image->count) * sizeof *image->chunks);
  image->count = count;
}

static void image_share (struct sim_image *to, const struct sim_image *from) {
  image_grow (to, from->count);
  for (size_t i = 0; i < to->count; i++) {
    struct sim_chunk *chunk = i < from->count ? from->chunks[i] : NULL;
    if (chunk != to->chunks[i]) {
      chunk_release (to->chunks[i]);
      to->chunks[i] = chunk;
      if (chunk != NULL) {
        chunk->owners++;
      }
    }
  }
  to->size = from->size;
}

/* The chunk of that number, for writing. */
static struct sim_chunk *image_chunk (struct sim_image *image,
                                      size_t number) {
  struct sim_chunk *chunk;
  struct sim_chunk *old;
  image_grow (image, number + 1);
  old = image->chunks[number];
  if (old != NULL && old->owners == 1) {
    return old;
  }
  chunk = raft_allocate (&raft_memory_plain, sizeof *chunk);
  raft_assert (chunk != NULL);
  memcpy (chunk->bytes, old != NULL ? old->bytes : zeros, SIM_CHUNK_BYTES);
  chunk->owners = 1;
  chunk_release (old);
  image->chunks[number] = chunk;
  return chunk;
}

static void image_write (struct sim_image *image, uint64_t offset,
                         const uint8_t *data, size_t size) {
  while (size > 0) {
    size_t within = (size_t)(offset % SIM_CHUNK_BYTES);
    size_t part = SIM_CHUNK_BYTES - within;
    struct sim_chunk *chunk
      = image_chunk (image, (size_t)(offset / SIM_CHUNK_BYTES));
    part = part < size ? part : size;
    memcpy (chunk->bytes + within, data, part);
    data += part;
    offset += part;
    size -= part;
  }
}

void sim_file_read (const struct sim_image *image, uint64_t offset,
                    uint8_t *data, size_t size) {
  while (size > 0) {
    size_t number = (size_t)(offset / SIM_CHUNK_BYTES);
    size_t within = (size_t)(offset % SIM_CHUNK_BYTES);
    size_t part = SIM_CHUNK_BYTES - within;
    const uint8_t *bytes = zeros;
    if (number < image->count && image->chunks[number] != NULL) {
      bytes = image->chunks[number]->bytes;
    }
    part = part < size ? part : size;
    memcpy (data, bytes + within, part);
    data += part;
    offset += part;
    size -= part;
  }
}

/* Cuts or extends. What is cut reads as zeros if it ever comes back. */
static void image_resize (struct sim_image *image, uint64_t size) {
  size_t whole = (size_t)((size + SIM_CHUNK_BYTES - 1) / SIM_CHUNK_BYTES);
  size_t within = (size_t)(size % SIM_CHUNK_BYTES);
  for (size_t i = whole; i < image->count; i++) {
    chunk_release (image->chunks[i]);
    image->chunks[i] = NULL;
  }
  if (within > 0 && whole <= image->count
      && image->chunks[whole - 1] != NULL) {
    memset (image_chunk (image, whole - 1)->bytes + within, 0,
            SIM_CHUNK_BYTES - within);
  }
  image->size = size;
}

static uint64_t image_hash (const struct sim_image *image, uint64_t hash) {
  hash = raft_mix (hash ^ image->size);
  for (size_t i = 0; i < image->count; i++) {
    const struct sim_chunk *chunk = image->chunks[i];
    if (chunk != NULL && memcmp (chunk->bytes, zeros, sizeof zeros) != 0) {
      hash = raft_mix (hash ^ i);
      hash = raft_checksum (chunk->bytes, SIM_CHUNK_BYTES, hash);
    }
  }
  return hash;
}

/* ---- files ------------------------------------------------------------- */

struct sim_file *sim_file_new (void) {
  struct sim_file *file
    = raft_allocate_zeroed (&raft_memory_plain, sizeof *file);
  raft_assert (file != NULL);
  file->owners = 1;
  file->is_same = true;
  return file;
}

struct sim_file *sim_file_retain (struct sim_file *file) {
  raft_assert (file->owners > 0);
  file->owners++;
  return file;
}

void sim_file_release (struct sim_file *file) {
  raft_assert (file->owners > 0);
  file->owners--;
  if (file->owners > 0) {
    return;
  }
  image_free (&file->seen);
  image_free (&file->stored);
  raft_release (&raft_memory_plain, file->changes,
                file->change_capacity * sizeof *file->changes);
  raft_release (&raft_memory_plain, file, sizeof *file);
}

static void reserve_changes (struct sim_file *file, size_t count) {
  void *changes = file->changes;
  int status = raft_reserve (&raft_memory_plain, &changes,
                             &file->change_capacity, count,
                             sizeof *file->changes);
  raft_assert (status == RAFT_OK);
  file->changes = changes;
}

struct sim_file *sim_file_copy (const struct sim_file *file) {
  struct sim_file *copy = sim_file_new ();
  image_share (&copy->seen, &file->seen);
  image_share (&copy->stored, &file->stored);
  if (file->change_count > 0) {
    reserve_changes (copy, file->change_count);
    memcpy (copy->changes, file->changes,
            file->change_count * sizeof *file->changes);
    copy->change_count = file->change_count;
  }
  copy->is_resized = file->is_resized;
  copy->is_same = file->is_same;
  copy->allocated = file->allocated;
  return copy;
}

static void extend (struct sim_file *file, uint64_t size) {
  if (size > file->seen.size) {
    image_resize (&file->seen, size);
    file->is_resized = true;
    file->is_same = false;
  }
}

void sim_file_begin (struct sim_file *file) {
  file->request_start = file->change_count;
}

/* The change of a sector: the last one, if this request has begun it. */
static struct sim_change *change_of (struct sim_file *file,
                                     uint64_t sector) {
  struct sim_change *change;
  if (file->change_count > file->request_start) {
    change = &file->changes[file->change_count - 1];
    if (change->sector == sector) {
      return change;
    }
  }
  reserve_changes (file, file->change_count + 1);
  change = &file->changes[file->change_count];
  change->sector = sector;
  file->change_count++;
  return change;
}

void sim_file_write (struct sim_file *file, uint64_t offset,
                     const uint8_t *data, size_t size,
                     struct sim_choice *choice) {
  while (size > 0) {
    uint64_t sector = offset / SIM_SECTOR_BYTES;
    size_t within = (size_t)(offset % SIM_SECTOR_BYTES);
    size_t part = SIM_SECTOR_BYTES - within;
    part = part < size ? part : size;
    if (choice == NULL || choice->keep (choice)) {
      extend (file, offset + part);
      image_write (&file->seen, offset, data, part);
      sim_file_read (&file->seen, sector * SIM_SECTOR_BYTES,
                     change_of (file, sector)->bytes, SIM_SECTOR_BYTES);
      file->is_same = false;
    }
    data += part;
    offset += part;
    size -= part;
  }
}

void sim_file_resize (struct sim_file *file, uint64_t size) {
  if (size != file->seen.size) {
    image_resize (&file->seen, size);
    file->is_resized = true;
    file->is_same = false;
  }
}

static void apply_change (struct sim_file *file, size_t number) {
  const struct sim_change *change = &file->changes[number];
  image_write (&file->stored, change->sector * SIM_SECTOR_BYTES,
               change->bytes, SIM_SECTOR_BYTES);
}

/* A length that is lost takes the sectors behind it with it. */
static void finish_sync (struct sim_file *file, bool keeps_size) {
  image_resize (&file->stored,
                keeps_size ? file->seen.size : file->stored.size);
  file->change_count = 0;
  file->request_start = 0;
  file->is_resized = false;
}

void sim_file_sync (struct sim_file *file) {
  for (size_t i = 0; i < file->change_count; i++) {
    apply_change (file, i);
  }
  finish_sync (file, file->is_resized);
}

void sim_file_sync_failed (struct sim_file *file, struct sim_choice *choice) {
  bool keeps_size = file->is_resized && keeps (choice);
  for (size_t i = 0; i < file->change_count; i++) {
    if (keeps (choice)) {
      apply_change (file, i);
    }
  }
  finish_sync (file, keeps_size);
}

void sim_file_crash (struct sim_file *file, struct sim_choice *choice) {
  if (!file->is_same) {
    sim_file_sync_failed (file, choice);
    image_share (&file->seen, &file->stored);
    file->is_same = true;
  }
}

uint32_t sim_file_unsynced (const struct sim_file *file) {
  return (uint32_t)file->change_count + (file->is_resized ? 1u : 0u);
}

void sim_file_settle (struct sim_file *file) {
  image_share (&file->stored, &file->seen);
  file->change_count = 0;
  file->request_start = 0;
  file->is_resized = false;
  file->is_same = true;
}

uint64_t sim_file_hash (const struct sim_file *file, uint64_t hash) {
  hash = image_hash (&file->seen, hash);
  hash = image_hash (&file->stored, hash);
  hash = raft_mix (hash ^ file->change_count ^ (file->is_resized ? 1u << 31
                                                                 : 0u));
  for (size_t i = 0; i < file->change_count; i++) {
    hash = raft_mix (hash ^ file->changes[i].sector);
    hash = raft_checksum (file->changes[i].bytes, SIM_SECTOR_BYTES, hash);
  }
  return hash;
}
