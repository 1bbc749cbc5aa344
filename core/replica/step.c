/* SPDX-License-Identifier: MIT
**
** step.c - events in: what happened becomes an event of the engine.
**
** Rule: memory that an event's effects will need is reserved before the step,
**       so that an effect never fails halfway: a leader's no-op, room in the
**       cache, the block of a batch. What still cannot be done then (a write
**       that the log has no memory for) stops the member: to go on would be
**       to claim what is not so. */

#include <string.h>

#include "replica/inside.h"

/* Any step may make a leader, whose no-op must find its place. */
static int reserve_for_step (struct replica *replica) {
  if (replica->noop == NULL) {
    replica->noop = raft_block_new (replica->memory, WIRE_ENTRY_HEAD);
    if (replica->noop == NULL) {
      return RAFT_ENOMEM;
    }
  }
  return replica_cache_reserve (&replica->cache, 1);
}

int replica_step (struct replica *replica, struct raft_event *event) {
  struct port_clock *clock = replica->options.clock;
  int status = reserve_for_step (replica);
  if (status != RAFT_OK) {
    return status;
  }
  event->now = replica->now;
  event->wall = clock->wall (clock);
  event->random = clock->random (clock);
  status = raft_step (replica->raft, event);
  if (status == RAFT_OK) {
    replica_perform (replica);
  }
  return status;
}

/* ---- what was noted becomes events ------------------------------------ */

/* Steps an event that must not be lost. True: it was taken. */
static bool settle_step (struct replica *replica, struct raft_event *event) {
  int status = replica_step (replica, event);
  if (status == RAFT_OK) {
    return true;
  }
  if (status == RAFT_ENOMEM) {
    replica_retry (replica);
  } else {
    replica_stop (replica, status, NULL);
  }
  return false;
}

static bool settle_durable (struct replica *replica) {
  struct raft_event event;
  uint64_t durable = replica->wal_durable;
  uint64_t before, ticket;
  if (replica->wal_stepped == durable) {
    return false;
  }
  before = replica_peer_engine_ticket (&replica->peers,
                                       replica->wal_stepped);
  ticket = replica_peer_engine_ticket (&replica->peers, durable);
  if (ticket > before) {
    memset (&event, 0, sizeof event);
    event.kind = RAFT_EVENT_PERSISTED;
    event.as.persisted.ticket = ticket;
    if (!settle_step (replica, &event)) {
      return false;
    }
  }
  replica->wal_stepped = durable;
  replica_peer_durable (&replica->peers, durable);
  return true;
}

/* A vote that went before entries without room. */
static bool settle_voted (struct replica *replica) {
  struct raft_event event;
  if (replica->wal_voted == 0) {
    return false;
  }
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_PERSISTED;
  event.as.persisted.ticket = replica_peer_engine_ticket (
    &replica->peers, replica->wal_voted);
  event.as.persisted.is_vote = true;
  if (!settle_step (replica, &event)) {
    return false;
  }
  replica->wal_voted = 0;
  return true;
}

static bool settle_disk_full (struct replica *replica) {
  struct raft_event event;
  if (replica->disk_full == replica->disk_full_told) {
    return false;
  }
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_DISK_FULL;
  event.as.flag.yes = replica->disk_full;
  if (!settle_step (replica, &event)) {
    return false;
  }
  replica->disk_full_told = event.as.flag.yes;
  return true;
}

static bool settle_time (struct replica *replica) {
  struct raft_event event;
  if (replica->now < raft_deadline (replica->raft)) {
    return false;
  }
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_TIME;
  (void)settle_step (replica, &event);
  return false; /* once a turn, whatever the engine's next deadline is */
}

/* One round over everything that may have been noted. */
static bool settle_once (struct replica *replica) {
  bool moved = settle_durable (replica);
  bool (*const parts[]) (struct replica *)
    = { settle_voted, settle_disk_full, replica_settle_peers,
        replica_settle_loads, replica_settle_take, replica_settle_receive,
        replica_settle_install, replica_settle_sends, replica_settle_apply,
        replica_settle_sessions, replica_settle_reads, replica_settle_stall,
        replica_settle_change, replica_settle_transfer,
        replica_settle_members, replica_settle_agree };
  size_t i;
  for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    if (replica->life == REPLICA_OPEN && parts[i] (replica)) {
      moved = true;
    }
  }
  return moved;
}

void replica_settle (struct replica *replica) {
  if (replica->now >= replica->retry_at) {
    replica->retry_at = RAFT_TIME_MAX;
  }
  while (replica->life == REPLICA_OPEN && settle_once (replica)) {
  }
}

