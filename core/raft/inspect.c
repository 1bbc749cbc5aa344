/* SPDX-License-Identifier: MIT
**
** inspect.c - looking into an engine: status, copy, hash. */

#include <string.h>

#include "base/checksum.h"
#include "raft/state.h"

static void status_members (const struct raft *raft,
                            struct raft_status *status) {
  status->member_count = raft->progress_count;
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    const struct raft_progress *progress = &raft->progress[i];
    struct raft_member_status *member = &status->members[i];
    member->id = progress->id;
    member->match = progress->match;
    member->next = progress->next;
    member->heard = progress->heard;
    member->inflight_bytes = progress->window_bytes;
    member->inflight_messages = progress->window_count;
    member->probing = progress->mode == RAFT_PROBE;
    member->snapshotting = progress->mode == RAFT_SNAPSHOT;
    member->stalled = progress->stalled;
    member->disk_full = progress->disk_full;
    member->silent
      = raft->now >= progress->heard + raft->options.check_quorum_us;
  }
}

void raft_get_status (const struct raft *raft, struct raft_status *status) {
  status->now = raft->now;
  status->role = raft->role;
  status->leader = raft->leader;
  status->term = raft->term;
  status->vote = raft->vote;
  status->base = raft->log.base;
  status->snapshot = raft->snapshot_index;
  status->first_cached = raft->log.first_cached;
  status->last = raft->log.last;
  status->last_term = raft_log_last_term (&raft->log);
  status->stable = raft->log.stable;
  status->commit = raft->commit;
  status->applied = raft->applied;
  status->durable_term = raft->durable_term;
  status->durable_vote = raft->durable_vote;
  status->stalled = raft->stalled;
  status->has_lease = raft_lease_holds (raft);
  status->configuration = &raft->membership.latest;
  status->configuration_index = raft->membership.latest_index;
  status->transferee = raft->transferee;
  status_members (raft, status);
}

int raft_term_of (const struct raft *raft, raft_index index,
                  raft_term *term) {
  return raft_log_term (&raft->log, index, term);
}

/* ---- copy ------------------------------------------------------------- */

static void *copy_array (struct raft_memory *memory, const void *from,
                         size_t capacity, size_t used, size_t element) {
  void *to;
  if (capacity == 0) {
    return NULL;
  }
  to = raft_allocate (memory, capacity * element);
  if (to != NULL && used > 0) {
    memcpy (to, from, used * element);
  }
  return to;
}

int raft_copy (const struct raft *raft, struct raft_memory *memory,
               struct raft **out) {
  struct raft *copy = raft_allocate (memory, sizeof *copy);
  if (copy == NULL) {
    return RAFT_ENOMEM;
  }
  *copy = *raft;
  copy->memory = memory;
  copy->outbox.effects = NULL;
  copy->outbox.effect_count = 0;
  copy->outbox.effect_capacity = 0;
  copy->progress = NULL;
  copy->reads = NULL;
  copy->outbox.withheld = NULL;
  if (raft_log_copy (&raft->log, memory, &copy->log) != RAFT_OK) {
    raft_release (memory, copy, sizeof *copy);
    return RAFT_ENOMEM;
  }
  copy->progress = copy_array (memory, raft->progress,
                               raft->progress_capacity, raft->progress_count,
                               sizeof *raft->progress);
  copy->reads = copy_array (memory, raft->reads, raft->read_capacity,
                            raft->read_count, sizeof *raft->reads);
  copy->outbox.withheld
    = copy_array (memory, raft->outbox.withheld, RAFT_WITHHELD_MAX,
                  raft->outbox.withheld_count, sizeof *copy->outbox.withheld);
  if ((copy->progress == NULL && raft->progress_capacity > 0)
      || (copy->reads == NULL && raft->read_capacity > 0)
      || copy->outbox.withheld == NULL) {
    raft_free (copy);
    return RAFT_ENOMEM;
  }
  *out = copy;
  return RAFT_OK;
}

/* ---- hash ------------------------------------------------------------- */

/* Field by field, so that padding and capacities do not count. */
struct hash {
  uint64_t value;
};

static void hash_add (struct hash *hash, uint64_t number) {
  hash->value = raft_mix (hash->value ^ number);
}

static void hash_set (struct hash *hash, const struct raft_id_set *set) {
  hash_add (hash, set->count);
  for (uint32_t i = 0; i < set->count; i++) {
    hash_add (hash, set->ids[i]);
  }
}

static void hash_configuration (struct hash *hash,
                                const struct raft_configuration *value,
                                raft_index index) {
  hash_set (hash, &value->voters);
  hash_set (hash, &value->outgoing);
  hash_set (hash, &value->learners);
  hash_add (hash, value->lease_us);
  hash_add (hash, value->drift_ppm);
  hash_add (hash, value->priority_count);
  for (uint32_t i = 0; i < value->priority_count; i++) {
    hash_add (hash, value->priorities[i].id);
    hash_add (hash, value->priorities[i].value);
  }
  hash_add (hash, index);
}

