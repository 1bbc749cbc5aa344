/* SPDX-License-Identifier: MIT
**
** mark.c - rare paths, seen from outside. */

#include "sim/mark.h"

#include <string.h>

#include "base/error.h"
#include "sim/check.h"
#include "sim/member.h"
#include "wire/entry.h"
#include "wire/rpc.h"

void sim_mark (struct sim_world *world, enum sim_mark mark) {
  world->marks.counts[mark]++;
}

static void mark_if (struct sim_world *world, enum sim_mark mark,
                     bool is_reached) {
  world->marks.counts[mark] += is_reached;
}

const char *sim_mark_name (unsigned mark) {
  static const char *const names[] = {
#define X(symbol, word, meaning) word,
    SIM_MARKS (X)
#undef X
  };
  return mark < SIM_MARK_COUNT ? names[mark] : NULL;
}

/* ---- traces ------------------------------------------------------------ */

static void on_vote (struct sim_world *world,
                     const struct raft_trace *trace) {
  switch ((enum raft_reason)trace->fields[2]) {
    case RAFT_REASON_LEADER_ALIVE:
      sim_mark (world, SIM_MARK_LEADER_ALIVE);
      break;
    case RAFT_REASON_VOTED:
      sim_mark (world, SIM_MARK_VOTED_OTHER);
      break;
    case RAFT_REASON_LOG_BEHIND:
      sim_mark (world, SIM_MARK_LOG_BEHIND);
      break;
    case RAFT_REASON_STALE_TERM:
      sim_mark (world, SIM_MARK_STALE_TERM);
      break;
    default:
      mark_if (world, SIM_MARK_VOTE_GRANTED, trace->fields[1] != 0);
      break;
  }
}

static void on_receive (struct sim_world *world,
                        const struct raft_trace *trace) {
  mark_if (world, SIM_MARK_LATE_MESSAGE, trace->fields[2] < trace->term);
}

static void on_send (struct sim_world *world,
                     const struct raft_trace *trace) {
  mark_if (world, SIM_MARK_REJECTED,
           trace->fields[0] == RAFT_MESSAGE_APPEND_RESULT
             && trace->fields[3] != 0);
}

static void on_role (struct sim_world *world,
                     const struct raft_trace *trace) {
  uint64_t from = trace->fields[0];
  uint64_t to = trace->fields[1];
  uint64_t why = trace->fields[3];
  raft_assert (from < SIM_ROLES && to < SIM_ROLES && why < RAFT_REASON_COUNT);
  world->marks.moves[from][to][why]++;
}

/* What sessions keep from the machine: applied in the log, not by it. */
static void on_applied (struct sim_world *world, struct sim_member *member,
                        raft_index last) {
  struct sim_marks *marks = &world->marks;
  raft_index index = marks->applied[member->id];
  for (index++; index <= last; index++) {
    struct raft_slice bytes = replica_entry (member->replica, index);
    struct wire_entry entry;
    if (bytes.size > 0
        && wire_entry_decode (bytes.data, bytes.size, &entry) == RAFT_OK
        && entry.kind == RAFT_ENTRY_COMMAND && entry.session != 0
        && !sim_check_has_applied (world, index)) {
      sim_mark (world, SIM_MARK_DUPLICATE);
    }
  }
  marks->applied[member->id] = last;
}

void sim_mark_trace (struct sim_world *world, struct sim_member *member,
                     const struct raft_trace *trace) {
  const uint64_t *fields = trace->fields;
  switch (trace->kind) {
    case RAFT_TRACE_VOTE: on_vote (world, trace); break;
    case RAFT_TRACE_RECEIVE: on_receive (world, trace); break;
    case RAFT_TRACE_SEND: on_send (world, trace); break;
    case RAFT_TRACE_ROLE: on_role (world, trace); break;
    case RAFT_TRACE_TRUNCATE: sim_mark (world, SIM_MARK_TRUNCATED); break;
    case RAFT_TRACE_APPLIED: on_applied (world, member, fields[0]); break;
    case RAFT_TRACE_OPENED: world->marks.applied[member->id] = 0; break;
    case RAFT_TRACE_MALFORMED: sim_mark (world, SIM_MARK_MALFORMED); break;
    case RAFT_TRACE_SEGMENT: sim_mark (world, SIM_MARK_SEGMENT); break;
    case RAFT_TRACE_INSTALL: sim_mark (world, SIM_MARK_INSTALLED); break;
    case RAFT_TRACE_TRANSFER:
      sim_mark (world, SIM_MARK_TRANSFER);
      mark_if (world, SIM_MARK_PRIORITY_TRANSFER,
               fields[1] == RAFT_REASON_PRIORITY);
      mark_if (world, SIM_MARK_STALL_TRANSFER,
               fields[1] == RAFT_REASON_STALLED);
      break;
    case RAFT_TRACE_STALL:
      sim_mark (world, fields[0] == RAFT_REASON_SYNC ? SIM_MARK_SYNC_STALL
                                                     : SIM_MARK_APPLY_STALL);
      break;
    case RAFT_TRACE_SESSION:
      mark_if (world, SIM_MARK_SESSION_EVICTED,
               fields[2] == RAFT_REASON_LIMIT);
      mark_if (world, SIM_MARK_SESSION_UNUSED,
               fields[2] == RAFT_REASON_UNUSED);
      break;
    case RAFT_TRACE_SNAPSHOT:
      sim_mark (world, fields[1] == member->id ? SIM_MARK_SNAPSHOT
                                               : SIM_MARK_SNAPSHOT_SENT);
      break;
    case RAFT_TRACE_RECOVERED:
      mark_if (world, SIM_MARK_TAIL_CUT, fields[2] > 0);
      break;
    case RAFT_TRACE_CONFIGURE:
      mark_if (world, SIM_MARK_JOINT, fields[2] > 0);
      mark_if (world, SIM_MARK_LEARNER, fields[3] > 0);
      break;
    case RAFT_TRACE_REFUSED:
      mark_if (world, SIM_MARK_WIPED_REFUSED,
               fields[1] == (uint64_t)RAFT_EWIPED);
      break;
    case RAFT_TRACE_STOPPED:
      mark_if (world, SIM_MARK_ROT_REFUSED,
               fields[0] == (uint64_t)RAFT_ECORRUPT);
      break;
    default:
      break;
  }
}

