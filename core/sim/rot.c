/* SPDX-License-Identifier: MIT
**
** rot.c - damage at rest.
**
** Rule: only what the log can tell from a crash is damaged. A flipped bit
**       stands before the last durable batch, which proves what is before it;
**       a file is cut short of the length that its head declares; a file
**       that is gone has later ones. So a log that opens and has lost
**       something believed too much, and one that refuses is right. */

#include <string.h>

#include "base/bytes.h"
#include "sim/member.h"
#include "sim/note.h"
#include "wal/record.h"

#define SEGMENTS_MAX 64 /* of which one is damaged; the oldest */

struct segments {
  const char *names[SEGMENTS_MAX];
  size_t count;
};

static void list_segments (const struct raft_buffer *names,
                           struct segments *segments) {
  const char *name = (const char *)names->data;
  const char *end = names->size == 0 ? name : name + names->size;
  segments->count = 0;
  for (; name < end && segments->count < SEGMENTS_MAX;
       name += strlen (name) + 1) {
    if (strncmp (name, WAL_NAME_PREFIX "0", 5) == 0) {
      segments->names[segments->count] = name;
      segments->count++;
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

static bool flip (struct sim_member *member, const char *name,
                  const struct raft_buffer *bytes, uint64_t place) {
  uint64_t end = last_batch (bytes);
  uint64_t at;
  if (end <= WAL_SECTOR) {
    return false;
  }
  at = WAL_SECTOR * 8 + place % ((end - WAL_SECTOR) * 8);
  return sim_disk_flip (member->storage.disk, name, at / 8,
                        (unsigned)(at % 8))
         == RAFT_OK;
}

static bool damage (struct sim_member *member,
                    const struct segments *segments,
                    struct raft_buffer *bytes,
                    const struct sim_action *action) {
  struct sim_disk *disk = member->storage.disk;
  uint64_t which = action->value % segments->count;
  const char *name = segments->names[which];
  if (sim_disk_contents (disk, name, true, bytes) != RAFT_OK
      || bytes->size == 0 || last_batch (bytes) == 0) {
    return false;
  }
  if (action->how == SIM_ROT_GONE && which + 2 < segments->count) {
    return sim_disk_remove (disk, name) == RAFT_OK;
  }
  if (action->how == SIM_ROT_SHORT) {
    return sim_disk_truncate (disk, name, action->more % bytes->size)
           == RAFT_OK;
  }
  return flip (member, name, bytes, action->more);
}

bool sim_member_rot (struct sim_member *member,
                     const struct sim_action *action) {
  struct segments segments = { .count = 0 };
  struct raft_buffer names;
  struct raft_buffer bytes;
  raft_buffer_init (&names, &raft_memory_plain);
  raft_buffer_init (&bytes, &raft_memory_plain);
  if (sim_disk_names (member->storage.disk, true, &names) == RAFT_OK) {
    list_segments (&names, &segments);
  }
  if (segments.count > 0 && damage (member, &segments, &bytes, action)) {
    member->is_damaged = true;
    member->world->counters.rots++;
    sim_note (member->world, RAFT_TRACE_SIM_ROT, member->id);
  }
  raft_buffer_free (&names);
  raft_buffer_free (&bytes);
  return member->is_damaged;
}