static void hash_log (struct hash *hash, const struct raft_log *log) {
  hash_add (hash, log->base);
  hash_add (hash, log->base_term);
  hash_add (hash, log->first_cached);
  hash_add (hash, log->last);
  hash_add (hash, log->stable);
  hash_add (hash, log->ticket);
  hash_add (hash, log->ticket_done);
  for (size_t i = 0; i < log->run_count; i++) {
    hash_add (hash, log->runs[i].first);
    hash_add (hash, log->runs[i].term);
  }
  for (raft_index i = log->first_cached; i <= log->last; i++) {
    const struct raft_entry *entry = raft_log_entry (log, i);
    hash_add (hash, entry->checksum);
    hash_add (hash, (uint64_t)entry->kind << 32 | entry->size);
  }
  for (size_t i = 0; i < log->write_count; i++) {
    hash_add (hash, log->writes[i].ticket);
    hash_add (hash, log->writes[i].last);
    hash_add (hash, log->writes[i].term);
    hash_add (hash, log->writes[i].vote);
  }
}

static void hash_progress (struct hash *hash,
                           const struct raft_progress *progress) {
  hash_add (hash, progress->id);
  hash_add (hash, progress->match);
  hash_add (hash, progress->next);
  hash_add (hash, (uint64_t)progress->mode << 3
                    | (uint64_t)progress->disk_full << 2
                    | (uint64_t)progress->waits << 1 | progress->stalled);
  hash_add (hash, progress->heard);
  hash_add (hash, progress->fit_since);
  hash_add (hash, progress->round);
  hash_add (hash, progress->lease_us);
  hash_add (hash, progress->lease_round);
  hash_add (hash, progress->leased);
  hash_add (hash, progress->load_ticket);
  hash_add (hash, progress->load_is_void);
  hash_add (hash, progress->window_count);
  for (uint32_t i = 0; i < progress->window_count; i++) {
    uint32_t slot = (progress->window_start + i) % RAFT_WINDOW_MAX;
    hash_add (hash, progress->window[slot].last);
    hash_add (hash, progress->window[slot].bytes);
  }
}

/* Every field of a message that its kind has. */
static void hash_message (struct hash *hash, const struct raft_message *m) {
  hash_add (hash, m->kind);
  hash_add (hash, m->to);
  hash_add (hash, m->term);
  if (m->kind == RAFT_MESSAGE_PRE_VOTE || m->kind == RAFT_MESSAGE_VOTE) {
    hash_add (hash, m->as.vote.last_index);
    hash_add (hash, m->as.vote.last_term);
    hash_add (hash, m->as.vote.transfer);
  } else if (m->kind == RAFT_MESSAGE_APPEND_RESULT) {
    hash_add (hash, (uint64_t)m->as.append_result.disk_full << 2
                      | (uint64_t)m->as.append_result.rejected << 1
                      | m->as.append_result.stalled);
    hash_add (hash, m->as.append_result.match_index);
    hash_add (hash, m->as.append_result.rejected_index);
    hash_add (hash, m->as.append_result.hint_index);
    hash_add (hash, m->as.append_result.hint_term);
    hash_add (hash, m->as.append_result.round);
  } else if (m->kind == RAFT_MESSAGE_PRE_VOTE_RESULT
             || m->kind == RAFT_MESSAGE_VOTE_RESULT) {
    hash_add (hash, m->as.vote_result.granted);
  }
}

static void hash_waiting (struct hash *hash, const struct raft *raft) {
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    hash_progress (hash, &raft->progress[i]);
  }
  for (size_t i = 0; i < raft->read_count; i++) {
    hash_add (hash, raft->reads[i].id);
    hash_add (hash, raft->reads[i].round);
    hash_add (hash, raft->reads[i].origin);
    hash_add (hash, raft->reads[i].index);
    hash_add (hash, raft->reads[i].since);
  }
  for (size_t i = 0; i < raft->outbox.withheld_count; i++) {
    hash_add (hash, raft->outbox.withheld[i].ticket);
    hash_add (hash, raft->outbox.withheld[i].is_vote);
    hash_message (hash, &raft->outbox.withheld[i].message);
  }
}

uint64_t raft_hash (const struct raft *raft) {
  struct hash hash = { raft->options.id };
  const uint64_t fields[] = {
    raft->now, raft->term, raft->vote, raft->durable_term,
    raft->durable_vote, raft->hard_ticket, raft->hard_done, raft->role,
    raft->leader,
    raft->leader_heard, raft->bound_until, raft->leader_is_gone,
    raft->election_deadline, raft->read_context, raft->read_asked,
    raft->read_sent, raft->fresh, raft->fresh_index, raft->lease_is_over,
    raft->commit,
    raft->applied, raft->applying, raft->apply_ticket,
    raft->unapplied_bytes, raft->load_ticket, raft->time_floor,
    raft->snapshot_index, raft->is_installing, raft->installing.index,
    raft->installing.term, raft->installing.time, raft->disk_full,
    raft->stalled, raft->verified,
    raft->answered, raft->round_seen, raft->campaign_ticket,
    raft->term_start, raft->round, raft->heartbeat_deadline,
    raft->quorum_deadline, raft->transferee, raft->transfer_deadline,
    raft->unfit_since, raft->is_staying,
    raft->progress_count, raft->read_count, raft->outbox.withheld_count
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    hash_add (&hash, fields[i]);
  }
  for (size_t i = 0; i < RAFT_ROUNDS && raft->role == RAFT_LEADER; i++) {
    hash_add (&hash, raft->round_began[i]);
  }
  hash_set (&hash, &raft->granted);
  hash_set (&hash, &raft->refused);
  hash_configuration (&hash, &raft->membership.latest,
                      raft->membership.latest_index);
  hash_configuration (&hash, &raft->membership.previous,
                      raft->membership.previous_index);
  hash_configuration (&hash, &raft->installing.configuration,
                      raft->installing.configuration_index);
  hash_log (&hash, &raft->log);
  hash_waiting (&hash, raft);
  return hash.value;
}
