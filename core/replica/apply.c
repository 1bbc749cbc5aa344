/* SPDX-License-Identifier: MIT
**
** apply.c - committed entries go to the machine, results come back.
**
** A batch in two passes. The plan, before the machine: each entry in log
** order passes the session table, which says whether it is applied. The
** results, after it: in the same order they enter the running hash, the
** session table, and answer who waits.
**
**   entries   c1   open  c2   c1'  noop  c3      c1' repeats c1
**   plan      M0   no.   M1   dup  skip  M2
**   machine   ─────────► M0 M1 M2 ─────────►
**   results   r0   id    r1   r0   nil   r2
**
** Rule: a command is applied exactly when the session table says so, and the
** table follows from the log alone. A batch ends at each index where the
** table may be trimmed (session.h). */

#include <string.h>

#include "replica/inside.h"

#define RESULTS_KEPT_BYTES (256 * RAFT_KIB) /* between two calls */
/* What one turn of the engine's loop plans, and what it does with results:
** more is for the next one. */
#define APPLY_PART_BYTES RAFT_MIB

static const uint8_t apply_nil[1] = { 0xc0 };

void replica_apply_want (struct replica *replica, raft_index first,
                         uint32_t count, uint64_t ticket) {
  struct replica_apply *apply = &replica->apply;
  raft_assert (apply->next == apply->end && first == replica->applied + 1);
  apply->next = first;
  apply->end = first + count;
  apply->load = NULL;
  if (ticket != 0) {
    apply->load = replica_load_find (replica, ticket);
    raft_assert (apply->load != NULL && apply->load->state == LOAD_READ);
    apply->load->state = LOAD_USED;
  }
}

static struct raft_slice apply_bytes (const struct replica *replica,
                                      raft_index index) {
  const struct replica_load *load = replica->apply.load;
  if (load != NULL) {
    raft_assert (index >= load->wal.first
                 && index < load->wal.first + load->wal.loaded);
    return load->wal.entries[index - load->wal.first];
  }
  raft_assert (replica_cache_has (&replica->cache, index));
  return replica_cache_get (&replica->cache, index);
}

/* Where the batch that begins at 'first' ends (half-open). */
static raft_index batch_end (const struct replica *replica,
                             raft_index first) {
  raft_index end = (first + SESSION_TRIM_ENTRIES - 1) / SESSION_TRIM_ENTRIES
                     * SESSION_TRIM_ENTRIES + 1;
  size_t bytes = 0;
  raft_index i;
  end = end < replica->apply.end ? end : replica->apply.end;
  for (i = first; i < end && bytes < APPLY_PART_BYTES; i++) {
    bytes += apply_bytes (replica, i).size;
  }
  return i;
}

/* ---- first pass: the plan --------------------------------------------- */

static bool apply_read (struct replica *replica, raft_index index,
                        struct wire_entry *entry) {
  struct raft_slice bytes = apply_bytes (replica, index);
  if (wire_entry_decode (bytes.data, bytes.size, entry) == RAFT_OK
      && entry->index == index && wire_entry_is_intact (entry)) {
    return true;
  }
  replica_stop (replica, RAFT_ECORRUPT,
                "an entry does not match its checksum any more");
  return false;
}

/* Room in the session table for all that the batch may add. */
static int plan_reserve (struct replica *replica, raft_index end) {
  size_t sessions = 0, commands = 0;
  raft_index i;
  for (i = replica->apply.next; i < end; i++) {
    struct raft_slice bytes = apply_bytes (replica, i);
    struct wire_entry entry;
    if (wire_entry_decode (bytes.data, bytes.size, &entry) == RAFT_OK) {
      sessions += entry.kind == RAFT_ENTRY_SESSION_OPEN;
      commands += entry.kind == RAFT_ENTRY_COMMAND && entry.session != 0;
    }
  }
  return replica_session_table_reserve (&replica->sessions, sessions, commands);
}

/* APPLY_PROPOSES: as if applying went through the door of the clients. */
static void plan_propose_again (struct replica *replica,
                                const struct wire_entry *entry) {
  struct replica_proposal again;
  if (replica->role != RAFT_LEADER || entry->session == 0) {
    return;
  }
  memset (&again, 0, sizeof again);
  again.kind = RAFT_ENTRY_COMMAND;
  again.checksum = entry->payload_checksum;
  again.size = entry->payload_size;
  (void)replica_calls_propose (&replica->calls, &again, entry->payload);
}

