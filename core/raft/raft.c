/* SPDX-License-Identifier: MIT
**
** raft.c - the step: what each event means, and the engine's life.
**
** Rule: memory is reserved before anything changes; after that a step cannot
** fail. So an error leaves the engine as it was.
** Rule (Paper 5.1): a message of a higher term makes a follower, one of a
** lower term is answered with the newer one or ignored. Pre-votes speak of
** terms that nobody has yet, and do neither. */

#include "raft/raft.h"

#include <string.h>

#include "base/checksum.h"
#include "raft/state.h"

/* ---- time and chance -------------------------------------------------- */

raft_time raft_time_after (const struct raft *raft, raft_time length) {
  if (raft_bug (raft, TIME_32_BIT)) {
    int32_t ms = (int32_t)(uint32_t)((raft->now + length) / 1000);
    return ms < 0 ? RAFT_TIME_MAX : (raft_time)ms * 1000;
  }
  if (length > RAFT_TIME_MAX - raft->now) {
    return RAFT_TIME_MAX;
  }
  return raft->now + length;
}

uint64_t raft_draw (struct raft *raft) {
  raft->random = raft_mix (raft->random);
  return raft->random;
}

/* ---- room ------------------------------------------------------------- */

/* For the members of a configuration, and of those it may stand beside. */
static int step_reserve_progress (struct raft *raft,
                                  const struct raft_configuration *value) {
  raft_id ids[RAFT_MEMBERS_MAX * 3];
  void *progress = raft->progress;
  size_t count
    = raft_configuration_members (value, ids)
      + raft_configuration_members (&raft->membership.latest, ids)
      + raft_configuration_members (&raft->membership.previous, ids);
  int status = raft_reserve (raft->memory, &progress,
                             &raft->progress_capacity, count,
                             sizeof *raft->progress);
  raft->progress = progress;
  return status;
}

static int step_reserve_append (struct raft *raft,
                                const struct raft_message_append *append) {
  size_t runs = 1;
  for (uint32_t i = 1; i < append->entry_count; i++) {
    runs += append->entries[i].term != append->entries[i - 1].term;
  }
  for (uint32_t i = 0; i < append->configuration_count; i++) {
    if (step_reserve_progress (raft, &append->configurations[i])
        != RAFT_OK) {
      return RAFT_ENOMEM;
    }
  }
  return raft_log_reserve (&raft->log, append->entry_count, runs);
}

