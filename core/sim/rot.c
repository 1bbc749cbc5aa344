/* SPDX-License-Identifier: MIT
**
** rot.c - damage at rest.
**
** Rule: at rest is without power. What memory shows and the disk has not is
**       gone before the damage is done: it cannot be what proves it.
** Rule: only what the log can tell from a crash is damaged in a segment. A
**       flipped bit stands before the last durable batch, which proves what
**       is before it, in the segment that is being written, too; a file is
**       cut short of the length that its head declares; a file that is gone
**       has a later one, and where it was the first, one with a batch in it
**       (the last two may have none). So a member that has lost this must halt
**       (damage.h), unless a snapshot may hold the same. Other files are
**       damaged anywhere: a snapshot may be done without, and what was being
**       made is made anew. */

#include <string.h>

#include "base/bytes.h"
#include "sim/member.h"
#include "sim/note.h"
#include "wal/record.h"
#include "wal/snapshot.h"

#define FILES_MAX 64 /* of which one is damaged; the first by name */

struct files {
  const char *names[FILES_MAX]; /* segments first, the oldest first */
  size_t count;
  size_t segments;
};

static void add_file (struct files *files, const char *name) {
  if (files->count < FILES_MAX) {
    files->names[files->count] = name;
    files->count++;
  }
}

static void list_files (const struct raft_buffer *names,
                        struct files *files) {
  const char *first = (const char *)names->data;
  const char *end = names->size == 0 ? first : first + names->size;
  memset (files, 0, sizeof *files);
  for (const char *name = first; name < end; name += strlen (name) + 1) {
    if (wal_segment_number (name) != 0) {
      add_file (files, name);
    }
  }
  files->segments = files->count;
  for (const char *name = first; name < end; name += strlen (name) + 1) {
    if (wal_segment_number (name) == 0) {
      add_file (files, name);
    }
  }
}

/* Where the last batch of a segment begins; 0: there is none. */
static uint64_t last_batch (const struct raft_buffer *bytes) {
  uint64_t last = 0;
  for (size_t at = WAL_SECTOR; at + WAL_SECTOR <= bytes->size;
       at += WAL_SECTOR) {
    if (raft_load_u32 (bytes->data + at) == WAL_BATCH_MAGIC) {
      last = at;
    }
  }
  return last;
}

static bool flip (struct sim_disk *disk, const char *name, uint64_t bit) {
  return sim_disk_flip (disk, name, bit / 8, (unsigned)(bit % 8)) == RAFT_OK;
}

static size_t content_of (const uint8_t *batch) {
  uint32_t records = raft_load_u32 (batch + 32);
  size_t size = WAL_BATCH_HEAD + (size_t)records * WAL_RECORD_HEAD;
  for (uint32_t i = 0; i < records; i++) {
    size += raft_load_u32 (batch + WAL_BATCH_HEAD + i * WAL_RECORD_HEAD + 4);
  }
  return size;
}

/* The zeros that fill up a batch say nothing: a place among them is moved to
** what is before them. */
static uint64_t place_in (const struct raft_buffer *bytes, uint64_t place) {
  size_t batch = WAL_SECTOR;
  size_t content;
  if (place / 8 < WAL_SECTOR) {
    return place;
  }
  while (place / 8 >= batch + raft_load_u32 (bytes->data + batch + 4)) {
    batch += raft_load_u32 (bytes->data + batch + 4);
    raft_assert (raft_load_u32 (bytes->data + batch) == WAL_BATCH_MAGIC);
  }
  content = content_of (bytes->data + batch);
  return batch * 8 + (place - batch * 8) % (content * 8);
}

/* What proves it is left alone. */
static bool damage_segment (struct sim_disk *disk, const struct files *files,
                            size_t which, const struct raft_buffer *bytes,
                            const struct sim_action *action) {
  const char *name = files->names[which];
  uint64_t proof = last_batch (bytes);
  if (action->how == SIM_ROT_GONE && which + 1 < files->segments
      && (which > 0 || files->segments > 3)) {
    return sim_disk_remove (disk, name) == RAFT_OK;
  }
  if (action->how == SIM_ROT_SHORT) {
    return sim_disk_truncate (disk, name, action->more % bytes->size)
           == RAFT_OK;
  }
  return proof > WAL_SECTOR
         && flip (disk, name, place_in (bytes, action->more % (proof * 8)));
}

static bool damage_other (struct sim_disk *disk, const char *name,
                          const struct raft_buffer *bytes,
                          const struct sim_action *action) {
  if (action->how == SIM_ROT_GONE) {
    return sim_disk_remove (disk, name) == RAFT_OK;
  }
  if (action->how == SIM_ROT_SHORT && bytes->size > 0) {
    return sim_disk_truncate (disk, name, action->more % bytes->size)
           == RAFT_OK;
  }
  return bytes->size > 0
         && flip (disk, name, action->more % (bytes->size * 8));
}

/* Whether a snapshot may hold what a segment did: an older one than the last,
** in which terms and votes stand. */
static bool is_covered (const struct files *files, size_t which) {
  size_t at = files->segments;
  while (at < files->count
         && strncmp (files->names[at], WAL_SNAPSHOT_PREFIX,
                     sizeof WAL_SNAPSHOT_PREFIX - 1)
              != 0) {
    at++;
  }
  return at < files->count && which + 1 < files->segments;
}

static bool damage (struct sim_member *member, const struct files *files,
                    struct raft_buffer *bytes,
                    const struct sim_action *action) {
  struct sim_disk *disk = member->storage.disk;
  uint64_t which = action->value % files->count;
  const char *name = files->names[which];
  bool is_done;
  if (sim_disk_contents (disk, name, true, bytes) != RAFT_OK) {
    return false;
  }
  if (which < files->segments) {
    is_done = bytes->size > 0 && last_batch (bytes) != 0
              && damage_segment (disk, files, which, bytes, action);
    member->must_halt = is_done && !is_covered (files, which);
  } else {
    is_done = damage_other (disk, name, bytes, action);
  }
  if (is_done) {
    memcpy (member->damaged_file, name, strlen (name) + 1);
  }
  return is_done;
}

/* What was being made when the process ended is deleted when it starts. */
static bool is_needed (const char *name) {
  return strcmp (name, WAL_NAME_NEW) != 0
         && strcmp (name, WAL_NAME_LOCK) != 0
         && strcmp (name, WAL_SNAPSHOT_NEW) != 0;
}

bool sim_member_rot (struct sim_member *member,
                     const struct sim_action *action) {
  struct files files;
  struct raft_buffer names;
  struct raft_buffer bytes;
  raft_buffer_init (&names, &raft_memory_plain);
  raft_buffer_init (&bytes, &raft_memory_plain);
  if (sim_disk_names (member->storage.disk, true, &names) != RAFT_OK) {
    names.size = 0;
  }
  list_files (&names, &files);
  if (!member->is_damaged && files.count > 0
      && sim_disk_is_at_rest (member->storage.disk)
      && damage (member, &files, &bytes, action)) {
    member->is_damaged = is_needed (member->damaged_file);
    member->world->counters.rots++;
    sim_note (member->world, RAFT_TRACE_SIM_ROT, member->id);
  }
  raft_buffer_free (&names);
  raft_buffer_free (&bytes);
  return member->is_damaged;
}
