/* SPDX-License-Identifier: MIT
**
** replica.c - the life of one member: made, opened, stopped, closed, freed.
**
** The world is told last of all, when nothing of this room is on the stack
** any more: it may free the member right there. */

#include "replica/replica.h"

#include <string.h>

#include "replica/inside.h"

/* ---- entering and leaving --------------------------------------------- */

void replica_enter (struct replica *replica) {
  if (replica->depth == 0) {
    replica->now = replica->options.clock->now (replica->options.clock);
  }
  replica->depth++;
}

void replica_retry (struct replica *replica) {
  if (replica->retry_at == RAFT_TIME_MAX) {
    replica->retry_at = replica->now + REPLICA_RETRY_US;
  }
}

static bool close_is_done (const struct replica *replica) {
  return replica->wal_closed && replica->machine_closed;
}

static void on_wal_closed (void *owner) {
  struct replica *replica = owner;
  replica_enter (replica);
  replica->wal_closed = true;
  replica_leave (replica);
}

/* A log that did not open is only freed, and one that is opening is waited
** for. */
static void settle_close_log (struct replica *replica) {
  if (replica->wal == NULL || (replica->wal_opened && !replica->wal_usable)) {
    replica->wal_closed = true;
  } else if (replica->wal_usable && !replica->wal_closing) {
    replica->wal_closing = true;
    wal_close (replica->wal, on_wal_closed);
  }
}

/* Nobody waits for a snapshot any more. */
static bool snapshots_end (struct replica *replica) {
  bool take = replica_take_end (replica);
  bool sends = replica_sends_end (replica);
  bool receive = replica_receive_end (replica);
  return take && sends && receive && !replica->restore.is_reading
         && !replica->opening.is_busy;
}

/* The machine is closed once it has answered everything. */
static void settle_close (struct replica *replica) {
  if (!snapshots_end (replica)) {
    return;
  }
  settle_close_log (replica);
  if (!replica->machine_closing
      && (replica->apply.batch_end == 0 || replica->apply.is_answered)
      && replica->reads.asked_count == 0
      && replica->machine_life.owner == NULL) {
    replica->machine_closing = true;
    if (replica->machine_open) {
      replica->machine_life.operation = MACHINE_CLOSE;
      replica->machine_life.owner = replica;
      replica->machine_life.done = replica_on_machine_life;
      replica->options.machine->submit (replica->options.machine,
                                        &replica->machine_life);
    } else {
      replica->machine_closed = true;
    }
  }
  if (replica->life == REPLICA_CLOSING && close_is_done (replica)) {
    replica->life = REPLICA_CLOSED;
    replica->tell_closed = true;
  }
}

/* One notice; false: the member is gone, or there is none. */
static bool tell_one (struct replica *replica) {
  bool gone = false;
  bool *outer = replica->gone;
  replica->gone = &gone;
  if (replica->tell_opened) {
    replica->tell_opened = false;
    replica->options.opened (replica->options.owner, replica->status,
                             &replica->detail);
  } else if (replica->tell_stopped) {
    replica->tell_stopped = false;
    replica->options.stopped (replica->options.owner, replica->status,
                              &replica->detail);
  } else if (replica->tell_closed) {
    replica->tell_closed = false;
    replica->closed (replica->options.owner);
  } else {
    replica->gone = outer;
    return false;
  }
  if (gone) {
    if (outer != NULL) {
      *outer = true;
    }
    return false;
  }
  replica->gone = outer;
  return true;
}

void replica_leave (struct replica *replica) {
  raft_assert (replica->depth > 0);
  if (replica->depth == 1) {
    if (replica->life == REPLICA_OPEN) {
      replica_settle (replica);
    }
    if (replica->life == REPLICA_CLOSING) {
      settle_close (replica);
    }
  }
  replica->depth--;
  if (replica->depth == 0) {
    while (tell_one (replica)) {
    }
  }
}

/* A log that is cut is news, and no trouble: it is what followers do. */
static bool is_trouble (enum raft_trace_kind kind) {
  unsigned level = raft_trace_level_of (kind);
  return (level == RAFT_TRACE_ERROR || level == RAFT_TRACE_WARN)
         && kind != RAFT_TRACE_TRUNCATE;
}

static void note_trouble (struct replica *replica, enum raft_trace_kind kind,
                          const uint64_t fields[3], const char *text) {
  struct replica_trouble *last = &replica->trouble;
  last->kind = kind;
  memcpy (last->fields, fields, sizeof last->fields);
  last->time = replica->now;
  (void)raft_fail (&last->text, RAFT_OK, "%s", text != NULL ? text : "");
}