static int step_reserve (struct raft *raft, const struct raft_event *event) {
  size_t reads = event->kind == RAFT_EVENT_READ ? event->as.read.count
                 : event->kind == RAFT_EVENT_MESSAGE ? 1 : 0;
  int status = raft_outbox_reserve (raft, reads);
  if (status == RAFT_OK && reads > 0) {
    void *array = raft->reads;
    status = raft_reserve (raft->memory, &array, &raft->read_capacity,
                           raft->read_count + reads, sizeof *raft->reads);
    raft->reads = array;
  }
  if (status != RAFT_OK) {
    return status;
  }
  if (event->kind == RAFT_EVENT_MESSAGE
      && event->as.message.kind == RAFT_MESSAGE_APPEND) {
    return step_reserve_append (raft, &event->as.message.as.append);
  }
  if (event->kind == RAFT_EVENT_PROPOSE) {
    return raft_log_reserve (&raft->log, event->as.propose.count, 1);
  }
  if (event->kind == RAFT_EVENT_INSTALL
      && step_reserve_progress (raft,
                                &event->as.install.value->configuration)
           != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  if (event->kind == RAFT_EVENT_CONFIGURE
      && step_reserve_progress (raft, event->as.configure.value)
           != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  return raft_log_reserve (&raft->log, 1, 1); /* a no-op, a configuration */
}

/* ---- messages --------------------------------------------------------- */

static void step_trace_receive (struct raft *raft,
                                const struct raft_message *m) {
  uint64_t a = 0;
  uint64_t b = 0;
  uint64_t c = 0;
  if (m->kind == RAFT_MESSAGE_APPEND) {
    a = m->as.append.previous_index;
    b = m->as.append.entry_count;
    c = m->as.append.commit;
  } else if (m->kind == RAFT_MESSAGE_APPEND_RESULT) {
    a = m->as.append_result.rejected;
    b = m->as.append_result.rejected ? m->as.append_result.rejected_index
                                     : m->as.append_result.match_index;
    c = m->as.append_result.round;
  } else if (m->kind == RAFT_MESSAGE_PRE_VOTE
             || m->kind == RAFT_MESSAGE_VOTE) {
    a = m->as.vote.last_index;
    b = m->as.vote.last_term;
  } else if (m->kind == RAFT_MESSAGE_READ_RESULT) {
    a = m->as.read.index;
  } else if (m->kind == RAFT_MESSAGE_PRE_VOTE_RESULT
             || m->kind == RAFT_MESSAGE_VOTE_RESULT) {
    a = m->as.vote_result.granted;
  }
  raft_note (raft, RECEIVE, m->kind, m->from, m->term, a, b, c);
}

/* Votes and pre-votes decide themselves about the term they carry. */
static bool message_takes_term (const struct raft_message *m) {
  switch (m->kind) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE: return false;
    case RAFT_MESSAGE_PRE_VOTE_RESULT: return !m->as.vote_result.granted;
    default: return true;
  }
}

static void message_take_term (struct raft *raft,
                               const struct raft_message *m) {
  raft_id leader
    = m->kind == RAFT_MESSAGE_APPEND ? m->from : RAFT_ID_NONE;
  if (m->term <= raft->term || !message_takes_term (m)) {
    return;
  }
  if (raft->role == RAFT_LEADER && raft_bug (raft, LATE_STEP_DOWN)) {
    raft_take_term (raft, m->term);
    return;
  }
  raft_become_follower (raft, m->term, leader, RAFT_REASON_HIGHER_TERM);
}

static bool message_is_late (const struct raft *raft,
                             const struct raft_message *m) {
  if (m->term >= raft->term) {
    return false;
  }
  if (m->kind == RAFT_MESSAGE_APPEND_RESULT) {
    return !raft_bug (raft, STALE_ACK);
  }
  return m->kind == RAFT_MESSAGE_APPEND
         || m->kind == RAFT_MESSAGE_TIMEOUT_NOW
         || m->kind == RAFT_MESSAGE_READ
         || m->kind == RAFT_MESSAGE_READ_RESULT;
}

static void step_message (struct raft *raft, const struct raft_message *m) {
  if (m->from == raft->options.id || m->from == RAFT_ID_NONE
      || m->term == 0) {
    return;
  }
  if ((raft->options.trace_levels & RAFT_TRACE_WIRE) != 0) {
    step_trace_receive (raft, m);
  }
  message_take_term (raft, m);
  if (message_is_late (raft, m)) {
    if (m->kind == RAFT_MESSAGE_APPEND) {
      raft_refuse_old_leader (raft, m);
    }
    return;
  }
  switch (m->kind) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE: raft_on_vote_request (raft, m); break;
    case RAFT_MESSAGE_PRE_VOTE_RESULT:
    case RAFT_MESSAGE_VOTE_RESULT: raft_on_vote_result (raft, m); break;
    case RAFT_MESSAGE_APPEND: raft_on_append (raft, m); break;
    case RAFT_MESSAGE_APPEND_RESULT: raft_on_append_result (raft, m); break;
    case RAFT_MESSAGE_TIMEOUT_NOW: raft_on_timeout_now (raft, m); break;
    case RAFT_MESSAGE_READ: raft_on_read_request (raft, m); break;
    case RAFT_MESSAGE_READ_RESULT: raft_on_read_result (raft, m); break;
  }
}

/* ---- the other events ------------------------------------------------- */

static void step_time (struct raft *raft) {
  if (raft->role != RAFT_LEADER) {
    raft_maybe_campaign (raft);
    return;
  }
  if (raft->now >= raft->quorum_deadline) {
    raft_check_quorum (raft);
  }
  if (raft->role == RAFT_LEADER && raft->now >= raft->heartbeat_deadline) {
    raft_broadcast_heartbeat (raft);
    raft_maybe_transfer (raft);
  }
}

