/* SPDX-License-Identifier: MIT
**
** snapshot_open.c - which snapshot a member begins with.
**
** The newest one is taken that is whole, of this directory, and reached by the
** log. A directory is listed before the log is opened, because the log must
** know what may be missing at its beginning; what is listed then is durable,
** because the log syncs the directory before it says that it is open.
**
**   snapshots     40            80                 newest first: 80; if it is
**   log               [60 … 60 … 95]                 damaged: 40 < 60, no
**
** Rule: a snapshot that cannot be used is told with file and offset. Without
**       one that reaches the log a member does not start: it would apply from
**       the middle. Nor does it take part without a state: the entries that
**       it has count for what was acknowledged, and installing a leader's
**       snapshot of before them would cut them. It says what it still has, and
**       that another member is to take its place.
** Rule: a log that ends before its snapshot, or has another term where it
**       ends, is what an installation left that did not come to its end: the
**       snapshot was durable, and the log is begun anew behind it. */

#include <stdio.h>
#include <string.h>

#include "replica/inside.h"

static void next_snapshot (struct replica *replica);

/* The newest one that is refused explains the most. */
static void refuse (struct replica *replica, raft_index index, int status,
                    const struct raft_detail *why) {
  struct replica_opening *opening = &replica->opening;
  if (opening->refused.text[0] == '\0') {
    opening->refused = *why;
  }
  replica_trace_text (replica, RAFT_TRACE_SNAPSHOT_FAILED, index,
                      (uint64_t)(int64_t)status, why->text);
}

/* ---- after the choice -------------------------------------------------- */

static void open_log (struct replica *replica) {
  int status = replica_open_log (replica);
  if (status != RAFT_OK) {
    replica_stop (replica, status, NULL);
  }
}

/* "… (term, vote and entries 41 to 95 are whole)" */
static void begins_too_late (struct replica *replica) {
  const struct wal_recovered *log = &replica->recovered;
  struct raft_detail first = replica->opening.refused;
  struct raft_detail why;
  char entries[64] = "";
  if (first.text[0] == '\0') {
    raft_fail (&first, RAFT_ECORRUPT, "the log begins after entry %llu, and "
               "no snapshot has those before",
               (unsigned long long)log->base_index);
  }
  if (log->last_index > log->base_index) {
    (void)snprintf (entries, sizeof entries, ", entries %llu to %llu",
                    (unsigned long long)log->base_index + 1,
                    (unsigned long long)log->last_index);
  }
  raft_fail (&why, RAFT_ECORRUPT, "%.*s: the state is lost: remove this "
             "member, add a new one (what is whole: term, vote%s)",
             SNAPSHOT_REFUSED_SHOWN, first.text, entries);
  replica_stop (replica, RAFT_ECORRUPT, why.text);
}

static void go_on (struct replica *replica) {
  const struct replica_opening *opening = &replica->opening;
  if (replica->wal == NULL) {
    open_log (replica);
  } else if (!opening->is_chosen && replica->recovered.base_index > 0) {
    begins_too_late (replica);
  } else if (!replica->machine_open) {
    replica_open_machine (replica);
  } else {
    replica_opening_restore (replica);
  }
}

/* ---- one after the other ----------------------------------------------- */

static int judge (const struct replica *replica, struct raft_detail *detail) {
  const struct wal_snapshot_head *head = &replica->opening.head;
  const struct wal_identity *own = &replica->identity;
  char name[WAL_SNAPSHOT_NAME];
  wal_snapshot_name (head->index, name);
  if (head->identity.cluster != own->cluster
      || head->identity.member != own->member
      || head->identity.incarnation != own->incarnation) {
    return raft_fail (detail, RAFT_EWRONG_CLUSTER, "%s: expected a snapshot "
                      "of member %llu of this directory, got one of member "
                      "%llu, made elsewhere", name,
                      (unsigned long long)own->member,
                      (unsigned long long)head->identity.member);
  }
  if (head->index < replica->recovered.base_index) {
    return raft_fail (detail, RAFT_ENOT_FOUND, "%s: the log begins after "
                      "entry %llu", name,
                      (unsigned long long)replica->recovered.base_index);
  }
  return RAFT_OK;
}

void replica_opening_judge (struct replica *replica) {
  struct replica_opening *opening = &replica->opening;
  struct raft_detail why;
  int status = opening->is_chosen ? judge (replica, &why) : RAFT_OK;
  if (status == RAFT_OK) {
    go_on (replica);
    return;
  }
  refuse (replica, opening->head.index, status, &why);
  opening->is_chosen = false;
  next_snapshot (replica);
}

