/* SPDX-License-Identifier: MIT
**
** effect.c - effects out: what a step wants done, in its order. */

#include <string.h>

#include "base/checksum.h"
#include "replica/inside.h"

int replica_reserve_slices (struct replica *replica, size_t count) {
  void *array = replica->slices;
  int status = raft_reserve (replica->memory, &array,
                             &replica->slice_capacity, count,
                             sizeof *replica->slices);
  replica->slices = array;
  return status;
}

int replica_reserve_entries (struct replica *replica, size_t count) {
  void *array = replica->entries;
  int status = raft_reserve (replica->memory, &array,
                             &replica->entry_capacity, count,
                             sizeof *replica->entries);
  replica->entries = array;
  return status;
}

/* ---- APPEND: entries made here ---------------------------------------- */

static void fill_entry (const struct replica *replica,
                        const struct raft_effect *effect, uint32_t i,
                        struct wire_entry *entry) {
  memset (entry, 0, sizeof *entry);
  entry->group = replica->options.group;
  entry->term = effect->as.append.term;
  entry->index = effect->as.append.first + i;
  entry->time = effect->as.append.time + i;
  entry->random = raft_mix (effect->as.append.random + i);
}

static void append_noop (struct replica *replica,
                         const struct raft_effect *effect) {
  struct wire_entry entry;
  fill_entry (replica, effect, 0, &entry);
  entry.kind = RAFT_ENTRY_NOOP;
  entry.payload_checksum = raft_checksum (NULL, 0, 0);
  wire_entry_encode (&entry, replica->noop->bytes);
  replica_cache_push (&replica->cache,
                      raft_slice_of (replica->noop, 0, WIRE_ENTRY_HEAD));
  raft_block_release (replica->noop);
  replica->noop = NULL;
}

static void append_configuration (struct replica *replica,
                                  const struct raft_effect *effect) {
  struct wire_entry entry;
  raft_assert (effect->as.append.count == 1);
  fill_entry (replica, effect, 0, &entry);
  replica_append_configuration (replica, &entry);
}

static size_t append_one (struct replica *replica,
                          const struct raft_effect *effect, uint32_t i,
                          size_t offset) {
  struct replica_calls *calls = &replica->calls;
  const struct replica_proposal *proposal
    = &calls->proposals[replica->batch_first + i];
  size_t size = WIRE_ENTRY_HEAD + (size_t)proposal->size;
  struct wire_entry entry;
  fill_entry (replica, effect, i, &entry);
  entry.kind = proposal->kind;
  entry.session = proposal->session;
  entry.sequence = proposal->sequence;
  entry.first_unacknowledged = proposal->first_unacknowledged;
  entry.payload_checksum = proposal->checksum;
  entry.payload
    = proposal->size == 0 ? NULL : calls->payloads.data + proposal->offset;
  entry.payload_size = proposal->size;
  wire_entry_encode (&entry, replica->batch->bytes + offset);
  replica_cache_push (&replica->cache,
                      raft_slice_of (replica->batch, offset, size));
  if (entry.kind == RAFT_ENTRY_AGREED) {
    replica_agree_appended (replica, &entry);
  }
  if (proposal->caller.connection != 0) {
    struct replica_call call;
    call.caller = proposal->caller;
    call.index = entry.index;
    call.term = entry.term;
    replica_calls_push (calls, &call);
  }
  return size;
}

static void perform_append (struct replica *replica,
                            const struct raft_effect *effect) {
  uint32_t i;
  size_t offset = 0;
  raft_assert (effect->as.append.first
               == replica->cache.first + replica->cache.count);
  if (effect->as.append.kind == RAFT_ENTRY_NOOP) {
    raft_assert (effect->as.append.count == 1);
    append_noop (replica, effect);
  } else if (effect->as.append.kind == RAFT_ENTRY_CONFIGURATION) {
    append_configuration (replica, effect);
  } else {
    raft_assert (effect->as.append.count == replica->batch_count);
    for (i = 0; i < effect->as.append.count; i++) {
      offset += append_one (replica, effect, i, offset);
    }
  }
  replica->last = effect->as.append.first + effect->as.append.count - 1;
}

/* ---- PERSIST ---------------------------------------------------------- */