static void plan_machine (struct replica *replica,
                          const struct wire_entry *entry,
                          struct replica_plan *plan) {
  struct replica_apply *apply = &replica->apply;
  struct machine_entry *given = &apply->entries[apply->count];
  if (entry->index <= replica->held_index) {
    plan->kind = PLAN_REFUSED; /* the machine has it; what came out is gone */
    plan->status = RAFT_ERESULT_LOST;
    return;
  }
  if (raft_bug (replica, APPLY_PROPOSES)) {
    plan_propose_again (replica, entry);
  }
  plan->kind = PLAN_MACHINE;
  plan->slot = apply->count++;
  given->index = entry->index;
  given->time = entry->time;
  given->random = entry->random;
  given->payload = entry->payload;
  given->payload_size = entry->payload_size;
}

static void plan_command (struct replica *replica,
                          const struct wire_entry *entry,
                          struct replica_plan *plan) {
  enum session_verdict verdict = SESSION_FRESH;
  if (entry->session != 0) {
    verdict = replica_session_command (&replica->sessions, entry->session,
                                       entry->sequence,
                                       entry->first_unacknowledged,
                                       &plan->record);
  }
  switch (verdict) {
    case SESSION_FRESH:
      plan_machine (replica, entry, plan);
      return;
    case SESSION_DUPLICATE:
      plan->kind = PLAN_DUPLICATE;
      return;
    case SESSION_LOST:
      plan->kind = PLAN_REFUSED;
      plan->status = RAFT_ERESULT_LOST;
      return;
    case SESSION_EXPIRED:
      plan->kind = PLAN_REFUSED;
      plan->status = RAFT_ESESSION_EXPIRED;
      return;
  }
}

static void plan_open (struct replica *replica,
                       const struct wire_entry *entry,
                       struct replica_plan *plan) {
  uint64_t expired = replica_session_open (&replica->sessions, entry->index);
  plan->kind = PLAN_NUMBER;
  replica_trace (replica, RAFT_TRACE_SESSION, entry->index, true,
                 RAFT_REASON_ASKED);
  if (expired != 0) {
    replica_trace (replica, RAFT_TRACE_SESSION, expired, false,
                   RAFT_REASON_LIMIT);
  }
}

/* Before the entry itself: what it finds expired is expired for it, too. */
static void plan_time (struct replica *replica, raft_time time) {
  struct port_clock *clock = replica->options.clock;
  uint64_t expired;
  if (raft_bug (replica, EXPIRE_BY_CLOCK)) {
    time = clock->wall (clock);
  }
  while ((expired = replica_session_time (&replica->sessions, time)) != 0) {
    replica_trace (replica, RAFT_TRACE_SESSION, expired, false,
                   RAFT_REASON_UNUSED);
  }
}

static void plan_close (struct replica *replica,
                        const struct wire_entry *entry,
                        struct replica_plan *plan) {
  if (replica_session_close (&replica->sessions, entry->session)) {
    replica_trace (replica, RAFT_TRACE_SESSION, entry->session, false,
                   RAFT_REASON_ASKED);
    return;
  }
  plan->kind = PLAN_REFUSED;
  plan->status = RAFT_ESESSION_EXPIRED;
}

/* False: the member has stopped. */
static bool plan_one (struct replica *replica, raft_index index,
                      struct replica_plan *plan) {
  struct wire_entry entry;
  memset (plan, 0, sizeof *plan);
  if (!apply_read (replica, index, &entry)) {
    return false;
  }
  plan->kind = PLAN_SKIP;
  plan->term = entry.term;
  plan->time = entry.time;
  plan->size = WIRE_ENTRY_HEAD + entry.payload_size;
  plan_time (replica, entry.time);
  if (entry.kind == RAFT_ENTRY_COMMAND) {
    plan_command (replica, &entry, plan);
  } else if (entry.kind == RAFT_ENTRY_SESSION_OPEN) {
    plan_open (replica, &entry, plan);
  } else if (entry.kind == RAFT_ENTRY_SESSION_CLOSE) {
    plan_close (replica, &entry, plan);
  } else if (entry.kind == RAFT_ENTRY_AGREED) {
    return replica_agree_entry (replica, &entry);
  } else if (entry.kind != RAFT_ENTRY_NOOP
             && entry.kind != RAFT_ENTRY_CONFIGURATION
             && entry.kind < RAFT_ENTRY_MUST_UNDERSTAND) {
    replica_stop (replica, RAFT_EUNSUPPORTED,
                  "an entry of a kind that this version does not know");
    return false;
  }
  return true;
}

/* For who joins later: the log may be cut. */
static int keep_first (struct replica *replica) {
  return replica->apply.next == 1 && replica->first.data == NULL
           ? replica_first_keep (replica, apply_bytes (replica, 1))
           : RAFT_OK;
}

