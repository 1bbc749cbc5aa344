/* SPDX-License-Identifier: MIT
**
** storage.c - when a disk answers, and when it fails. */

#include "sim/storage.h"

#include "sim/member.h"
#include "sim/note.h"

static struct sim_storage *of_port (struct port_fs *port) {
  return (struct sim_storage *)(void *)((char *)port
                                        - offsetof (struct sim_storage,
                                                    port));
}

static raft_time sync_latency (struct sim_storage *storage,
                               struct sim_matter matter) {
  struct sim_world *world = storage->member->world;
  const struct sim_options *options = &world->options;
  raft_time late = sim_chance (world, SIM_CHOICE_LATE, matter,
                               options->slow_sync, options->slow_sync_us + 1);
  world->counters.slow_syncs += late > 0 || storage->slow_us > 0;
  return 1 + options->sync_min_us + late + storage->slow_us
         + sim_choose (world, SIM_CHOICE_DELAY, matter,
                       options->sync_max_us - options->sync_min_us + 1);
}

static bool is_sync (const struct fs_request *request) {
  return request->operation == FS_SYNC
         || request->operation == FS_SYNC_DIRECTORY;
}

static void storage_submit (struct port_fs *port,
                            struct fs_request *request) {
  struct sim_storage *storage = of_port (port);
  struct sim_member *member = storage->member;
  struct sim_world *world = member->world;
  struct port_fs *disk = sim_disk_port (storage->disk);
  struct sim_matter matter;
  struct sim_event *event;
  sim_mark_file (world, member, request->operation);
  disk->submit (disk, request);
  if (storage->is_draining) {
    return;
  }
  if (storage->busy_until < world->now) {
    storage->busy_until = world->now;
  }
  matter = sim_matter (
    world, is_sync (request) ? SIM_MATTER_SYNC : SIM_MATTER_WRITE,
    sim_whom_member (member->id));
  storage->busy_until += is_sync (request)
                           ? sync_latency (storage, matter)
                           : 1 + sim_choose (world, SIM_CHOICE_DELAY, matter,
                                             world->options.write_us + 1);
  event = sim_event_new (&world->queue, SIM_EVENT_DISK);
  event->target = (uint32_t)member->id;
  event->life = member->life;
  event->tag = matter.code;
  sim_queue_push (&world->queue, event, storage->busy_until);
}

static bool storage_keep (struct sim_choice *choice) {
  struct sim_storage *storage
    = (struct sim_storage *)(void *)((char *)choice
                                     - offsetof (struct sim_storage,
                                                 choice));
  if (storage->keeps != SIM_KEEP_SOME) {
    return storage->keeps == SIM_KEEP_EVERYTHING
           || (storage->keeps == SIM_KEEP_CONTENTS
               && !sim_disk_asks_names (storage->disk));
  }
  storage->asked++;
  return sim_choose (storage->member->world, SIM_CHOICE_KEEP,
                     sim_matter_of (SIM_MATTER_CHANGE,
                                    sim_whom_member (storage->member->id),
                                    storage->losses << 16
                                      | (storage->asked & 0xffff)),
                     2)
         == 1;
}

/* Something unsynced is going to be lost, or kept. */
static void begin_loss (struct sim_storage *storage) {
  storage->losses++;
  storage->asked = 0;
}

int sim_storage_init (struct sim_storage *storage,
                      struct sim_member *member) {
  storage->port.submit = storage_submit;
  storage->choice.keep = storage_keep;
  storage->member = member;
  storage->busy_until = 0;
  storage->fails_in = 0;
  storage->slow_us = 0;
  storage->keeps = SIM_KEEP_SOME;
  storage->disk = sim_disk_new ();
  if (storage->disk == NULL) {
    return RAFT_ENOMEM;
  }
  sim_disk_set_choice (storage->disk, &storage->choice);
  sim_disk_set_capacity (storage->disk, member->world->options.disk_bytes);
  return RAFT_OK;
}

void sim_storage_free (struct sim_storage *storage) {
  sim_disk_free (storage->disk);
  storage->disk = NULL;
}

/* A planned failure waits for the next write or sync; the others come by
** chance, each kind with its own. */
static bool fails_now (struct sim_storage *storage,
                       const struct fs_request *request,
                       struct sim_matter matter) {
  struct sim_world *world = storage->member->world;
  const struct sim_options *options = &world->options;
  bool is_write = request->operation == FS_WRITE
                  || request->operation == FS_ALLOCATE;
  bool fails;
  if (!is_write && !is_sync (request)) {
    return false;
  }
  fails = storage->fails_in == 1
          || sim_rare (world, SIM_CHOICE_FAIL, matter,
                       is_write ? options->write_failure
                                : options->sync_failure);
  storage->fails_in -= storage->fails_in > 0;
  return fails;
}

void sim_storage_step (struct sim_storage *storage, uint64_t number) {
  struct sim_world *world = storage->member->world;
  const struct fs_request *request = sim_disk_oldest (storage->disk);
  raft_assert (request != NULL);
  if (fails_now (storage, request, (struct sim_matter){ number })) {
    begin_loss (storage);
    world->counters.disk_failures++;
    sim_note (world, RAFT_TRACE_SIM_DISK_FAILED, storage->member->id);
    storage->member->is_excused = true;
    sim_disk_fail (storage->disk,
                   is_sync (request) ? SIM_DISK_SYNC : SIM_DISK_WRITE, 0,
                   RAFT_EIO);
  }
  world->counters.syncs += is_sync (request);
  world->counters.lies += is_sync (request) && sim_disk_lies (storage->disk);
  (void)sim_disk_step (storage->disk);
}

void sim_storage_drain (struct sim_storage *storage) {
  sim_disk_drain (storage->disk);
}

void sim_storage_crash (struct sim_storage *storage) {
  struct sim_counters *counters = &storage->member->world->counters;
  struct sim_disk_counts before;
  struct sim_disk_counts after;
  begin_loss (storage);
  sim_disk_get_counts (storage->disk, &before);
  sim_disk_crash (storage->disk, &storage->choice);
  sim_disk_get_counts (storage->disk, &after);
  counters->sectors_lost += after.sectors_lost - before.sectors_lost;
  counters->names_lost += after.names_lost - before.names_lost;
  storage->busy_until = 0;
  storage->fails_in = 0;
}

void sim_storage_kill (struct sim_storage *storage) {
  sim_disk_kill (storage->disk);
  storage->busy_until = 0;
  storage->fails_in = 0;
}
