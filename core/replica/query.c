/* SPDX-License-Identifier: MIT
**
** query.c - reads: through the engine's word and the applied index to the
** machine.
**
** Rule (Diss. 6.4): a linear read is asked of the machine only after the
** engine confirmed leadership for it, and after everything up to the index it
** named is applied. So is a stale read with a bound in time; one without is
** asked at once.
** Rule: the machine has at most READS_ASKED_MAX questions at a time; the
** others wait here, bounded by the limit 'reads'. */

#include <string.h>

#include "replica/inside.h"

/* ---- to the engine ---------------------------------------------------- */

static int reserve_ids (struct replica *replica, size_t count) {
  void *array = replica->ids;
  int status = raft_reserve (replica->memory, &array, &replica->id_capacity,
                             count, sizeof *replica->ids);
  replica->ids = array;
  return status;
}

/* A bound that nobody could help this member to keep is told as that. */
static void refuse_read (struct replica *replica, uint32_t slot,
                         int status) {
  const struct replica_read *read = replica_reads_at (&replica->reads, slot);
  struct replica_caller caller = read->caller;
  struct raft_detail why = { "" };
  if (read->kind == RAFT_READ_STALE && status == RAFT_ENOT_LEADER) {
    status = raft_fail (&why, RAFT_ETOO_STALE, "expected a state of at most "
                        "%llu ms ago; this member knows no leader that could "
                        "say how old its own is",
                        (unsigned long long)(read->max_age_us
                                             / RAFT_MILLISECOND));
  }
  replica_reads_end (&replica->reads, slot);
  replica_answer_error (replica, &caller, status,
                        why.text[0] != '\0' ? why.text : NULL);
}

static void refuse_intake (struct replica *replica, int status) {
  uint32_t slot;
  while ((slot = replica->reads.lists[READ_INTAKE].first) != 0) {
    refuse_read (replica, slot, status);
  }
}

/* Those at the head of the list that are of one kind. They change lists before
** the step: its effects may answer them. */
static uint32_t take_alike (struct replica *replica,
                            struct raft_event *event) {
  struct replica_reads *reads = &replica->reads;
  uint32_t slot, count = 0;
  while ((slot = reads->lists[READ_INTAKE].first) != 0) {
    const struct replica_read *read = replica_reads_at (reads, slot);
    if (count > 0 && (read->kind != event->as.read.kind
                      || read->max_age_us != event->as.read.max_age_us)) {
      break;
    }
    event->as.read.kind = read->kind;
    event->as.read.max_age_us = read->max_age_us;
    replica->ids[count] = replica_reads_id (reads, slot);
    replica_reads_move (reads, slot, READ_ROUND);
    count++;
  }
  event->as.read.ids = replica->ids;
  event->as.read.count = count;
  return count;
}

/* Whether this member, unless it leads, can ask its leader for an index. Both
** builds have to know of that. */
static bool may_ask (struct replica *replica, enum raft_read_kind kind) {
  return (kind != RAFT_READ_FOLLOWER && kind != RAFT_READ_STALE)
         || replica->role == RAFT_LEADER || replica->leader == RAFT_ID_NONE
         || (wire_version_reads (&replica->version, RAFT_MESSAGE_READ)
             && replica_peer_reads (&replica->peers, replica->leader,
                                    RAFT_MESSAGE_READ));
}

/* The reads of a turn are one event for each kind. */
void replica_flush_reads (struct replica *replica) {
  struct replica_reads *reads = &replica->reads;
  struct raft_event event;
  uint32_t count, i;
  int status;
  if (reserve_ids (replica, reads->lists[READ_INTAKE].count) != RAFT_OK) {
    refuse_intake (replica, RAFT_EOVERLOADED);
  }
  while (replica->life == REPLICA_OPEN
         && reads->lists[READ_INTAKE].count > 0) {
    memset (&event, 0, sizeof event);
    event.kind = RAFT_EVENT_READ;
    count = take_alike (replica, &event);
    status = may_ask (replica, event.as.read.kind)
               ? replica_step (replica, &event) : RAFT_ENOT_LEADER;
    for (i = 0; status != RAFT_OK && i < count; i++) {
      refuse_read (replica, replica_reads_of_id (reads, replica->ids[i]),
                   status == RAFT_ENOMEM ? RAFT_EOVERLOADED : status);
    }
  }
}

void replica_read_confirmed (struct replica *replica,
                             const struct raft_effect *effect) {
  struct replica_reads *reads = &replica->reads;
  uint32_t slot = replica_reads_of_id (reads, effect->as.read.id);
  struct replica_read *read;
  if (slot == 0) {
    return;
  }
  if (effect->as.read.status != RAFT_OK) {
    refuse_read (replica, slot, effect->as.read.status);
    return;
  }
  read = replica_reads_at (reads, slot);
  reads->served[read->kind]++;
  reads->leases_missed
    += read->kind == RAFT_READ_LEASE && !effect->as.read.leased;
  read->index = effect->as.read.index;
  replica_reads_move (reads, slot,
                      read->index <= replica->applied
                          || raft_bug (replica, READ_BEFORE_APPLIED)
                        ? READ_READY : READ_APPLYING);
}

/* ---- to the machine --------------------------------------------------- */

/* The state that a digest asked now will be of: the machine works in order,
** so it has done the batch that it was given. */
static raft_index index_at_machine (const struct replica *replica) {
  const struct replica_apply *apply = &replica->apply;
  return apply->batch_end != 0 ? apply->batch_end - 1 : replica->applied;
}

