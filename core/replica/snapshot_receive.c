/* SPDX-License-Identifier: MIT
**
** snapshot_receive.c - a leader's snapshot, block by block, into a file.
**
**   idle ─► open ─► … ─► whole ─► (the engine decides) ─► install.c
**            ▲  │                        └─► cancelling ─► idle
**            └──┘ a block, in its order
**
** Rule: blocks are taken from the known leader of the current term only, each
**       in its order and once. Whatever else comes is answered with what is
**       missing, or not at all, and nothing grows.
** Rule: a block is answered when it was written: what is in memory is a
**       window of blocks, and the part that is not the machine's. Who sends
**       more than that loses it.
** Rule: half a snapshot is kept over a lost link, for a while. */

#include <string.h>

#include "replica/inside.h"

/* ---- answers ----------------------------------------------------------- */

static void answer (struct replica *replica, raft_id to,
                    const struct wire_snapshot *what, uint64_t next,
                    enum wire_snapshot_outcome outcome) {
  struct port_net *net = replica->options.net;
  struct wire_snapshot_result message = { replica->term, what->index,
                                          what->salt, next, outcome };
  struct raft_slice bytes;
  int status;
  replica->scratch.size = 0;
  status = wire_snapshot_result_encode (
    &replica->scratch, replica->options.group, replica->identity.member, to,
    &message);
  if (status == RAFT_OK) {
    status = raft_chunk_copy (&replica->chunk, replica->scratch.data,
                              replica->scratch.size, &bytes);
  }
  if (status == RAFT_OK) {
    net->send (net, to, NET_NORMAL, bytes);
  } else {
    replica->dropped++; /* it is asked for again */
  }
}

void replica_receive_answer (struct replica *replica,
                             enum wire_snapshot_outcome outcome) {
  const struct replica_receive *receive = &replica->receive;
  answer (replica, receive->from, &receive->what, receive->next, outcome);
}

/* ---- the file ---------------------------------------------------------- */

static uint64_t blocks_of (const struct wire_snapshot *what) {
  return (what->size + WIRE_SNAPSHOT_BLOCK - 1) / WIRE_SNAPSHOT_BLOCK;
}

static void on_written (struct wal_snapshot_writer *writer, int status) {
  struct replica *replica = writer->owner;
  replica_enter (replica);
  if (writer->is_directory_lost) {
    replica_stop (replica, status, writer->detail.text);
  }
  replica->receive.is_busy = false;
  replica->receive.status = status;
  replica_leave (replica);
}

static void forget_held (struct replica_receive *receive) {
  for (uint32_t i = 0; i < receive->held_count; i++) {
    raft_slice_release (&receive->held[i]);
  }
  receive->held_count = 0;
}

static bool settle_forgetting (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (!receive->has_turn) {
    return false;
  }
  receive->has_turn = false;
  if (!replica_meta_shed (&receive->meta)) {
    return false;
  }
  receive->state = RECEIVE_IDLE;
  return true;
}

void replica_receive_done (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  forget_held (receive);
  wal_snapshot_writer_free (&receive->writer);
  replica_meta_reader_free (&receive->decoding);
  receive->state = RECEIVE_FORGETTING;
  receive->has_turn = true;
  (void)settle_forgetting (replica);
}

void replica_receive_cancel (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  raft_assert (!receive->is_busy);
  receive->state = RECEIVE_CANCELLING;
  if (receive->writer.is_open) {
    receive->is_busy = true;
    wal_snapshot_give_up (&receive->writer);
  }
}

static void begin (struct replica *replica, raft_id from,
                   const struct wire_snapshot *what) {
  struct replica_receive *receive = &replica->receive;
  struct wal_snapshot_writer *writer = &receive->writer;
  struct port_clock *clock = replica->options.clock;
  receive->state = RECEIVE_OPEN;
  receive->from = from;
  receive->what = *what;
  receive->what.data = (struct wire_view){ NULL, 0 };
  receive->next = 0;
  receive->held_count = 0;
  receive->is_begun = false;
  receive->is_outdated = false;
  receive->is_adopted = false;
  receive->has_meta = false;
  receive->status = RAFT_OK;
  memset (writer, 0, sizeof *writer);
  writer->fs = replica->options.fs;
  writer->bug = replica->bug;
  writer->done = on_written;
  writer->owner = replica;
  writer->head.identity = replica->identity;
  writer->head.index = what->index;
  writer->head.term = what->last_term;
  writer->head.time = what->time;
  writer->head.salt = clock->random (clock);
  receive->is_busy = true;
  wal_snapshot_begin (writer);
}

