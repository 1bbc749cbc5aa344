/* SPDX-License-Identifier: MIT
**
** stall.c - is the disk, or the machine, too slow to lead?
**
** Watched: the age of the oldest entry that is committed and not applied, and
** the age of the sync in flight. Past its limit either is traced once, shown
** in status, and told to the engine, whose answers then say so.
** A commit is marked with its time; commits close to one another share the
** earlier mark, so that REPLICA_MARKS of them span the whole limit. */

#include <string.h>

#include "replica/inside.h"

static struct replica_mark *stall_mark (struct replica_stall *stall,
                                        uint32_t position) {
  return &stall->marks[(stall->mark_first + position) % REPLICA_MARKS];
}

void replica_stall_committed (struct replica *replica, raft_index index) {
  struct replica_stall *stall = &replica->stall;
  raft_time step = replica->options.limits.apply_stall_us / REPLICA_MARKS;
  if (stall->mark_count > 0) {
    struct replica_mark *newest = stall_mark (stall, stall->mark_count - 1);
    if (stall->mark_count == REPLICA_MARKS
        || replica->now - newest->time < step) {
      newest->index = index;
      return;
    }
  }
  stall_mark (stall, stall->mark_count)->index = index;
  stall_mark (stall, stall->mark_count)->time = replica->now;
  stall->mark_count++;
}

void replica_stall_applied (struct replica *replica) {
  struct replica_stall *stall = &replica->stall;
  while (stall->mark_count > 0
         && stall_mark (stall, 0)->index <= replica->applied) {
    stall->mark_first = (stall->mark_first + 1) % REPLICA_MARKS;
    stall->mark_count--;
  }
}

static bool look_at_apply (struct replica *replica) {
  struct replica_stall *stall = &replica->stall;
  bool before = stall->is_apply;
  stall->apply_age = 0;
  if (stall->mark_count > 0) {
    stall->apply_age = replica->now - stall_mark (stall, 0)->time;
  }
  stall->is_apply
    = stall->apply_age >= replica->options.limits.apply_stall_us;
  if (stall->is_apply && !before) {
    replica_trace (replica, RAFT_TRACE_STALL, RAFT_REASON_APPLY,
                   stall->apply_age, 0);
  }
  return stall->is_apply != before;
}

static bool look_at_sync (struct replica *replica) {
  struct replica_stall *stall = &replica->stall;
  raft_time limit = replica->options.limits.sync_stall_us;
  bool before = stall->is_sync;
  struct wal_status status;
  raft_time age = 0;
  stall->sync_check = RAFT_TIME_MAX;
  stall->is_sync = false;
  if (replica->wal_ticket == replica->wal_durable) {
    return before;
  }
  stall->sync_check = replica->write_since + limit;
  if (replica->now >= stall->sync_check) {
    wal_get_status (replica->wal, &status);
    age = status.sync_started != 0 ? replica->now - status.sync_started : 0;
    stall->is_sync = age >= limit;
    stall->sync_check = stall->is_sync ? RAFT_TIME_MAX
                                       : replica->now + limit - age;
  }
  if (stall->is_sync && !before) {
    replica_trace (replica, RAFT_TRACE_STALL, RAFT_REASON_SYNC, age, 0);
  }
  return stall->is_sync != before;
}

bool replica_settle_stall (struct replica *replica) {
  struct replica_stall *stall = &replica->stall;
  struct raft_event event;
  bool is_stalled;
  (void)look_at_apply (replica);
  (void)look_at_sync (replica);
  is_stalled = stall->is_apply || stall->is_sync;
  if (is_stalled == stall->is_told) {
    return false;
  }
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_STALLED;
  event.as.flag.yes = is_stalled;
  if (replica_step (replica, &event) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  stall->is_told = is_stalled;
  return true;
}

raft_time replica_stall_deadline (const struct replica *replica) {
  const struct replica_stall *stall = &replica->stall;
  raft_time deadline = stall->sync_check;
  if (stall->mark_count > 0 && !stall->is_apply) {
    raft_time age = stall->marks[stall->mark_first].time
                    + replica->options.limits.apply_stall_us;
    deadline = age < deadline ? age : deadline;
  }
  return deadline;
}