static void head_is_read (struct replica *replica) {
  struct replica_opening *opening = &replica->opening;
  wal_snapshot_reader_free (&opening->reader);
  opening->is_busy = false;
  if (replica->life != REPLICA_OPENING) {
    return;
  }
  if (!opening->is_chosen) {
    next_snapshot (replica);
  } else if (replica->wal == NULL) {
    open_log (replica);
  } else {
    replica_opening_judge (replica);
  }
}

static void on_closed (struct wal_snapshot_reader *reader, int status,
                       const uint8_t *data, size_t size) {
  struct replica *replica = reader->owner;
  (void)status; /* nothing was written */
  (void)data;
  (void)size;
  replica_enter (replica);
  head_is_read (replica);
  replica_leave (replica);
}

static void on_head (struct wal_snapshot_reader *reader, int status,
                     const uint8_t *data, size_t size) {
  struct replica *replica = reader->owner;
  struct replica_opening *opening = &replica->opening;
  (void)data;
  (void)size;
  replica_enter (replica);
  opening->is_chosen = status == RAFT_OK;
  opening->head = reader->head;
  if (status != RAFT_OK) {
    refuse (replica, opening->listed[opening->count], status,
            &reader->detail);
  }
  if (reader->is_open) {
    reader->done = on_closed;
    wal_snapshot_close (reader);
  } else {
    head_is_read (replica);
  }
  replica_leave (replica);
}

static void next_snapshot (struct replica *replica) {
  struct replica_opening *opening = &replica->opening;
  struct wal_snapshot_reader *reader = &opening->reader;
  if (opening->count == 0) {
    go_on (replica);
    return;
  }
  opening->count--;
  opening->is_busy = true;
  memset (reader, 0, sizeof *reader);
  reader->fs = replica->options.fs;
  reader->bug = replica->bug;
  reader->owner = replica;
  reader->done = on_head;
  wal_snapshot_open (reader, opening->listed[opening->count]);
}

/* ---- what is there ----------------------------------------------------- */

/* What is of no use any more is removed once the member is open. */
static void read_names (struct replica *replica) {
  struct replica_opening *opening = &replica->opening;
  const char *name = (const char *)opening->names.data;
  const char *end = name + opening->names.size;
  for (; opening->names.size > 0 && name < end; name += strlen (name) + 1) {
    raft_index index = wal_snapshot_index (name);
    if (index == 0) {
      if (strcmp (name, WAL_SNAPSHOT_NEW) == 0) {
        replica_take_sweep (replica);
      }
      continue;
    }
    if (opening->count == SNAPSHOTS_LISTED) {
      opening->count--; /* the oldest: names are sorted */
      memmove (opening->listed, opening->listed + 1,
               opening->count * sizeof *opening->listed);
    }
    opening->listed[opening->count] = index;
    opening->count++;
  }
  if (opening->count > SNAPSHOTS_KEPT) {
    replica_take_sweep (replica);
  }
}

/* A directory that cannot be listed is told by the log. */
static void on_listed (struct fs_request *request) {
  struct replica *replica = request->owner;
  struct replica_opening *opening = &replica->opening;
  replica_enter (replica);
  opening->is_busy = false;
  if (request->status == RAFT_OK) {
    read_names (replica);
  }
  raft_buffer_free (&opening->names);
  if (replica->life == REPLICA_OPENING) {
    next_snapshot (replica);
  }
  replica_leave (replica);
}

void replica_opening_start (struct replica *replica) {
  struct replica_opening *opening = &replica->opening;
  struct fs_request *request = &opening->request;
  raft_buffer_init (&opening->names, &raft_memory_plain);
  opening->is_busy = true;
  request->operation = FS_LIST;
  request->bytes = &opening->names;
  request->done = on_listed;
  request->owner = replica;
  replica->options.fs->submit (replica->options.fs, request);
}

void replica_opening_free (struct replica *replica) {
  raft_buffer_free (&replica->opening.names);
  wal_snapshot_reader_free (&replica->opening.reader);
}

/* ---- restoring --------------------------------------------------------- */

static raft_term log_term_at (const struct wal_recovered *log,
                              raft_index index) {
  raft_term term = 0;
  for (uint32_t i = 0; i < log->run_count; i++) {
    if (log->runs[i].first <= index) {
      term = log->runs[i].term;
    }
  }
  return term;
}