/* ---- states ------------------------------------------------------------ */

static void mark_peer (struct sim_world *world,
                       const struct raft_member_status *peer,
                       struct sim_mark_peer *before, bool is_new) {
  const struct raft_limits *limits = &world->options.limits;
  mark_if (world, SIM_MARK_PROBED, is_new && peer->probing);
  if (!is_new) {
    mark_if (world, SIM_MARK_REPLICATED,
             before->is_probed && !peer->probing);
    mark_if (world, SIM_MARK_LOST_TOUCH,
             !before->is_probed && peer->probing);
    mark_if (world, SIM_MARK_HINT_USED,
             before->is_probed && peer->next + 1 < before->next);
    mark_if (world, SIM_MARK_HINT_STEP,
             before->is_probed && peer->next + 1 == before->next);
  }
  mark_if (world, SIM_MARK_WINDOW_CLOSED,
           !peer->probing
             && (peer->inflight_messages >= limits->inflight_messages
                 || peer->inflight_bytes >= limits->inflight_bytes));
  mark_if (world, SIM_MARK_WINDOW_BYTES,
           !peer->probing && peer->inflight_bytes >= limits->inflight_bytes
             && peer->inflight_messages < limits->inflight_messages);
  mark_if (world, SIM_MARK_PEER_STALLED, peer->stalled);
  mark_if (world, SIM_MARK_PEER_FULL, peer->disk_full);
  before->next = peer->next;
  before->is_probed = peer->probing;
}

static void mark_leader (struct sim_world *world, struct sim_member *member,
                         const struct raft_status *status) {
  struct sim_marks *marks = &world->marks;
  bool is_new = marks->terms[member->id] != status->term;
  raft_term committed = 0;
  marks->terms[member->id] = status->term;
  for (uint32_t i = 0; i < status->member_count; i++) {
    mark_peer (world, &status->members[i],
               &marks->peers[member->id][status->members[i].id], is_new);
  }
  if (raft_term_of (replica_raft (member->replica), status->commit,
                    &committed) == RAFT_OK
      && committed < status->term) {
    struct replica_status whole;
    replica_get_status (member->replica, &whole);
    mark_if (world, SIM_MARK_READ_WAITS, whole.pending_reads > 0);
  }
}

void sim_mark_status (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status) {
  bool *is_full = &world->marks.is_full[member->id];
  if (status->role == RAFT_LEADER) {
    mark_leader (world, member, status);
  }
  if (world->options.disk_full > 0 || *is_full) {
    bool was_full = *is_full;
    *is_full = replica_is_full (member->replica);
    mark_if (world, SIM_MARK_DISK_FULL, !was_full && *is_full);
    mark_if (world, SIM_MARK_DISK_FREE, was_full && !*is_full);
  }
}

/* ---- ports ------------------------------------------------------------- */

void sim_mark_file (struct sim_world *world, const struct sim_member *member,
                    enum fs_operation operation) {
  mark_if (world, SIM_MARK_OLD_ENTRIES,
           operation == FS_READ && sim_member_is_up (member));
}

void sim_mark_link_down (struct sim_world *world, enum net_down why) {
  mark_if (world, SIM_MARK_LINK_ENDED, why == NET_DOWN_ENDED);
  mark_if (world, SIM_MARK_LINK_REFUSED, why == NET_DOWN_REFUSED);
  mark_if (world, SIM_MARK_LINK_SILENT, why == NET_DOWN_SILENT);
}

/* Reads that are answered in one event have waited for one round. */
void sim_mark_request (struct sim_world *world,
                       const struct machine_request *request) {
  if (request->operation == MACHINE_QUERY) {
    mark_if (world, SIM_MARK_READS_BATCHED,
             world->marks.query_event == world->counters.events);
    world->marks.query_event = world->counters.events;
  }
}

void sim_mark_reply (struct sim_world *world, const uint8_t *data,
                     size_t size) {
  struct wire_rpc rpc;
  if (wire_rpc_decode (data, size, &rpc) != RAFT_OK
      || rpc.type != WIRE_RESPONSE) {
    return;
  }
  mark_if (world, SIM_MARK_OVERLOADED, rpc.error == RAFT_EOVERLOADED);
  mark_if (world, SIM_MARK_NOT_LEADER, rpc.error == RAFT_ENOT_LEADER);
  mark_if (world, SIM_MARK_REFUSED_FULL, rpc.error == RAFT_EDISK_FULL);
  mark_if (world, SIM_MARK_RESULT_LOST, rpc.error == RAFT_ERESULT_LOST);
  mark_if (world, SIM_MARK_SESSION_EXPIRED,
           rpc.error == RAFT_ESESSION_EXPIRED);
}