/* The log was cut here. That says nothing about the entry elsewhere: another
** member may hold it, win an election and commit it (Paper Fig. 8, read from
** the other side). So the answer is 'unknown': in a session the client asks
** again and is recognised, without one it must not. */
static void fail_truncated (struct replica *replica, raft_index first) {
  struct replica_calls *calls = &replica->calls;
  const struct replica_call *call;
  while ((call = replica_calls_newest (calls)) != NULL
         && call->index >= first) {
    replica_answer_error (replica, &call->caller, RAFT_EUNKNOWN, NULL);
    replica_calls_pop_newest (calls);
  }
}

/* One message may bring several: each is the one before the next. */
static void take_configuration (struct replica *replica, raft_index index) {
  struct raft_slice entry = replica_cache_get (&replica->cache, index);
  struct raft_detail why;
  if (entry.data[0] == RAFT_ENTRY_CONFIGURATION
      && replica_configure (replica, entry, index, &why) != RAFT_OK) {
    replica_stop (replica, RAFT_ECORRUPT, why.text);
  }
}

/* A leader sent entries: those that the engine took replace what stood at
** their places. (Entries made here are in the cache since their APPEND.) */
static void accept_incoming (struct replica *replica, raft_index first,
                             uint32_t count) {
  raft_index i;
  if (first <= replica->last) {
    fail_truncated (replica, first);
  }
  replica_cache_truncate (&replica->cache, first);
  if (replica->configuration_index >= first) {
    replica_configuration_cut (replica);
  }
  for (i = first; i < first + count; i++) {
    raft_assert (i >= replica->incoming_first
                 && i < replica->incoming_first + replica->incoming_count);
    replica_cache_push (&replica->cache,
                        replica->slices[i - replica->incoming_first]);
    take_configuration (replica, i);
  }
}