static void note_durable_vote (struct raft *raft,
                               const struct raft_log_write *done) {
  if (done->ticket > raft->hard_done) {
    raft->hard_done = done->ticket;
    raft->durable_term = done->term;
    raft->durable_vote = done->vote;
  }
  raft_outbox_release (raft);
}

/* A vote went before entries that have no room. */
static void step_vote_persisted (struct raft *raft, uint64_t ticket) {
  struct raft_log_write done;
  if (raft_log_write_covers (&raft->log, ticket, &done)) {
    note_durable_vote (raft, &done);
  }
}

static void step_persisted (struct raft *raft, uint64_t ticket) {
  struct raft_log_write done;
  if (!raft_log_write_end (&raft->log, ticket, &done)) {
    return;
  }
  note_durable_vote (raft, &done);
  raft_on_campaign_durable (raft);
  if (raft->role == RAFT_LEADER) {
    raft_maybe_commit (raft);
  } else {
    raft_maybe_acknowledge (raft);
  }
  raft_maybe_apply (raft);
}

static int step_dispatch (struct raft *raft, const struct raft_event *event) {
  switch (event->kind) {
    case RAFT_EVENT_TIME: step_time (raft); break;
    case RAFT_EVENT_MESSAGE: step_message (raft, &event->as.message); break;
    case RAFT_EVENT_PROPOSE: return raft_on_propose (raft, event);
    case RAFT_EVENT_PERSISTED:
      if (event->as.persisted.is_vote) {
        step_vote_persisted (raft, event->as.persisted.ticket);
      } else {
        step_persisted (raft, event->as.persisted.ticket);
      }
      break;
    case RAFT_EVENT_LOADED: return raft_on_loaded (raft, event);
    case RAFT_EVENT_APPLIED:
      raft_on_applied (raft, event->as.applied.index);
      break;
    case RAFT_EVENT_READ: return raft_on_read (raft, event);
    case RAFT_EVENT_LINK_UP:
      raft_on_link_up (raft, event->as.link.member);
      break;
    case RAFT_EVENT_LINK_DOWN: raft_on_link_down (raft, event); break;
    case RAFT_EVENT_DISK_FULL: raft->disk_full = event->as.flag.yes; break;
    case RAFT_EVENT_STALLED: raft->stalled = event->as.flag.yes; break;
    case RAFT_EVENT_STEP_DOWN:
      if (raft->role == RAFT_LEADER) {
        raft_become_follower (raft, raft->term, RAFT_ID_NONE,
                              RAFT_REASON_ASKED);
      }
      break;
    case RAFT_EVENT_CONFIGURE: return raft_on_configure (raft, event);
    case RAFT_EVENT_TRANSFER: return raft_on_transfer (raft, event);
    case RAFT_EVENT_SNAPSHOT:
      raft_on_snapshot (raft, event->as.snapshot.index);
      break;
    case RAFT_EVENT_INSTALL: return raft_on_install (raft, event);
    case RAFT_EVENT_INSTALLED:
      raft_on_installed (raft, event->as.installed.status);
      break;
    case RAFT_EVENT_SENT: raft_on_sent (raft, event); break;
  }
  return RAFT_OK;
}

int raft_step (struct raft *raft, const struct raft_event *event) {
  raft_index configuration = raft->membership.latest_index;
  int status;
  raft_assert (event->now >= raft->now && event->now <= RAFT_TIME_MAX);
  raft->outbox.effect_count = 0;
  status = step_reserve (raft, event);
  if (status != RAFT_OK) {
    return status;
  }
  raft->now = event->now;
  raft->wall = event->wall;
  raft->random = event->random;
  status = step_dispatch (raft, event);
  if (status != RAFT_OK) {
    raft_assert (raft->outbox.effect_count == 0);
    return status;
  }
  /* One may have taken the place of another at the same index. */
  if (raft->written_from != 0
      && raft->membership.latest_index >= raft->written_from) {
    configuration = 0;
  }
  raft_outbox_persist (raft);
  if (raft->membership.latest_index != configuration) {
    struct raft_effect *effect
      = raft_outbox_add (raft, RAFT_EFFECT_CONFIGURATION);
    effect->as.configuration.index = raft->membership.latest_index;
    effect->as.configuration.value = &raft->membership.latest;
  }
  raft_log_evict (&raft->log, raft->applied,
                  raft->options.limits.cached_bytes);
  return RAFT_OK;
}

