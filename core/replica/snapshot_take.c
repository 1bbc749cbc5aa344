/* SPDX-License-Identifier: MIT
**
** snapshot_take.c - a snapshot of the own machine: when the log has grown by
** so many bytes, or when it is asked for.
**
**   asked ─► machine ─► writing ─► … ─► naming ─► telling ─► sweeping
**             ▲  piece     │                       engine: COMPACT
**             └────────────┘
**
** Rule (Paper 7): nothing leaves the log before the snapshot stands under its
** name, durably.
** Rule: a snapshot that fails costs nothing but the bytes until the next one:
** the log is whole. Only a machine that cannot go on ends the member.
** Rule: sessions, result hash and configuration are those of the index that
** the machine is at when it is told to remember: no command is under way. */

#include <string.h>

#include "replica/inside.h"

/* ---- requests ---------------------------------------------------------- */

static void answered (struct replica *replica, int status) {
  replica_enter (replica);
  replica->take.is_busy = false;
  replica->take.status = status;
  replica_leave (replica);
}

static void on_machine (struct machine_request *request) {
  answered (request->owner, request->status);
}

static void on_written (struct wal_snapshot_writer *writer, int status) {
  struct replica *replica = writer->owner;
  replica_enter (replica);
  if (writer->is_directory_lost) {
    replica_stop (replica, status, writer->detail.text);
  }
  answered (replica, status);
  replica_leave (replica);
}

static void on_swept (struct fs_request *request) {
  answered (request->owner, request->status);
}

static void ask_machine (struct replica *replica,
                         enum machine_operation operation,
                         enum replica_take_state state) {
  struct replica_take *take = &replica->take;
  struct machine_request *request = &take->request;
  take->state = state;
  take->is_busy = true;
  request->operation = operation;
  request->entry_count = 0;
  request->bytes.size = 0;
  request->status = RAFT_OK;
  request->message[0] = '\0';
  request->done = on_machine;
  request->owner = replica;
  replica->options.machine->submit (replica->options.machine, request);
}

/* ---- the end ----------------------------------------------------------- */

static bool settle_forgetting (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (!take->has_turn) {
    return false;
  }
  take->has_turn = false;
  if (!replica_meta_writer_shed (&take->meta)) {
    return false;
  }
  take->state = TAKE_IDLE;
  return true;
}

static void finish (struct replica *replica) {
  struct replica_take *take = &replica->take;
  wal_snapshot_writer_free (&take->writer);
  replica_results_done (&take->request);
  take->is_asked = false;
  take->state = TAKE_FORGETTING;
  take->has_turn = true;
  (void)settle_forgetting (replica);
}

static void give_up (struct replica *replica) {
  struct replica_take *take = &replica->take;
  const char *why = take->writer.detail.text;
  if (why[0] == '\0') {
    why = take->request.message[0] != '\0' ? take->request.message
                                           : raft_error_text (take->failed);
  }
  replica_trace_text (replica, RAFT_TRACE_SNAPSHOT_FAILED, take->index,
                      (uint64_t)(int64_t)take->failed, why);
  replica_take_failed (replica, take->failed, why);
  finish (replica);
}

/* ---- beginning --------------------------------------------------------- */

static bool is_due (const struct replica *replica) {
  const struct replica_take *take = &replica->take;
  return take->is_asked
         || (!take->has_no_method
             && take->log_bytes
                  >= replica->options.limits.snapshot_bytes);
}

/* The configuration that holds at the applied index; one that is later may
** still be cut. */
static bool put_meta (struct replica *replica, struct replica_meta *meta) {
  replica_meta_init (meta);
  if (replica->configuration_index <= replica->applied) {
    meta->configuration = replica->configuration;
    meta->configuration_index = replica->configuration_index;
  } else if (replica->previous_index != 0
             && replica->previous_index <= replica->applied) {
    meta->configuration = replica->previous;
    meta->configuration_index = replica->previous_index;
  } else {
    return false; /* a little later */
  }
  meta->first = replica->first; /* borrowed */
  if (raft_bug (replica, SNAPSHOT_DROPS_JOINT)) {
    struct wire_configuration whole = meta->configuration;
    replica_new_half (&whole, &meta->configuration);
  }
  meta->hash = replica->digest.hash;
  meta->is_blind = replica->digest.is_blind;
  meta->agreed = replica->agreement.features;
  return true;
}

static void put_head (struct replica *replica) {
  struct wal_snapshot_writer *writer = &replica->take.writer;
  struct port_clock *clock = replica->options.clock;
  memset (writer, 0, sizeof *writer);
  writer->fs = replica->options.fs;
  writer->bug = replica->bug;
  writer->done = on_written;
  writer->owner = replica;
  writer->head.identity = replica->identity;
  writer->head.index = replica->applied;
  writer->head.time = replica->applied_time;
  writer->head.salt = clock->random (clock);
  if (raft_term_of (replica->raft, replica->applied, &writer->head.term)
      != RAFT_OK) {
    raft_assert (false);
  }
}