static int write_entries (struct replica *replica, struct wal_write *write) {
  uint32_t i;
  if (replica_reserve_slices (replica, write->count) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  for (i = 0; i < write->count; i++) {
    raft_assert (replica_cache_has (&replica->cache, write->first + i));
    replica->slices[i]
      = replica_cache_get (&replica->cache, write->first + i);
  }
  write->entries = replica->slices;
  return RAFT_OK;
}

static void perform_persist (struct replica *replica,
                             const struct raft_effect *effect) {
  struct wal_write write;
  int status = RAFT_OK;
  memset (&write, 0, sizeof write);
  write.ticket = replica->wal_ticket + 1;
  write.term = effect->as.persist.term;
  write.vote = effect->as.persist.vote;
  write.first = effect->as.persist.first;
  write.count = effect->as.persist.count;
  raft_assert (replica_peer_engine_ticket (&replica->peers, write.ticket)
               == effect->as.persist.ticket);
  if (write.first != 0) {
    if (replica->cache.first + replica->cache.count
          != write.first + write.count
        || replica->incoming_count > 0) {
      accept_incoming (replica, write.first, write.count);
    }
    replica->last = write.first + write.count - 1;
    raft_assert (replica->cache.first + replica->cache.count
                 == replica->last + 1);
    status = write_entries (replica, &write);
  }
  if (status == RAFT_OK) {
    status = wal_persist (replica->wal, &write);
  }
  if (status != RAFT_OK) {
    replica_stop (replica, status, "out of memory for a write of the log");
    return;
  }
  if (replica->wal_ticket == replica->wal_durable) {
    replica->write_since = replica->now;
  }
  replica->wal_ticket = write.ticket;
}

/* ---- SEND ------------------------------------------------------------- */

static int send_entries (struct replica *replica,
                         const struct raft_effect *effect) {
  const struct raft_message_append *append
    = &effect->as.send.message.as.append;
  raft_index first = append->previous_index + 1;
  struct replica_load *load = NULL;
  uint32_t i;
  int status = replica_reserve_slices (replica, append->entry_count);
  if (status != RAFT_OK) {
    return status;
  }
  if (effect->as.send.ticket != 0) {
    load = replica_load_find (replica, effect->as.send.ticket);
    raft_assert (load != NULL && first >= load->wal.first
                 && first + append->entry_count
                      <= load->wal.first + load->wal.loaded);
  }
  for (i = 0; i < append->entry_count; i++) {
    if (load != NULL) {
      replica->slices[i] = load->wal.entries[first + i - load->wal.first];
    } else {
      raft_assert (replica_cache_has (&replica->cache, first + i));
      replica->slices[i] = replica_cache_get (&replica->cache, first + i);
    }
  }
  return RAFT_OK;
}

/* A message may be lost: here it is, when memory is out. */
static void perform_send (struct replica *replica,
                          const struct raft_effect *effect) {
  const struct raft_message *message = &effect->as.send.message;
  struct port_net *net = replica->options.net;
  struct raft_slice bytes;
  bool has_entries = message->kind == RAFT_MESSAGE_APPEND
                     && message->as.append.entry_count > 0;
  int status;
  if (!replica_peer_reads (&replica->peers, message->to, message->kind)) {
    return; /* who asked for it has ended since, and is an older build now */
  }
  status = has_entries ? send_entries (replica, effect) : RAFT_OK;
  replica->scratch.size = 0;
  if (status == RAFT_OK) {
    status = wire_message_encode (&replica->scratch, replica->options.group,
                                  message,
                                  has_entries ? replica->slices : NULL);
  }
  if (status == RAFT_OK) {
    status = raft_chunk_copy (&replica->chunk, replica->scratch.data,
                              replica->scratch.size, &bytes);
  }
  if (status != RAFT_OK) {
    replica->dropped++;
    return;
  }
  net->send (net, message->to, NET_NORMAL, bytes);
}

/* ---- the rest --------------------------------------------------------- */

static void perform_role (struct replica *replica,
                          const struct raft_effect *effect) {
  bool is_new_leader = effect->as.role.leader != replica->leader
                       || effect->as.role.term != replica->term;
  bool is_new_role = effect->as.role.role != effect->as.role.from;
  struct replica_counts *counts = &replica->counts;
  counts->elections
    += is_new_role && effect->as.role.role == RAFT_CANDIDATE;
  counts->leaderships += is_new_role && effect->as.role.role == RAFT_LEADER;
  counts->leader_changes
    += is_new_leader && effect->as.role.leader != RAFT_ID_NONE;
  replica->role = effect->as.role.role;
  replica->term = effect->as.role.term;
  replica->leader = effect->as.role.leader;
  if (is_new_leader && replica->leader != RAFT_ID_NONE) {
    replica_compare_all (replica);
  }
}

/* One that came or was cut is known since its PERSIST; one that was appended
** here is in the cache. */
static void perform_configuration (struct replica *replica,
                                   const struct raft_effect *effect) {
  raft_index index = effect->as.configuration.index;
  if (index > replica->configuration_index
      && replica_cache_has (&replica->cache, index)) {
    take_configuration (replica, index);
  }
  replica_know_members (replica);
}

static void perform_trace (struct replica *replica,
                           const struct raft_effect *effect) {
  struct raft_tracer *tracer = replica->options.tracer;
  if (tracer != NULL
      && (tracer->levels & raft_trace_level_of (effect->as.trace.kind))) {
    tracer->emit (tracer, &effect->as.trace);
  }
}

static void perform_one (struct replica *replica,
                         const struct raft_effect *effect) {
  switch (effect->kind) {
    case RAFT_EFFECT_APPEND:
      perform_append (replica, effect);
      break;
    case RAFT_EFFECT_PERSIST:
      perform_persist (replica, effect);
      break;
    case RAFT_EFFECT_LOAD:
      replica_load_want (replica, effect);
      break;
    case RAFT_EFFECT_SEND:
      perform_send (replica, effect);
      break;
    case RAFT_EFFECT_APPLY:
      replica_apply_want (replica, effect->as.apply.first,
                          effect->as.apply.count, effect->as.apply.ticket);
      break;
    case RAFT_EFFECT_READ:
      replica_read_confirmed (replica, effect);
      break;
    case RAFT_EFFECT_ROLE:
      perform_role (replica, effect);
      break;
    case RAFT_EFFECT_CONFIGURATION:
      perform_configuration (replica, effect);
      break;
    case RAFT_EFFECT_COMMIT:
      replica->commit = effect->as.commit.index;
      replica_stall_committed (replica, replica->commit);
      break;
    case RAFT_EFFECT_TRACE:
      perform_trace (replica, effect);
      break;
    case RAFT_EFFECT_TRANSFER:
      replica_admin_transferred (replica, effect->as.transfer.member,
                                 effect->as.transfer.status);
      break;
    case RAFT_EFFECT_COMPACT:
      wal_compact (replica->wal, effect->as.compact.index);
      break;
    case RAFT_EFFECT_SNAPSHOT:
      replica_send_want (replica, effect->as.snapshot.to);
      break;
    case RAFT_EFFECT_INSTALL:
      replica->receive.is_install_wanted = true;
      break;
  }
}

void replica_perform (struct replica *replica) {
  size_t count, i;
  const struct raft_effect *effects = raft_effects (replica->raft, &count);
  for (i = 0; i < count && replica->life == REPLICA_OPEN; i++) {
    perform_one (replica, &effects[i]);
  }
}