static void answer_digest (struct replica *replica,
                           const struct replica_read *read,
                           const struct machine_request *request) {
  struct replica_state_hash state;
  struct raft_buffer out;
  int status;
  state.index = read->index;
  state.hash = request->hash;
  raft_buffer_init (&out, replica->memory);
  status = replica_status_encode (replica, &out, &state);
  if (status == RAFT_OK) {
    replica_answer_value (replica, &read->caller, out.data, out.size);
  } else {
    replica_answer_error (replica, &read->caller, status, NULL);
  }
  raft_buffer_free (&out);
}

static void answer_query (struct replica *replica,
                          const struct replica_read *read,
                          const struct machine_request *request) {
  const struct machine_result *result = request->results;
  const uint8_t *data = request->bytes.data + result->offset;
  char text[1024];
  size_t size = 0;
  if (result->status == RAFT_OK) {
    replica_answer_value (replica, &read->caller, data, result->size);
    return;
  }
  if (result->size > 0) {
    struct wire_cursor cursor = { data, result->size, 0 };
    struct wire_value value;
    if (wire_cursor_next (&cursor, &value) == RAFT_OK
        && value.type == WIRE_STRING) {
      size = value.count < sizeof text ? value.count : sizeof text - 1;
      memcpy (text, value.data, size);
    }
  }
  text[size] = '\0';
  replica_answer_error (replica, &read->caller, result->status,
                        size > 0 ? text : NULL);
}

static void on_answered (struct machine_request *request) {
  struct replica *replica = request->owner;
  struct replica_reads *reads = &replica->reads;
  size_t i = (size_t)(request - reads->requests);
  uint32_t slot = reads->asked[i];
  struct replica_read read;
  replica_enter (replica);
  read = *replica_reads_at (reads, slot);
  reads->asked[i] = 0;
  reads->asked_count--;
  replica_reads_end (reads, slot); /* it is answered here, and by no stop */
  if (replica->life == REPLICA_OPEN) {
    if (request->status != RAFT_OK) {
      replica_answer_error (replica, &read.caller, request->status,
                            request->message[0] != '\0' ? request->message
                                                        : NULL);
      replica_stop (replica, request->status,
                    request->message[0] != '\0' ? request->message : NULL);
    } else if (read.is_digest) {
      answer_digest (replica, &read, request);
    } else {
      answer_query (replica, &read, request);
    }
  }
  replica_results_done (request);
  replica_leave (replica);
}

/* The requests are made when the first read comes. */
static bool ask_reserve (struct replica *replica) {
  struct replica_reads *reads = &replica->reads;
  size_t i;
  if (reads->requests != NULL) {
    return true;
  }
  reads->requests = raft_allocate_zeroed (
    replica->memory, READS_ASKED_MAX * sizeof *reads->requests);
  if (reads->requests == NULL) {
    replica_retry (replica);
    return false;
  }
  for (i = 0; i < READS_ASKED_MAX; i++) {
    raft_buffer_init (&reads->requests[i].bytes, &raft_memory_plain);
  }
  return true;
}

static void ask (struct replica *replica, uint32_t slot) {
  struct replica_reads *reads = &replica->reads;
  struct replica_read *read = replica_reads_at (reads, slot);
  struct machine_request *request;
  size_t i = 0;
  while (reads->asked[i] != 0) {
    i++;
    raft_assert (i < READS_ASKED_MAX);
  }
  reads->asked[i] = slot;
  reads->asked_count++;
  replica_reads_move (reads, slot, READ_ASKED);
  request = &reads->requests[i];
  request->operation = read->is_digest ? MACHINE_DIGEST : MACHINE_QUERY;
  memset (&reads->results[i], 0, sizeof reads->results[i]);
  reads->questions[i].index = replica->applied;
  reads->questions[i].payload = read->question.data;
  reads->questions[i].payload_size = read->question.size;
  request->entries = &reads->questions[i];
  request->entry_count = 1;
  request->results = &reads->results[i];
  request->bytes.size = 0;
  request->status = RAFT_OK;
  request->message[0] = '\0';
  request->done = on_answered;
  request->owner = replica;
  if (read->is_digest) {
    read->index = index_at_machine (replica);
  }
  replica->options.machine->submit (replica->options.machine, request);
}

bool replica_settle_reads (struct replica *replica) {
  struct replica_reads *reads = &replica->reads;
  uint32_t slot;
  bool moved = false;
  if (replica_is_restoring (replica)) {
    return false;
  }
  while ((slot = reads->lists[READ_APPLYING].first) != 0
         && replica_reads_at (reads, slot)->index <= replica->applied) {
    replica_reads_move (reads, slot, READ_READY);
  }
  while ((slot = reads->lists[READ_READY].first) != 0
         && reads->asked_count < READS_ASKED_MAX && ask_reserve (replica)) {
    ask (replica, slot);
    moved = true;
  }
  return moved;
}

void replica_fail_reads (struct replica *replica, int status) {
  struct replica_reads *reads = &replica->reads;
  int list;
  uint32_t slot;
  for (list = READ_INTAKE; list <= READ_READY; list++) {
    while ((slot = reads->lists[list].first) != 0) {
      struct replica_caller caller = replica_reads_at (reads, slot)->caller;
      replica_reads_end (reads, slot);
      replica_answer_error (replica, &caller, status, NULL);
    }
  }
  /* What the machine has is answered now, and not again when it answers. */
  for (slot = reads->lists[READ_ASKED].first; slot != 0;
       slot = replica_reads_at (reads, slot)->next) {
    struct replica_read *read = replica_reads_at (reads, slot);
    replica_answer_error (replica, &read->caller, status, NULL);
    read->caller.connection = 0;
  }
}