static bool log_goes_on (const struct wal_recovered *log,
                         const struct wal_snapshot_head *head) {
  return head->index == log->base_index
         || (head->index <= log->last_index
             && log_term_at (log, head->index) == head->term);
}

static int reset_log (struct replica *replica) {
  struct wal_write write;
  int status;
  memset (&write, 0, sizeof write);
  write.ticket = replica->wal_ticket + 1;
  write.term = replica->recovered.term;
  write.vote = replica->recovered.vote;
  write.first = replica->opening.head.index + 1;
  write.is_reset = true;
  status = wal_persist (replica->wal, &write);
  if (status == RAFT_OK) {
    replica->wal_ticket = write.ticket;
    replica->peers.reset_ticket = write.ticket;
  }
  return status;
}

/* Only what follows the snapshot is of interest. */
static void cut_runs (struct replica *replica, raft_index index) {
  struct wal_recovered *log = &replica->recovered;
  struct raft_term_run *runs = replica->runs;
  uint32_t gone = 0;
  while (gone < log->run_count
         && (gone + 1 < log->run_count ? runs[gone + 1].first
                                       : log->last_index + 1) <= index + 1) {
    gone++;
  }
  log->run_count -= gone;
  memmove (runs, runs + gone, log->run_count * sizeof *runs);
  if (log->run_count > 0 && runs[0].first <= index) {
    runs[0].first = index + 1;
  }
}

/* The log's own configurations are later than the snapshot's, or the same. */
static void take_configuration (struct replica *replica, bool log_is_kept) {
  const struct replica_meta *meta = &replica->restore.meta;
  if (!log_is_kept || replica->configuration_index
                        < meta->configuration_index) {
    replica_configure_value (replica, &meta->configuration,
                             meta->configuration_index);
    replica->previous_index = 0;
  } else if (replica->previous_index == 0
             && replica->configuration_index > meta->configuration_index) {
    replica->previous = meta->configuration;
    replica->previous_index = meta->configuration_index;
  }
}

static int begin_with (struct replica *replica) {
  const struct wal_snapshot_head *head = &replica->opening.head;
  struct wal_recovered *log = &replica->recovered;
  struct session_table old;
  bool log_is_kept = log_goes_on (log, head);
  int status = log_is_kept ? RAFT_OK : reset_log (replica);
  if (status != RAFT_OK) {
    return status;
  }
  if (!log_is_kept) {
    log->last_index = head->index;
    log->run_count = 0;
  }
  take_configuration (replica, log_is_kept);
  cut_runs (replica, head->index);
  log->base_index = head->index;
  log->last_time = log->last_time > head->time ? log->last_time : head->time;
  replica->last = log->last_index;
  replica->commit = head->index;
  replica->applied = head->index;
  replica->applied_time = head->time;
  replica->snapshot_index = head->index;
  replica->snapshot_time = head->time;
  replica->snapshot_bytes = head->size;
  replica->snapshot_previous
    = replica->opening.count > 0
        ? replica->opening.listed[replica->opening.count - 1] : 0;
  if (replica->restore.wants_machine) {
    replica->held_index = 0;
  }
  replica_restore_adopt (replica, &old);
  replica_session_table_free (&old); /* it is empty */
  return RAFT_OK;
}

static void on_restored (struct replica *replica, int status) {
  const struct replica_restore *restore = &replica->restore;
  if (replica->life != REPLICA_OPENING) {
    return;
  }
  if (status == RAFT_OK) {
    status = begin_with (replica);
    if (status == RAFT_OK) {
      replica_open_engine (replica);
    } else {
      replica_stop (replica, status, NULL);
    }
    return;
  }
  if (restore->is_machine_fault || status == RAFT_ENOMEM) {
    replica_stop (replica, status, restore->detail.text);
    return;
  }
  refuse (replica, replica->opening.head.index, status, &restore->detail);
  if (restore->has_machine) {
    replica->held_index = 0; /* it has begun anew */
  }
  replica->opening.is_chosen = false;
  next_snapshot (replica);
}

/* A machine that kept its state is not given an older one. */
void replica_opening_restore (struct replica *replica) {
  const struct replica_opening *opening = &replica->opening;
  if (opening->is_chosen) {
    replica_restore_start (replica, opening->head.index,
                           replica->held_index < opening->head.index,
                           on_restored);
  } else {
    replica_open_engine (replica);
  }
}