static void emit (struct replica *replica, enum raft_trace_kind kind,
                  const uint64_t fields[3], const char *text) {
  struct raft_tracer *tracer = replica->options.tracer;
  struct raft_trace trace;
  if (is_trouble (kind)) {
    note_trouble (replica, kind, fields, text);
  }
  if (tracer == NULL || (tracer->levels & raft_trace_level_of (kind)) == 0) {
    return;
  }
  memset (&trace, 0, sizeof trace);
  trace.time = replica->now;
  trace.member = replica->identity.member;
  trace.group = replica->options.group;
  trace.term = replica->term;
  trace.kind = kind;
  memcpy (trace.fields, fields, 3 * sizeof *fields);
  trace.text = text;
  tracer->emit (tracer, &trace);
}

void replica_trace (struct replica *replica, enum raft_trace_kind kind,
                    uint64_t a, uint64_t b, uint64_t c) {
  const uint64_t fields[3] = { a, b, c };
  emit (replica, kind, fields, NULL);
}

void replica_trace_text (struct replica *replica, enum raft_trace_kind kind,
                         uint64_t a, uint64_t b, const char *text) {
  const uint64_t fields[3] = { a, b, 0 };
  emit (replica, kind, fields, text);
}

/* ---- the end ---------------------------------------------------------- */

/* Everyone who waits is answered: 'closed' when nothing was proposed, else
** 'unknown': the entry may be, or may yet become, committed. */
static void fail_waiting (struct replica *replica) {
  struct replica_calls *calls = &replica->calls;
  const struct replica_call *call;
  size_t i;
  for (i = calls->proposal_next; i < calls->proposal_count; i++) {
    replica_answer_error (replica, &calls->proposals[i].caller,
                          RAFT_ECLOSED, NULL);
  }
  calls->proposal_next = calls->proposal_count;
  while ((call = replica_calls_oldest (calls)) != NULL) {
    replica_answer_error (replica, &call->caller, RAFT_EUNKNOWN, NULL);
    replica_calls_pop_oldest (calls);
  }
  replica_fail_reads (replica, RAFT_ECLOSED);
  replica_admin_fail (replica, RAFT_EUNKNOWN);
  replica_take_failed (replica, RAFT_ECLOSED, NULL);
}

void replica_stop (struct replica *replica, int status, const char *text) {
  raft_assert (status != RAFT_OK);
  if (replica->life == REPLICA_OPENING) {
    replica->life = REPLICA_STOPPED;
    replica->tell_opened = true;
  } else if (replica->life == REPLICA_OPEN) {
    replica->life = REPLICA_STOPPED;
    replica->tell_stopped = true;
    fail_waiting (replica);
  } else {
    return; /* closing, or stopped before: said once */
  }
  replica->status = status;
  raft_fail (&replica->detail, status, "%s",
             text != NULL ? text : raft_error_text (status));
  replica_trace (replica, RAFT_TRACE_STOPPED, (uint64_t)(int64_t)status, 0,
                 0);
}

void replica_close (struct replica *replica, void (*done) (void *owner)) {
  raft_assert (replica->life != REPLICA_CLOSING
               && replica->life != REPLICA_CLOSED);
  replica_enter (replica);
  if (replica->life == REPLICA_OPEN) {
    fail_waiting (replica);
  }
  replica->closed = done;
  replica->life = REPLICA_CLOSING;
  replica_leave (replica);
}

/* ---- made and freed --------------------------------------------------- */

int replica_new (struct replica **replica,
                 const struct replica_options *options) {
  struct session_bounds bounds;
  struct replica *made;
  if (options->memory == NULL || options->fs == NULL || options->net == NULL
      || options->machine == NULL || options->clock == NULL
      || options->opened == NULL || options->stopped == NULL) {
    return RAFT_EINVALID;
  }
  made = raft_allocate_zeroed (options->memory, sizeof *made);
  if (made == NULL) {
    return RAFT_ENOMEM;
  }
  made->options = *options;
  if (made->options.hash_interval == 0) {
    made->options.hash_interval = 256;
  }
  made->memory = options->memory;
  made->bug = options->bug;
  made->life = REPLICA_NEW;
  made->retry_at = RAFT_TIME_MAX;
  made->role = RAFT_FOLLOWER;
  made->stall.sync_check = RAFT_TIME_MAX;
  replica_cache_init (&made->cache, made->memory, 1);
  raft_buffer_init (&made->scratch, made->memory);
  raft_buffer_init (&made->value, made->memory);
  raft_buffer_init (&made->apply.request.bytes, &raft_memory_plain);
  raft_buffer_init (&made->machine_life.bytes, &raft_memory_plain);
  raft_chunk_init (&made->chunk, made->memory);
  wire_message_room_init (&made->room, made->memory);
  made->version = options->version.protocol != 0 ? options->version
                                                 : wire_version_own ();
  made->room.version = made->version;
  made->room.bug = options->bug;
  bounds = replica_session_bounds (&options->limits);
  replica_session_table_init (&made->sessions, made->memory, &bounds,
                              options->bug);
  replica_calls_init (&made->calls, made->memory);
  replica_reads_init (&made->reads, made->memory);
  replica_digest_init (&made->digest, made->options.hash_interval);
  replica_restore_init (made);
  replica_take_init (made);
  replica_receive_init (made);
  *replica = made;
  return RAFT_OK;
}

