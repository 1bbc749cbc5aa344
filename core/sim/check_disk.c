/* SPDX-License-Identifier: MIT
**
** check_disk.c - are the durable bytes really there?
**
** Rule: a copy of the disk loses everything that was not synced, and the log
**       is opened on it, as after a power loss at this moment. What the
**       member has claimed must be found there, or in a whole snapshot. */

#include "sim/check_inside.h"
#include "sim/disk.h"

#include <string.h>

#include "wal/snapshot.h"

typedef unsigned long long number;

struct inspection {
  struct sim_world *world;
  struct sim_member *member;
  const struct raft_status *status;
  bool is_opened;
  raft_index covered;
  raft_term covered_term;
};

static raft_term term_at (const struct wal_recovered *recovered,
                          raft_index index) {
  raft_term term = 0;
  for (uint32_t i = 0; i < recovered->run_count; i++) {
    if (recovered->runs[i].first > index) {
      break;
    }
    term = recovered->runs[i].term;
  }
  return index <= recovered->last_index ? term : 0;
}

/* A member that starts from this snapshot forgets such a log (open.c). */
static bool is_begun_anew (const struct inspection *inspection,
                           const struct wal_recovered *recovered) {
  return inspection->covered > recovered->base_index
         && term_at (recovered, inspection->covered)
              != inspection->covered_term;
}

static void compare (const struct inspection *inspection,
                     const struct wal_recovered *recovered) {
  struct sim_world *world = inspection->world;
  const struct raft_status *status = inspection->status;
  number id = (number)inspection->member->id;
  const struct check_member *own
    = &world->checks->members[inspection->member->id];
  if (recovered->term < status->durable_term
      || (recovered->term == status->durable_term
          && status->durable_vote != 0
          && recovered->vote != status->durable_vote)) {
    sim_violate (world, "durable_ack",
                 "the disk of member %llu has term %llu and vote %llu, and "
                 "it has claimed %llu and %llu", id,
                 (number)recovered->term, (number)recovered->vote,
                 (number)status->durable_term,
                 (number)status->durable_vote);
  }
  /* The leader's snapshot is on the disk, and the engine not told yet: what it
  ** takes the place of is given up rightly (Paper 7). */
  if (own->installing != 0
      && (recovered->base_index == own->installing
          || (inspection->covered == own->installing
              && is_begun_anew (inspection, recovered)))) {
    return;
  }
  for (raft_index index = inspection->covered + 1; index <= status->stable;
       index++) {
    if (is_begun_anew (inspection, recovered)
        || term_at (recovered, index) != own->log[index].term) {
      sim_violate (world, "durable_ack",
                   "member %llu has claimed entry %llu, which is not on its "
                   "disk", id, (number)index);
      return;
    }
  }
}

static void on_opened (void *owner, int status,
                       const struct wal_recovered *recovered,
                       const struct raft_detail *detail) {
  struct inspection *inspection = owner;
  inspection->is_opened = true;
  if (status == RAFT_OK) {
    compare (inspection, recovered);
  } else if (status != RAFT_EDISK_FULL) {
    sim_violate (inspection->world, "durable_ack",
                 "the durable bytes of member %llu cannot be opened: %s",
                 (number)inspection->member->id, detail->text);
  }
}

/* ---- the newest whole snapshot ----------------------------------------- */

struct snapshot_reading {
  struct wal_snapshot_reader reader; /* first */
  int status;
};

static void on_read (struct wal_snapshot_reader *reader, int status,
                     const uint8_t *data, size_t size) {
  struct snapshot_reading *reading
    = (struct snapshot_reading *)(void *)reader;
  (void)data;
  (void)size;
  reading->status = status;
}

static bool is_whole (struct sim_disk *disk, raft_index index,
                      struct wal_snapshot_head *head) {
  struct snapshot_reading reading;
  memset (&reading, 0, sizeof reading);
  reading.reader.fs = sim_disk_port (disk);
  reading.reader.done = on_read;
  wal_snapshot_open (&reading.reader, index);
  sim_disk_drain (disk);
  *head = reading.reader.head;
  for (uint64_t block = 0; reading.status == RAFT_OK
         && block < wal_snapshot_blocks (&reading.reader); block++) {
    wal_snapshot_read (&reading.reader, block);
    sim_disk_drain (disk);
  }
  if (reading.reader.is_open) {
    int status = reading.status;
    wal_snapshot_close (&reading.reader);
    sim_disk_drain (disk);
    reading.status = status;
  }
  wal_snapshot_reader_free (&reading.reader);
  return reading.status == RAFT_OK;
}

static void find_snapshot (struct sim_disk *disk,
                           struct inspection *inspection) {
  struct wal_snapshot_head head;
  struct raft_buffer names;
  const char *name;
  size_t at = 0;
  raft_buffer_init (&names, &raft_memory_plain);
  if (sim_disk_names (disk, true, &names) == RAFT_OK) {
    for (; at < names.size; at += strlen (name) + 1) {
      name = (const char *)names.data + at;
      if (wal_snapshot_index (name) != 0
          && is_whole (disk, wal_snapshot_index (name), &head)) {
        inspection->covered = head.index;
        inspection->covered_term = head.term;
      }
    }
  }
  raft_buffer_free (&names);
}

static void ignore_durable (void *owner, uint64_t ticket) {
  (void)owner;
  (void)ticket;
}

static void ignore_failed (void *owner, int status,
                           const struct raft_detail *detail) {
  (void)owner;
  (void)status;
  (void)detail;
}

static void ignore_full (void *owner, bool yes) {
  (void)owner;
  (void)yes;
}

/* Whoever looks draws nothing: the bits that the member would be given stay
** its own, and a run is the same whether it is looked at or not. */
static uint64_t stand_still (struct port_clock *clock) {
  (void)clock;
  return 1;
}

void sim_check_disk (struct sim_world *world, struct sim_member *member,
                     const struct raft_status *status) {
  struct inspection inspection = { world, member, status, false, 0, 0 };
  struct sim_disk *copy = sim_disk_copy (member->storage.disk);
  struct sim_choice_mask nothing;
  struct port_clock still_clock = { stand_still, stand_still, stand_still };
  struct wal_options options = { 0 };
  struct wal *wal = NULL;
  raft_assert (copy != NULL);
  world->counters.inspections++;
  sim_choice_mask_init (&nothing, 0);
  sim_disk_crash (copy, &nothing.choice);
  sim_disk_set_capacity (copy, 0);
  options.memory = &raft_memory_plain;
  options.fs = sim_disk_port (copy);
  options.clock = &still_clock;
  find_snapshot (copy, &inspection);
  options.member = member->id;
  options.covered = inspection.covered;
  options.limits = world->options.limits;
  options.owner = &inspection;
  options.opened = on_opened;
  options.durable = ignore_durable;
  options.failed = ignore_failed;
  options.full = ignore_full;
  options.voted = ignore_durable;
  if (wal_open (&wal, &options) == RAFT_OK) {
    sim_disk_drain (copy);
    if (!inspection.is_opened) {
      sim_violate (world, "durable_ack",
                   "the durable bytes of member %llu do not open",
                   (number)member->id);
    }
    sim_disk_kill (copy);
    wal_free (wal);
  }
  sim_disk_free (copy);
}