static const struct session_table *sessions_of (struct replica *replica) {
  return raft_bug (replica, SNAPSHOT_FORGETS_SESSIONS)
           ? &replica->restore.meta.sessions : &replica->sessions;
}

bool replica_is_encoding (const struct replica *replica) {
  return replica->take.state == TAKE_ENCODING;
}

/* Without memory it is begun again: the table still has what it shares. */
static bool settle_encoding (struct replica *replica) {
  struct replica_take *take = &replica->take;
  bool is_whole;
  if (!take->has_turn) {
    return false;
  }
  take->has_turn = false;
  if (replica_meta_encode_more (&take->meta, &is_whole) != RAFT_OK) {
    replica_meta_writer_free (&take->meta);
    take->state = TAKE_IDLE;
    replica_retry (replica);
    return false;
  }
  if (!is_whole) {
    return false;
  }
  put_head (replica);
  take->index = replica->applied;
  take->log_bytes = 0;
  take->failed = RAFT_OK;
  ask_machine (replica, MACHINE_SNAPSHOT, TAKE_MACHINE);
  return true;
}

static bool begin (struct replica *replica) {
  struct replica_take *take = &replica->take;
  struct replica_meta meta;
  if (replica->applied <= replica->snapshot_index) {
    take->is_asked = false; /* there is one of this very state */
    replica_take_failed (replica, RAFT_EEXISTS, NULL);
    take->log_bytes = 0;
    return true;
  }
  if (!put_meta (replica, &meta)) {
    return false;
  }
  if (replica_meta_encode (&take->meta, &meta, sessions_of (replica))
      != RAFT_OK) {
    replica_meta_writer_free (&take->meta);
    replica_retry (replica);
    return false;
  }
  take->state = TAKE_ENCODING;
  take->has_turn = true;
  return settle_encoding (replica);
}

/* ---- step by step ------------------------------------------------------ */

static bool is_too_soon (const struct replica *replica) {
  return replica->now < replica_pace_at (&replica->take.pace);
}

/* The next piece, or a pause. */
static void want_piece (struct replica *replica) {
  if (is_too_soon (replica)) {
    replica->take.state = TAKE_PAUSING;
  } else {
    ask_machine (replica, MACHINE_PULL, TAKE_MACHINE);
  }
}

static bool settle_pausing (struct replica *replica) {
  if (is_too_soon (replica)) {
    return false;
  }
  ask_machine (replica, MACHINE_PULL, TAKE_MACHINE);
  return true;
}

raft_time replica_take_deadline (const struct replica *replica) {
  const struct replica_take *take = &replica->take;
  return take->state == TAKE_PAUSING    ? replica_pace_at (&take->pace)
         : take->state == TAKE_ENCODING
               || take->state == TAKE_FORGETTING
           ? replica->now : RAFT_TIME_MAX;
}

static void add (struct replica *replica, const void *data, size_t size) {
  struct replica_take *take = &replica->take;
  replica_pace_spend (&take->pace, replica->now, size);
  if (wal_snapshot_add (&take->writer, data, size)) {
    take->state = TAKE_WRITING;
    take->is_busy = true;
  } else {
    want_piece (replica);
  }
}

/* A block at a time. False: it has all of it. */
static bool add_meta (struct replica *replica) {
  struct replica_take *take = &replica->take;
  struct wire_view data;
  while (replica_meta_take (&take->meta, &data)) {
    if (wal_snapshot_add (&take->writer, data.data, data.size)) {
      take->is_busy = true;
      return true;
    }
  }
  return false;
}

static int tell_engine (struct replica *replica) {
  struct raft_event event;
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_SNAPSHOT;
  event.as.snapshot.index = replica->take.index;
  return replica_step (replica, &event);
}

/* A machine that cannot give a snapshot goes on without one. */
static void machine_refuses (struct replica *replica) {
  struct replica_take *take = &replica->take;
  take->failed = take->status;
  take->has_no_method = take->status == RAFT_ENO_METHOD;
  if (take->failed != RAFT_ENO_METHOD
      && take->failed != RAFT_EAPPLY_FAILED) {
    replica_stop (replica, take->failed,
                  take->request.message[0] != '\0' ? take->request.message
                                                   : NULL);
  } else if (take->writer.is_open) {
    take->state = TAKE_CANCELLING;
    take->is_busy = true;
    wal_snapshot_give_up (&take->writer);
  } else {
    give_up (replica);
  }
}

static void settle_machine (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (take->status != RAFT_OK) {
    machine_refuses (replica);
  } else if (take->request.operation == MACHINE_SNAPSHOT) {
    take->state = TAKE_WRITING;
    take->is_busy = true;
    if (raft_bug (replica, COMPACT_BEFORE_SNAPSHOT)) {
      (void)tell_engine (replica);
    }
    wal_snapshot_begin (&take->writer);
  } else if (take->request.bytes.size > 0) {
    add (replica, take->request.bytes.data, take->request.bytes.size);
  } else {
    take->state = TAKE_NAMING;
    take->is_busy = true;
    wal_snapshot_end (&take->writer);
  }
}

