/* SPDX-License-Identifier: MIT
**
** load.c - older entries, read back from the log.
**
** A load lives from its LOAD effect until the step of its LOADED event is
** over; the machine's batch holds it longer. */

#include <string.h>

#include "replica/inside.h"

static void on_load_done (struct wal_load *wal) {
  struct replica_load *load = wal->owner;
  replica_enter (load->replica);
  raft_assert (load->state == LOAD_READING);
  load->state = LOAD_READ;
  if (wal->status == RAFT_ENOMEM) {
    wal_load_free (wal);
    load->state = LOAD_WANTED;
    replica_retry (load->replica);
  }
  replica_leave (load->replica);
}

void replica_load_want (struct replica *replica,
                        const struct raft_effect *effect) {
  struct replica_load *load = replica->loads;
  while (load->state != LOAD_FREE) {
    load++;
    raft_assert (load < replica->loads + REPLICA_LOADS);
  }
  memset (load, 0, sizeof *load);
  load->replica = replica;
  load->ticket = effect->as.load.ticket;
  load->state = LOAD_WANTED;
  load->wal.first = effect->as.load.first;
  load->wal.count = effect->as.load.count;
  load->wal.max_bytes = effect->as.load.max_bytes;
  replica->load_count++;
}

struct replica_load *replica_load_find (struct replica *replica,
                                        uint64_t ticket) {
  size_t i;
  for (i = 0; i < REPLICA_LOADS; i++) {
    if (replica->loads[i].state != LOAD_FREE
        && replica->loads[i].ticket == ticket) {
      return &replica->loads[i];
    }
  }
  return NULL;
}

void replica_load_release (struct replica_load *load) {
  raft_assert (load->state == LOAD_READ || load->state == LOAD_USED);
  wal_load_free (&load->wal);
  load->state = LOAD_FREE;
  load->replica->load_count--;
}

static void load_start (struct replica *replica, struct replica_load *load) {
  load->state = LOAD_READING;
  load->wal.owner = load;
  load->wal.done = on_load_done;
  wal_read (replica->wal, &load->wal);
}

/* What the engine wants to know of the entries that came. */
static int load_describe (struct replica *replica,
                          const struct replica_load *load) {
  uint32_t i;
  int status = replica_reserve_entries (replica, load->wal.loaded);
  for (i = 0; i < load->wal.loaded && status == RAFT_OK; i++) {
    struct wire_entry entry;
    status = wire_entry_decode (load->wal.entries[i].data,
                                load->wal.entries[i].size, &entry);
    if (status == RAFT_OK) {
      replica->entries[i].term = entry.term;
      replica->entries[i].checksum = entry.payload_checksum;
      replica->entries[i].time = entry.time;
      replica->entries[i].size = WIRE_ENTRY_HEAD + entry.payload_size;
      replica->entries[i].kind = entry.kind;
    }
  }
  return status;
}

/* The text of a damaged log is worth more than that of the code. */
static void load_damaged (struct replica *replica,
                          const struct replica_load *load) {
  replica_stop (replica, RAFT_ECORRUPT,
                load->wal.detail.text[0] != '\0' ? load->wal.detail.text
                                                 : NULL);
}

static bool load_step (struct replica *replica, struct replica_load *load) {
  struct raft_event event;
  int status = load_describe (replica, load);
  if (status == RAFT_OK) {
    memset (&event, 0, sizeof event);
    event.kind = RAFT_EVENT_LOADED;
    event.as.loaded.ticket = load->ticket;
    event.as.loaded.count = load->wal.loaded;
    event.as.loaded.entries = replica->entries;
    status = replica_step (replica, &event);
  }
  if (status == RAFT_ENOMEM) {
    replica_retry (replica);
    return false;
  }
  if (status != RAFT_OK) {
    load_damaged (replica, load);
    return false;
  }
  if (load->state == LOAD_READ) {
    replica_load_release (load);
  }
  return true;
}

bool replica_settle_loads (struct replica *replica) {
  bool moved = false;
  size_t i;
  if (replica->load_count == 0 || replica_is_installing (replica)) {
    return false; /* what they ask for is not there any more */
  }
  for (i = 0; i < REPLICA_LOADS && replica->life == REPLICA_OPEN; i++) {
    struct replica_load *load = &replica->loads[i];
    if (load->state == LOAD_WANTED) {
      load_start (replica, load);
      moved = load->state != LOAD_WANTED || moved;
    } else if (load->state == LOAD_READ) {
      /* Entries that are not in the log were cut after they were asked for:
      ** the engine, which cut them, waits for them no more, or it says so. */
      if (load->wal.status != RAFT_OK && load->wal.status != RAFT_EINVALID) {
        load_damaged (replica, load);
      } else {
        moved = load_step (replica, load) || moved;
      }
    }
  }
  return moved;
}

void replica_loads_free (struct replica *replica) {
  size_t i;
  for (i = 0; i < REPLICA_LOADS; i++) {
    if (replica->loads[i].state == LOAD_READ
        || replica->loads[i].state == LOAD_USED) {
      replica_load_release (&replica->loads[i]);
    }
  }
}