/* ---- blocks ------------------------------------------------------------ */

static void refuse (struct replica *replica, const char *why, int status) {
  replica_trace_text (replica, RAFT_TRACE_SNAPSHOT_FAILED,
                      replica->receive.what.index,
                      (uint64_t)(int64_t)status, why);
  replica_receive_answer (replica, WIRE_SNAPSHOT_REFUSED);
}

static void block_is_written (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  receive->next++;
  receive->held_count--;
  raft_slice_release (&receive->held[0]);
  memmove (receive->held, receive->held + 1,
           receive->held_count * sizeof *receive->held);
  if (receive->next == blocks_of (&receive->what)) {
    receive->state = RECEIVE_WHOLE;
  }
  replica_receive_answer (replica, WIRE_SNAPSHOT_GOES_ON);
}

static bool take_meta (struct replica *replica, struct wire_view data) {
  struct replica_receive *receive = &replica->receive;
  int status = RAFT_OK;
  if (!receive->has_meta) {
    status = replica_meta_read (&receive->decoding, &data,
                                replica->identity.cluster,
                                &replica->sessions, &receive->meta);
    receive->has_meta = status == RAFT_OK && receive->decoding.is_whole;
  }
  if (status == RAFT_OK && !receive->has_meta
      && receive->next + 1 == blocks_of (&receive->what)) {
    status = RAFT_EMALFORMED; /* it ends before its first part does */
  }
  if (status != RAFT_OK) {
    refuse (replica, raft_error_text (status), status);
    replica_receive_cancel (replica);
  }
  return status == RAFT_OK;
}

/* The first one of those that are held. */
static void write_block (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  struct wire_view data = { receive->held[0].data, receive->held[0].size };
  if (!take_meta (replica, data)) {
    return;
  }
  receive->is_busy = wal_snapshot_add (&receive->writer, data.data,
                                       data.size);
  if (!receive->is_busy) {
    block_is_written (replica); /* the last one: with the head */
  }
}

static bool is_same (const struct replica_receive *receive, raft_id from,
                     const struct wire_snapshot *what) {
  return receive->state != RECEIVE_IDLE
         && receive->state != RECEIVE_FORGETTING && receive->from == from
         && receive->what.index == what->index
         && receive->what.last_term == what->last_term
         && receive->what.size == what->size
         && receive->what.salt == what->salt;
}

/* True: it is the next one, and there is room. */
static bool hold_block (struct replica *replica,
                        const struct wire_snapshot *block) {
  struct replica_receive *receive = &replica->receive;
  struct wire_view data = block->data;
  return receive->state == RECEIVE_OPEN && data.size > 0
         && block->block == receive->next + receive->held_count
         && receive->held_count < SNAPSHOT_HELD_MAX
         && raft_slice_copy (replica->memory, data.data, data.size,
                             &receive->held[receive->held_count])
              == RAFT_OK;
}

static void on_block (struct replica *replica,
                      const struct wire_snapshot *block) {
  struct replica_receive *receive = &replica->receive;
  bool is_writing = receive->state == RECEIVE_OPEN
                    && (receive->is_busy || receive->held_count > 0);
  receive->heard = replica->now;
  if (hold_block (replica, block)) {
    receive->held_count++; /* answered when it is written */
  } else if (receive->state != RECEIVE_CANCELLING && !is_writing) {
    replica_receive_answer (replica, WIRE_SNAPSHOT_GOES_ON);
  }
}

static void on_offer (struct replica *replica, raft_id from,
                      const struct wire_snapshot *what) {
  struct replica_receive *receive = &replica->receive;
  if (receive->state == RECEIVE_IDLE) {
    if (replica->take.state == TAKE_IDLE) {
      receive->heard = replica->now;
      begin (replica, from, what);
    } /* else the own one comes first, and this one is offered again */
  } else if (!replica_is_installing (replica)) {
    receive->is_outdated = true;
  }
}