/* ---- told by the log -------------------------------------------------- */

void replica_on_durable (void *owner, uint64_t ticket) {
  struct replica *replica = owner;
  replica_enter (replica);
  raft_assert (ticket >= replica->wal_durable
               && ticket <= replica->wal_ticket);
  replica->wal_durable = ticket;
  replica->write_since = replica->now;
  replica_leave (replica);
}

void replica_on_voted (void *owner, uint64_t ticket) {
  struct replica *replica = owner;
  replica_enter (replica);
  replica->wal_voted = ticket;
  replica_leave (replica);
}

/* What was not durable never will be: a member that went on would have to
** forget what it knows (ATC'20). */
void replica_on_wal_failed (void *owner, int status,
                            const struct raft_detail *detail) {
  struct replica *replica = owner;
  replica_enter (replica);
  replica_stop (replica, status, detail != NULL ? detail->text : NULL);
  replica_leave (replica);
}

void replica_on_full (void *owner, bool yes) {
  struct replica *replica = owner;
  replica_enter (replica);
  replica->disk_full = yes;
  replica_leave (replica);
}

/* ---- told by the world ------------------------------------------------ */

/* The bytes of an AppendEntries, in one block; the cache takes references to
** what the engine accepts. */
static int take_entries (struct replica *replica,
                         const struct wire_message *message) {
  uint32_t count = message->message.as.append.entry_count;
  struct raft_block *block;
  size_t size = 0;
  uint32_t i;
  int status = replica_reserve_slices (replica, count);
  if (status == RAFT_OK) {
    status = replica_cache_reserve (&replica->cache, count);
  }
  if (status != RAFT_OK) {
    return status;
  }
  for (i = 0; i < count; i++) {
    size += message->entry_bytes[i].size;
  }
  block = raft_block_new (replica->memory, size);
  if (block == NULL) {
    return RAFT_ENOMEM;
  }
  size = 0;
  for (i = 0; i < count; i++) {
    struct wire_view bytes = message->entry_bytes[i];
    memcpy (block->bytes + size, bytes.data, bytes.size);
    replica->slices[i] = raft_slice_of (block, size, bytes.size);
    size += bytes.size;
  }
  replica->batch = block;
  replica->incoming_first = message->message.as.append.previous_index + 1;
  replica->incoming_count = count;
  return RAFT_OK;
}

static void step_message (struct replica *replica,
                          const struct wire_message *message) {
  struct raft_event event;
  int status = RAFT_OK;
  if (message->message.kind == RAFT_MESSAGE_APPEND
      && message->message.as.append.entry_count > 0) {
    status = take_entries (replica, message);
  }
  if (status == RAFT_OK) {
    memset (&event, 0, sizeof event);
    event.kind = RAFT_EVENT_MESSAGE;
    event.as.message = message->message;
    status = replica_step (replica, &event);
  }
  raft_block_release (replica->batch);
  replica->batch = NULL;
  replica->incoming_count = 0;
  if (status == RAFT_ENOMEM) {
    replica->dropped++; /* as if the network had lost it */
  } else if (status != RAFT_OK) {
    replica_stop (replica, status, NULL);
  }
}

static int message_decode (struct replica *replica, raft_id from,
                           const uint8_t *data, size_t size,
                           struct wire_message *message) {
  struct wire_rpc rpc;
  int status = wire_rpc_decode (data, size, &rpc);
  if (status == RAFT_OK
      && (rpc.type != WIRE_NOTIFICATION || rpc.method.size != 4
          || memcmp (rpc.method.data, "raft", 4) != 0)) {
    status = RAFT_EMALFORMED;
  }
  if (status == RAFT_OK) {
    status = wire_message_decode (rpc.params, &replica->room, message, NULL);
  }
  if (status == RAFT_OK
      && (message->group != replica->options.group || message->from != from
          || message->to != replica->identity.member)) {
    status = RAFT_EMALFORMED;
  }
  return status;
}

static void note_malformed (struct replica *replica, raft_id from,
                            int status) {
  replica->malformed++;
  replica_trace (replica, RAFT_TRACE_MALFORMED, from,
                 (uint64_t)(int64_t)status, 0);
}

void replica_on_garbage (struct replica *replica, raft_id from) {
  replica_enter (replica);
  note_malformed (replica, from, RAFT_EMALFORMED);
  replica_leave (replica);
}