const struct raft_effect *raft_effects (const struct raft *raft,
                                        size_t *count) {
  *count = raft->outbox.effect_count;
  return raft->outbox.effects;
}

raft_time raft_deadline (const struct raft *raft) {
  if (raft->role != RAFT_LEADER) {
    return raft->election_deadline;
  }
  return raft->heartbeat_deadline < raft->quorum_deadline
           ? raft->heartbeat_deadline
           : raft->quorum_deadline;
}

/* ---- life ------------------------------------------------------------- */

void raft_options_default (struct raft_options *options) {
  memset (options, 0, sizeof *options);
  options->heartbeat_us = 50 * RAFT_MILLISECOND;
  options->election_us = 250 * RAFT_MILLISECOND;
  options->election_spread_us = 250 * RAFT_MILLISECOND;
  options->check_quorum_us = 500 * RAFT_MILLISECOND;
  raft_limits_default (&options->limits);
}

static bool options_are_valid (const struct raft_options *options,
                               const struct raft_recovered *recovered) {
  return options->id != RAFT_ID_NONE && options->heartbeat_us > 0
         && options->election_us > options->heartbeat_us
         && options->check_quorum_us >= options->election_us
         && options->limits.inflight_messages > 0
         && options->limits.append_entries > 0
         && options->limits.apply_entries > 0
         && raft_configuration_is_valid (&recovered->configuration)
         && (recovered->previous_index == 0
             || (recovered->previous_index < recovered->configuration_index
                 && raft_configuration_is_valid (&recovered->previous)));
}

static void raft_restore (struct raft *raft,
                          const struct raft_recovered *recovered) {
  raft->term = recovered->term;
  raft->vote = recovered->vote;
  raft->durable_term = recovered->term;
  raft->durable_vote = recovered->vote;
  raft->time_floor = recovered->last_time;
  raft->membership.latest = recovered->configuration;
  raft->membership.latest_index = recovered->configuration_index;
  raft->membership.previous = recovered->previous;
  raft->membership.previous_index = recovered->previous_index;
  raft->commit = recovered->base_index;
  raft->applied = recovered->base_index;
  raft->applying = recovered->base_index;
  raft->snapshot_index = recovered->base_index;
  raft->role = RAFT_FOLLOWER;
  raft_reset_election (raft);
  raft_lease_start (raft);
}

int raft_new (struct raft **out, struct raft_memory *memory,
              const struct raft_options *options,
              const struct raft_recovered *recovered, raft_time now,
              uint64_t random) {
  struct raft *raft;
  int status;
  if (!options_are_valid (options, recovered)) {
    return RAFT_EINVALID;
  }
  raft = raft_allocate_zeroed (memory, sizeof *raft);
  if (raft == NULL) {
    return RAFT_ENOMEM;
  }
  raft->memory = memory;
  raft->options = *options;
  raft->bug = options->bug;
  raft->now = now;
  raft->random = random;
  status = raft_log_init (&raft->log, memory, recovered);
  raft->log.bug = options->bug;
  raft->outbox.withheld = raft_allocate (
    memory, RAFT_WITHHELD_MAX * sizeof *raft->outbox.withheld);
  if (status == RAFT_OK) {
    raft_restore (raft, recovered);
    status = step_reserve_progress (raft, &recovered->configuration);
  }
  if (status != RAFT_OK || raft->outbox.withheld == NULL) {
    raft_free (raft);
    return RAFT_ENOMEM;
  }
  *out = raft;
  return RAFT_OK;
}

void raft_free (struct raft *raft) {
  struct raft_memory *memory = raft->memory;
  raft_log_free (&raft->log);
  raft_release (memory, raft->progress,
                raft->progress_capacity * sizeof *raft->progress);
  raft_release (memory, raft->reads,
                raft->read_capacity * sizeof *raft->reads);
  raft_release (memory, raft->outbox.withheld,
                RAFT_WITHHELD_MAX * sizeof *raft->outbox.withheld);
  raft_release (memory, raft->outbox.effects,
                raft->outbox.effect_capacity * sizeof *raft->outbox.effects);
  raft_release (memory, raft, sizeof *raft);
}