static void settle_written (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (take->status != RAFT_OK) {
    take->failed = take->status;
    ask_machine (replica, MACHINE_DROP, TAKE_DROPPING);
  } else if (!add_meta (replica)) {
    want_piece (replica);
  }
}

static void settle_named (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (take->status != RAFT_OK) {
    take->failed = take->status;
    give_up (replica);
    return;
  }
  replica->snapshot_previous = replica->snapshot_index;
  replica->snapshot_index = take->index;
  replica->snapshot_time = take->writer.head.time;
  replica->snapshot_bytes = take->writer.head.size;
  take->taken++;
  take->state = TAKE_TELLING;
}

static bool settle_telling (struct replica *replica) {
  if (replica->apply.is_told) {
    return false; /* the engine is to know first that it was applied */
  }
  if (tell_engine (replica) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  replica_take_done (replica);
  finish (replica);
  replica_take_sweep (replica);
  return true;
}

/* ---- older ones -------------------------------------------------------- */

static bool is_kept (const struct replica *replica, raft_index index) {
  return index == replica->snapshot_index
         || index == replica->snapshot_previous;
}

/* Nobody writes one: none is begun while this goes on. */
static bool is_leftover (const struct replica *replica, const char *name) {
  return replica->receive.state == RECEIVE_IDLE
         && strcmp (name, WAL_SNAPSHOT_NEW) == 0;
}

/* What cannot be removed now is tried again after the next one. */
static void sweep_next (struct replica *replica) {
  struct replica_take *take = &replica->take;
  while (take->name_at < take->names.size) {
    const char *name = (const char *)take->names.data + take->name_at;
    raft_index index = wal_snapshot_index (name);
    take->name_at += strlen (name) + 1;
    if (is_leftover (replica, name)
        || (index != 0 && !is_kept (replica, index))) {
      take->sweep.operation = FS_REMOVE;
      take->sweep.name = name;
      take->is_busy = true;
      replica->options.fs->submit (replica->options.fs, &take->sweep);
      return;
    }
  }
  raft_buffer_free (&take->names);
  take->state = TAKE_IDLE;
}

static void sweep (struct replica *replica) {
  struct replica_take *take = &replica->take;
  take->is_sweep_due = false;
  take->state = TAKE_SWEEPING;
  take->is_busy = true;
  take->name_at = 0;
  memset (&take->sweep, 0, sizeof take->sweep);
  take->sweep.operation = FS_LIST;
  take->sweep.bytes = &take->names;
  take->sweep.done = on_swept;
  take->sweep.owner = replica;
  replica->options.fs->submit (replica->options.fs, &take->sweep);
}

void replica_take_sweep (struct replica *replica) {
  replica->take.is_sweep_due = true;
}

/* ---- settling ---------------------------------------------------------- */

static bool settle_idle (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (take->is_sweep_due) {
    sweep (replica);
    return true;
  }
  if (!is_due (replica) || replica->apply.batch_end != 0
      || replica->receive.state != RECEIVE_IDLE) {
    return false;
  }
  return begin (replica);
}

bool replica_settle_take (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (take->is_busy) {
    return false;
  }
  switch (take->state) {
    case TAKE_IDLE: return settle_idle (replica);
    case TAKE_ENCODING: return settle_encoding (replica);
    case TAKE_MACHINE: settle_machine (replica); break;
    case TAKE_WRITING: settle_written (replica); break;
    case TAKE_PAUSING: return settle_pausing (replica);
    case TAKE_NAMING: settle_named (replica); break;
    case TAKE_CANCELLING: give_up (replica); break;
    case TAKE_DROPPING: give_up (replica); break;
    case TAKE_TELLING: return settle_telling (replica);
    case TAKE_FORGETTING: return settle_forgetting (replica);
    case TAKE_SWEEPING: sweep_next (replica); break;
  }
  return true;
}

/* ---- life -------------------------------------------------------------- */

void replica_take_init (struct replica *replica) {
  struct replica_take *take = &replica->take;
  take->pace.rate = replica->options.limits.snapshot_rate;
  replica->send_pace.rate = take->pace.rate;
  raft_buffer_init (&take->request.bytes, &raft_memory_plain);
  raft_buffer_init (&take->writer.buffer, &raft_memory_plain);
  raft_buffer_init (&take->names, &raft_memory_plain);
  replica_meta_writer_init (&take->meta, replica->memory);
}

bool replica_take_end (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (!take->is_busy && take->writer.is_open) {
    take->is_busy = true;
    take->state = TAKE_CANCELLING;
    wal_snapshot_give_up (&take->writer);
  }
  return !take->is_busy;
}

void replica_take_free (struct replica *replica) {
  struct replica_take *take = &replica->take;
  raft_buffer_free (&take->request.bytes);
  wal_snapshot_writer_free (&take->writer);
  raft_buffer_free (&take->names);
  replica_meta_writer_free (&take->meta);
}