static int on_message (struct replica *replica, raft_id from,
                       const uint8_t *data, size_t size) {
  const struct replica_peer *peer
    = replica_peer_find (&replica->peers, from);
  struct wire_message message;
  int status;
  if (from != replica->leader && replica_is_removed (replica, from)) {
    return RAFT_EREMOVED; /* it dials again, and is told */
  }
  if (peer == NULL || peer->state != PEER_KNOWN) {
    return RAFT_OK; /* not before its incarnation is durable here */
  }
  status = message_decode (replica, from, data, size, &message);
  if (status == RAFT_ENOMEM) {
    replica->dropped++;
    return RAFT_OK;
  }
  if (status != RAFT_OK) {
    note_malformed (replica, from, status);
    return status;
  }
  if (message.is_result_hash) {
    replica_on_result_hash (replica, from, &message.result_hash);
  } else if (message.is_snapshot) {
    replica_on_snapshot (replica, from, &message.snapshot);
  } else if (message.is_snapshot_result) {
    replica_on_snapshot_result (replica, from, &message.snapshot_result);
  } else {
    step_message (replica, &message);
  }
  return RAFT_OK;
}

int replica_on_message (struct replica *replica, raft_id from,
                        const uint8_t *data, size_t size) {
  int status = RAFT_OK;
  replica_enter (replica);
  if (replica->life == REPLICA_OPEN) {
    status = on_message (replica, from, data, size);
  }
  replica_leave (replica);
  return status;
}

void replica_on_time (struct replica *replica) {
  replica_enter (replica);
  replica->take.has_turn = true;
  replica->receive.has_turn = true;
  replica_apply_turn (replica);
  if (replica->life == REPLICA_OPEN) {
    (void)settle_time (replica);
  }
  if (replica->wal_usable && !replica->wal_closing
      && replica->now >= wal_deadline (replica->wal)) {
    wal_on_time (replica->wal);
  }
  replica_leave (replica);
}

static raft_time earlier (raft_time a, raft_time b) { return a < b ? a : b; }

raft_time replica_deadline (const struct replica *replica) {
  raft_time deadline = RAFT_TIME_MAX;
  if (replica->wal_usable && !replica->wal_closing) {
    deadline = wal_deadline (replica->wal);
  }
  if (replica->life == REPLICA_OPEN) {
    raft_time engine = raft_deadline (replica->raft);
    if (replica->retry_at != RAFT_TIME_MAX && engine < replica->retry_at) {
      engine = replica->retry_at; /* memory is out: not in a circle */
    }
    deadline = earlier (deadline, engine);
    deadline = earlier (deadline, replica->retry_at);
    deadline = earlier (deadline, replica_stall_deadline (replica));
    deadline = earlier (deadline, replica_take_deadline (replica));
    deadline = earlier (deadline, replica_sends_deadline (replica));
    deadline = earlier (deadline, replica_receive_deadline (replica));
    deadline = earlier (deadline, replica_apply_deadline (replica));
  }
  return deadline;
}

static bool is_cache_full (const struct replica *replica) {
  return replica->cache.bytes > replica->options.limits.cached_bytes;
}

/* The engine forgets the oldest entries past a bound; so does the cache, but
** never what is still to be given to the machine. */
static void flush_cache (struct replica *replica) {
  struct raft_status status;
  raft_index below;
  if (!is_cache_full (replica)) {
    return;
  }
  raft_get_status (replica->raft, &status);
  below = status.first_cached;
  if (replica->apply.next < replica->apply.end
      && replica->apply.next < below) {
    below = replica->apply.next;
  }
  replica_cache_evict (&replica->cache, below);
}

/* Most turns bring nothing to be flushed. What was noted is settled since the
** last call was left, unless time has passed; but a change that the engine was
** too busy for is tried again in each turn. */
static bool has_to_flush (const struct replica *replica) {
  struct port_clock *clock = replica->options.clock;
  return replica->calls.proposal_count > 0
         || replica->reads.lists[READ_INTAKE].count > 0
         || is_cache_full (replica) || replica->admin.is_changing
         || replica_is_joint (&replica->configuration)
         || replica->now != clock->now (clock);
}

void replica_flush (struct replica *replica) {
  if (!has_to_flush (replica)) {
    return;
  }
  replica_enter (replica);
  if (replica->life == REPLICA_OPEN) {
    replica_flush_proposals (replica);
  }
  if (replica->life == REPLICA_OPEN) {
    replica_flush_reads (replica);
  }
  if (replica->life == REPLICA_OPEN) {
    flush_cache (replica);
  }
  replica_leave (replica);
}