void replica_on_snapshot (struct replica *replica, raft_id from,
                          const struct wire_snapshot *snapshot) {
  if (snapshot->term != replica->term || from != replica->leader) {
    return; /* the leader of this term sends it again */
  }
  if (is_same (&replica->receive, from, snapshot)) {
    on_block (replica, snapshot);
  } else if (snapshot->index <= replica->commit
             && !raft_bug (replica, INSTALL_STALE)) {
    answer (replica, from, snapshot, 0, WIRE_SNAPSHOT_INSTALLED);
  } else {
    on_offer (replica, from, snapshot);
  }
}

/* ---- whole ------------------------------------------------------------- */

static int step_install (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  struct raft_snapshot value;
  struct raft_event event;
  memset (&value, 0, sizeof value);
  value.index = receive->what.index;
  value.term = receive->what.last_term;
  value.time = receive->what.time;
  wire_configuration_sets (&receive->meta.configuration,
                           &value.configuration);
  value.configuration_index = receive->meta.configuration_index;
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_INSTALL;
  event.as.install.from = receive->from;
  event.as.install.term = receive->what.term;
  event.as.install.value = &value;
  receive->is_install_wanted = false;
  return replica_step (replica, &event);
}

static bool settle_whole (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  const struct replica_meta *meta = &receive->meta;
  int status = RAFT_EMALFORMED;
  if (meta->configuration_index > 0
      && meta->configuration_index <= receive->what.index) {
    status = step_install (replica);
  }
  if (status == RAFT_ENOMEM) {
    replica_retry (replica);
    return false;
  }
  if (status != RAFT_OK) {
    refuse (replica, raft_error_text (status), status);
    replica_receive_cancel (replica);
  } else if (receive->is_install_wanted) {
    replica_install_start (replica);
  } else {
    replica_receive_cancel (replica); /* the log has all of it */
  }
  return true;
}

/* ---- settling ---------------------------------------------------------- */

static bool settle_open (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (receive->status != RAFT_OK) {
    refuse (replica, receive->writer.detail.text, receive->status);
    replica_receive_done (replica); /* the file is gone */
    return true;
  }
  if (receive->is_outdated
      || replica->now >= receive->heard + SNAPSHOT_IDLE_US) {
    replica_receive_cancel (replica);
    return true;
  }
  if (receive->writer.blocks > receive->next) {
    block_is_written (replica);
    return true;
  }
  if (receive->held_count > 0) {
    write_block (replica);
    return true;
  }
  if (!receive->is_begun) {
    receive->is_begun = true;
    replica_receive_answer (replica, WIRE_SNAPSHOT_GOES_ON);
  }
  return false;
}

bool replica_settle_receive (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (receive->is_busy) {
    return false;
  }
  switch (receive->state) {
    case RECEIVE_OPEN: return settle_open (replica);
    case RECEIVE_WHOLE: return settle_whole (replica);
    case RECEIVE_CANCELLING:
      replica_receive_done (replica);
      return true;
    case RECEIVE_FORGETTING: return settle_forgetting (replica);
    default: return false; /* idle, or being installed */
  }
}

/* ---- time, life -------------------------------------------------------- */

raft_time replica_receive_deadline (const struct replica *replica) {
  const struct replica_receive *receive = &replica->receive;
  return receive->state == RECEIVE_OPEN ? receive->heard + SNAPSHOT_IDLE_US
         : receive->state == RECEIVE_FORGETTING ? replica->now
                                                : RAFT_TIME_MAX;
}

void replica_receive_init (struct replica *replica) {
  raft_buffer_init (&replica->receive.writer.buffer, &raft_memory_plain);
  replica_meta_reader_init (&replica->receive.decoding, replica->memory);
}

bool replica_receive_end (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (!receive->is_busy && receive->writer.is_open) {
    replica_receive_cancel (replica);
  }
  return !receive->is_busy;
}

void replica_receive_free (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  forget_held (receive);
  wal_snapshot_writer_free (&receive->writer);
  replica_meta_reader_free (&receive->decoding);
  replica_meta_free (&receive->meta);
}