static bool apply_start (struct replica *replica) {
  struct replica_apply *apply = &replica->apply;
  raft_index end = batch_end (replica, apply->next);
  raft_index i;
  if (keep_first (replica) != RAFT_OK
      || plan_reserve (replica, end) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  apply->count = 0;
  for (i = apply->next; i < end; i++) {
    if (!plan_one (replica, i, &apply->plans[i - apply->next])) {
      return false;
    }
  }
  apply->batch_end = end;
  apply->done = apply->next;
  apply->has_part = true;
  apply->is_answered = apply->count == 0;
  if (apply->count > 0) {
    apply->request.operation = MACHINE_APPLY;
    apply->request.entries = apply->entries;
    apply->request.entry_count = apply->count;
    apply->request.results = apply->results;
    apply->request.bytes.size = 0;
    apply->request.status = RAFT_OK;
    apply->request.message[0] = '\0';
    apply->request.done = replica_on_machine_applied;
    apply->request.owner = replica;
    replica->options.machine->submit (replica->options.machine,
                                      &apply->request);
  }
  return true;
}

void replica_on_machine_applied (struct machine_request *request) {
  struct replica *replica = request->owner;
  replica_enter (replica);
  replica->apply.is_answered = true;
  if (replica->life != REPLICA_OPEN) {
    replica->apply.batch_end = 0; /* nobody wants it any more */
  }
  replica_leave (replica);
}

/* ---- second pass: the results ----------------------------------------- */

struct apply_outcome {
  int status;
  const uint8_t *data; /* one value; NULL: only the status */
  size_t size;
};

static void result_of_record (const struct session_record *record,
                              struct apply_outcome *outcome) {
  outcome->status = RAFT_ERESULT_LOST;
  outcome->data = NULL;
  outcome->size = 0;
  if (record->has_result) {
    outcome->status = record->status;
    outcome->data = replica_session_result (record);
    outcome->size = record->size;
  }
}

static void result_of_machine (struct replica *replica, raft_index index,
                               const struct replica_plan *plan,
                               struct apply_outcome *outcome) {
  const struct replica_apply *apply = &replica->apply;
  const struct machine_result *result = &apply->results[plan->slot];
  raft_assert (result->offset <= apply->request.bytes.size
               && result->size <= apply->request.bytes.size
                                    - result->offset);
  outcome->status = result->status;
  outcome->data = apply->request.bytes.data + result->offset;
  outcome->size = result->size;
  replica_digest_result (&replica->digest, index, result->status, outcome->data,
                         result->status == RAFT_OK ? result->size : 0);
  if (plan->record != NULL) {
    replica_session_keep (&replica->sessions, plan->record, outcome->status,
                          outcome->data, outcome->size);
  }
}

/* What came out of one entry. Results of the machine and reasons for refusing
** are the same on all members and enter the hash; a duplicate's kept result
** may be lost here and not there, and does not. */
static void result_of (struct replica *replica, raft_index index,
                       const struct replica_plan *plan,
                       struct apply_outcome *outcome) {
  outcome->status = RAFT_OK;
  outcome->data = apply_nil;
  outcome->size = sizeof apply_nil;
  switch (plan->kind) {
    case PLAN_SKIP:
    case PLAN_NUMBER:
      return;
    case PLAN_MACHINE:
      result_of_machine (replica, index, plan, outcome);
      return;
    case PLAN_DUPLICATE:
      result_of_record (plan->record, outcome);
      return;
    case PLAN_REFUSED:
      replica_digest_result (&replica->digest, index, plan->status, NULL, 0);
      outcome->status = plan->status;
      outcome->data = NULL;
      outcome->size = 0;
      return;
  }
}

/* The machine's message, a canonical string, as text. */
static void answer_failed (struct replica *replica,
                           const struct replica_caller *caller,
                           const struct apply_outcome *outcome) {
  struct wire_cursor cursor = { outcome->data, outcome->size, 0 };
  struct wire_value value;
  char text[1024];
  size_t size = 0;
  if (outcome->data != NULL
      && wire_cursor_next (&cursor, &value) == RAFT_OK
      && value.type == WIRE_STRING) {
    size = value.count < sizeof text ? value.count : sizeof text - 1;
    memcpy (text, value.data, size);
  }
  text[size] = '\0';
  replica_answer_error (replica, caller, outcome->status,
                        size > 0 ? text : NULL);
}

static void answer_call (struct replica *replica, raft_index index,
                         const struct replica_plan *plan,
                         const struct apply_outcome *outcome) {
  struct replica_calls *calls = &replica->calls;
  const struct replica_call *call = replica_calls_oldest (calls);
  struct replica_caller caller;
  if (call == NULL || call->index != index) {
    raft_assert (call == NULL || call->index > index);
    return;
  }
  /* Had another entry replaced it, the call would have gone with the cut. */
  raft_assert (call->term == plan->term);
  caller = call->caller;
  if (plan->kind == PLAN_NUMBER) {
    replica_answer_number (replica, &caller, index);
  } else if (outcome->status == RAFT_OK) {
    replica_answer_value (replica, &caller, outcome->data, outcome->size);
  } else {
    answer_failed (replica, &caller, outcome);
  }
  replica_calls_pop_oldest (calls);
}

static void apply_trim (struct replica *replica) {
  uint64_t expired;
  if (replica->applied % SESSION_TRIM_ENTRIES != 0) {
    return;
  }
  while ((expired = replica_session_trim (&replica->sessions)) != 0) {
    replica_trace (replica, RAFT_TRACE_SESSION, expired, false,
                   RAFT_REASON_LIMIT);
  }
}

/* What one rare call took beyond what is kept goes back to the system. */
void replica_results_done (struct machine_request *request) {
  if (request->bytes.capacity > RESULTS_KEPT_BYTES) {
    raft_buffer_free (&request->bytes);
  }
}

/* As many results as belong to one turn. True: those were all. */
static bool apply_results (struct replica *replica) {
  struct replica_apply *apply = &replica->apply;
  size_t bytes = 0;
  while (apply->done < apply->batch_end && bytes < APPLY_PART_BYTES) {
    raft_index i = apply->done++;
    const struct replica_plan *plan = &apply->plans[i - apply->next];
    struct apply_outcome outcome;
    result_of (replica, i, plan, &outcome);
    answer_call (replica, i, plan, &outcome);
    bytes += outcome.size;
    replica->applied = i;
    replica->applied_time = plan->time;
    replica->take.log_bytes += plan->size;
    if (replica_digest_reached (&replica->digest, i)) {
      replica_compare_point (replica);
    }
  }
  return apply->done == apply->batch_end;
}

static void apply_finish (struct replica *replica) {
  struct replica_apply *apply = &replica->apply;
  replica_results_done (&apply->request);
  apply_trim (replica);
  replica_session_batch_end (&replica->sessions);
  apply->next = apply->batch_end;
  apply->batch_end = 0;
  apply->is_told = true;
  if (apply->next == apply->end && apply->load != NULL) {
    replica_load_release (apply->load);
    apply->load = NULL;
  }
  replica_stall_applied (replica);
}

/* ---- stepping --------------------------------------------------------- */

static bool apply_tell (struct replica *replica) {
  struct raft_event event;
  int status;
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_APPLIED;
  event.as.applied.index = replica->applied;
  status = replica_step (replica, &event);
  if (status == RAFT_ENOMEM) {
    replica_retry (replica);
  } else if (status != RAFT_OK) {
    replica_stop (replica, status, NULL);
  } else {
    replica->apply.is_told = false;
  }
  return status == RAFT_OK;
}

bool replica_settle_apply (struct replica *replica) {
  struct replica_apply *apply = &replica->apply;
  if (apply->batch_end != 0) {
    if (!apply->is_answered) {
      return false;
    }
    if (apply->request.status != RAFT_OK && apply->count > 0) {
      replica_stop (replica, apply->request.status,
                    apply->request.message[0] != '\0'
                      ? apply->request.message : NULL);
      return false;
    }
    if (!apply->has_part || !apply_results (replica)) {
      apply->has_part = false;
      return false;
    }
    apply_finish (replica);
    return true;
  }
  if (apply->is_told) {
    return apply_tell (replica); /* the engine may want what is settled first */
  }
  return apply->next < apply->end && !replica_is_encoding (replica)
         && apply_start (replica);
}

/* ---- turns ------------------------------------------------------------- */

static bool is_sweep_due (const struct replica *replica) {
  return replica->apply.batch_end == 0
         && !replica_session_is_swept (&replica->sessions);
}

bool replica_settle_sessions (struct replica *replica) {
  if (replica->apply.has_turn && is_sweep_due (replica)) {
    replica->apply.has_turn = false;
    (void)replica_session_sweep (&replica->sessions);
  }
  return false;
}

void replica_apply_turn (struct replica *replica) {
  replica->apply.has_turn = true;
  replica->apply.has_part = true;
}

raft_time replica_apply_deadline (const struct replica *replica) {
  const struct replica_apply *apply = &replica->apply;
  bool has_results = apply->batch_end != 0 && apply->is_answered;
  return has_results || is_sweep_due (replica) ? replica->now
                                               : RAFT_TIME_MAX;
}