void replica_open (struct replica *replica) {
  raft_assert (replica->life == REPLICA_NEW);
  replica_enter (replica);
  replica->life = REPLICA_OPENING;
  replica_opening_start (replica);
  replica_leave (replica);
}

static void free_scratch (struct replica *replica) {
  struct raft_memory *memory = replica->memory;
  raft_release (memory, replica->runs, replica->runs_size);
  raft_release (memory, replica->slices,
                replica->slice_capacity * sizeof *replica->slices);
  raft_release (memory, replica->entries,
                replica->entry_capacity * sizeof *replica->entries);
  raft_release (memory, replica->ids,
                replica->id_capacity * sizeof *replica->ids);
  raft_block_release (replica->noop);
  raft_block_release (replica->batch);
  raft_buffer_free (&replica->scratch);
  raft_buffer_free (&replica->value);
  raft_buffer_free (&replica->apply.request.bytes);
  raft_buffer_free (&replica->machine_life.bytes);
  raft_chunk_free (&replica->chunk);
  wire_message_room_free (&replica->room);
}

void replica_free (struct replica *replica) {
  struct raft_memory *memory = replica->memory;
  if (replica->gone != NULL) {
    *replica->gone = true;
  }
  replica_opening_free (replica);
  replica_restore_free (replica);
  replica_take_free (replica);
  replica_sends_free (replica);
  replica_receive_free (replica);
  replica_loads_free (replica); /* what came from the log goes before it */
  if (replica->wal != NULL) {
    wal_free (replica->wal);
  }
  if (replica->raft != NULL) {
    raft_free (replica->raft);
  }
  replica_cache_free (&replica->cache);
  replica_session_table_free (&replica->sessions);
  raft_slice_release (&replica->first);
  replica_calls_free (&replica->calls);
  replica_reads_free (&replica->reads);
  free_scratch (replica);
  raft_release (memory, replica, sizeof *replica);
}

/* ---- looking in ------------------------------------------------------- */

void replica_get_status (const struct replica *replica,
                         struct replica_status *status) {
  memset (status, 0, sizeof *status);
  if (replica->raft != NULL) {
    raft_get_status (replica->raft, &status->raft);
  }
  if (replica->wal != NULL) {
    wal_get_status (replica->wal, &status->wal);
  }
  status->identity = replica->identity;
  status->name = replica->configuration.name;
  status->result_hash = replica->digest.hash;
  status->applied = replica->applied;
  status->hash_index = replica->digest.compared;
  status->snapshot = replica->snapshot_index;
  status->snapshot_time = replica->snapshot_time;
  status->snapshots_taken = replica->take.taken;
  status->features_agreed = replica->agreement.features;
  status->sessions = replica->sessions.session_count;
  status->session_bytes = replica->sessions.bytes;
  status->pending_proposals
    = replica->calls.proposal_count + replica->calls.waiting_count;
  status->pending_reads = replica_reads_waiting (&replica->reads);
  status->apply_stall = replica->stall.apply_age;
  status->stalled = replica->stall.is_apply || replica->stall.is_sync;
  status->leaving = replica->known.removed_at != 0;
  status->ordered = replica->admin.is_changing
                    || replica->admin.is_transferring;
}

const struct raft *replica_raft (const struct replica *replica) {
  return replica->raft;
}

bool replica_is_full (const struct replica *replica) {
  struct wal_status status;
  wal_get_status (replica->wal, &status);
  return status.full;
}

struct raft_slice replica_entry (const struct replica *replica,
                                 raft_index index) {
  return replica_cache_get (&replica->cache, index);
}
