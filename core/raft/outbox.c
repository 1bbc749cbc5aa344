/* SPDX-License-Identifier: MIT
**
** outbox.c - effects, and messages that wait. See outbox.h. */

#include "raft/outbox.h"

#include <string.h>

#include "raft/state.h"

static size_t sets_count (const struct raft_configuration *value) {
  return value->voters.count + value->outgoing.count + value->learners.count;
}

/* The most one step can emit: per member a full window, a heartbeat, a load
** and what was withheld, each with its trace; and a few of one kind. */
int raft_outbox_reserve (struct raft *raft, size_t reads) {
  struct raft_outbox *outbox = &raft->outbox;
  size_t members = sets_count (&raft->membership.latest)
                   + raft->progress_count;
  size_t window = RAFT_WINDOW_MAX;
  size_t needed;
  void *effects = outbox->effects;
  int status;
  if (raft->options.limits.inflight_messages < window) {
    window = (size_t)raft->options.limits.inflight_messages;
  }
  needed = 128 + 2 * members * (window + 12) + raft->read_count + reads;
  status = raft_reserve (raft->memory, &effects, &outbox->effect_capacity,
                         needed, sizeof *outbox->effects);
  outbox->effects = effects;
  return status;
}

struct raft_effect *raft_outbox_add (struct raft *raft,
                                     enum raft_effect_kind kind) {
  struct raft_outbox *outbox = &raft->outbox;
  struct raft_effect *effect = &outbox->effects[outbox->effect_count];
  raft_assert (outbox->effect_count < outbox->effect_capacity);
  outbox->effect_count++;
  memset (effect, 0, sizeof *effect);
  effect->kind = kind;
  return effect;
}

/* ---- messages --------------------------------------------------------- */

static void outbox_trace_send (struct raft *raft,
                               const struct raft_message *m) {
  switch (m->kind) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
      raft_note (raft, SEND, m->kind, m->to, m->term, m->as.vote.last_index,
                 m->as.vote.last_term, 0);
      break;
    case RAFT_MESSAGE_PRE_VOTE_RESULT:
    case RAFT_MESSAGE_VOTE_RESULT:
      raft_note (raft, SEND, m->kind, m->to, m->term,
                 m->as.vote_result.granted, 0, 0);
      break;
    case RAFT_MESSAGE_APPEND:
      raft_note (raft, SEND, m->kind, m->to, m->term,
                 m->as.append.previous_index, m->as.append.entry_count,
                 m->as.append.commit);
      break;
    case RAFT_MESSAGE_APPEND_RESULT:
      raft_note (raft, SEND, m->kind, m->to, m->term,
                 m->as.append_result.rejected,
                 m->as.append_result.rejected
                   ? m->as.append_result.rejected_index
                   : m->as.append_result.match_index,
                 m->as.append_result.round);
      break;
    case RAFT_MESSAGE_READ_RESULT:
      raft_note (raft, SEND, m->kind, m->to, m->term, m->as.read.index, 0, 0);
      break;
    case RAFT_MESSAGE_READ:
    case RAFT_MESSAGE_TIMEOUT_NOW:
      raft_note (raft, SEND, m->kind, m->to, m->term, 0, 0, 0);
      break;
  }
}

static void outbox_emit (struct raft *raft, const struct raft_message *m) {
  struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_SEND);
  effect->as.send.message = *m;
  if ((raft->options.trace_levels & RAFT_TRACE_WIRE) != 0) {
    outbox_trace_send (raft, m);
  }
}

/* The newest message of a kind to a receiver replaces the one before. */
static void outbox_withhold (struct raft *raft, const struct raft_message *m,
                             uint64_t ticket, bool is_vote) {
  struct raft_outbox *outbox = &raft->outbox;
  size_t at = 0;
  while (at < outbox->withheld_count
         && (outbox->withheld[at].message.kind != m->kind
             || outbox->withheld[at].message.to != m->to)) {
    at++;
  }
  raft_assert (at < RAFT_WITHHELD_MAX);
  if (at == outbox->withheld_count) {
    outbox->withheld_count++;
  }
  outbox->withheld[at].message = *m;
  outbox->withheld[at].ticket = ticket;
  outbox->withheld[at].is_vote = is_vote;
}

/* The ticket that makes 'need' true; what this step changed goes with the
** next one. */
static uint64_t outbox_ticket (const struct raft *raft, enum raft_need need) {
  switch (need) {
    case RAFT_NEED_TERM:
      return raft->hard_changed ? raft->log.ticket + 1 : raft->hard_ticket;
    case RAFT_NEED_ALL:
      return raft->hard_changed || raft->written_from != 0
               ? raft->log.ticket + 1
               : raft->log.ticket;
    case RAFT_NEED_NOTHING:
    default:
      return 0;
  }
}

static bool outbox_is_done (const struct raft *raft, uint64_t ticket,
                            bool is_vote) {
  return ticket <= raft->log.ticket_done
         || (is_vote && ticket <= raft->hard_done);
}

void raft_outbox_send (struct raft *raft, struct raft_message *message,
                       enum raft_need need) {
  uint64_t ticket = outbox_ticket (raft, need);
  message->from = raft->options.id;
  if (message->term == 0) {
    message->term = raft->term;
  }
  if (outbox_is_done (raft, ticket, need == RAFT_NEED_TERM)) {
    outbox_emit (raft, message);
  } else {
    outbox_withhold (raft, message, ticket, need == RAFT_NEED_TERM);
  }
}

void raft_outbox_release (struct raft *raft) {
  struct raft_outbox *outbox = &raft->outbox;
  size_t kept = 0;
  for (size_t i = 0; i < outbox->withheld_count; i++) {
    if (outbox_is_done (raft, outbox->withheld[i].ticket,
                        outbox->withheld[i].is_vote)) {
      outbox_emit (raft, &outbox->withheld[i].message);
    } else {
      outbox->withheld[kept] = outbox->withheld[i];
      kept++;
    }
  }
  outbox->withheld_count = kept;
}

void raft_outbox_drop_campaign (struct raft *raft) {
  struct raft_outbox *outbox = &raft->outbox;
  size_t kept = 0;
  for (size_t i = 0; i < outbox->withheld_count; i++) {
    if (outbox->withheld[i].message.kind != RAFT_MESSAGE_VOTE) {
      outbox->withheld[kept] = outbox->withheld[i];
      kept++;
    }
  }
  outbox->withheld_count = kept;
}

/* ---- the end of a step ------------------------------------------------ */

void raft_outbox_persist (struct raft *raft) {
  struct raft_effect *effect;
  if (!raft->hard_changed && raft->written_from == 0) {
    return;
  }
  effect = raft_outbox_add (raft, RAFT_EFFECT_PERSIST);
  effect->as.persist.ticket
    = raft_log_write_begin (&raft->log, raft->term, raft->vote);
  effect->as.persist.term = raft->term;
  effect->as.persist.vote = raft->vote;
  effect->as.persist.first = raft->written_from;
  if (raft->written_from != 0) {
    effect->as.persist.count
      = (uint32_t)(raft->log.last + 1 - raft->written_from);
  }
  if (raft->hard_changed) {
    raft->hard_ticket = raft->log.ticket;
  }
  raft->hard_changed = false;
  raft->written_from = 0;
}

void raft_outbox_trace (struct raft *raft, enum raft_trace_kind kind,
                        const uint64_t *fields, size_t count) {
  struct raft_effect *effect;
  if ((raft->options.trace_levels & raft_trace_level_of (kind)) == 0) {
    return;
  }
  effect = raft_outbox_add (raft, RAFT_EFFECT_TRACE);
  effect->as.trace.time = raft->now;
  effect->as.trace.member = raft->options.id;
  effect->as.trace.group = raft->options.group;
  effect->as.trace.term = raft->term;
  effect->as.trace.kind = kind;
  memcpy (effect->as.trace.fields, fields, count * sizeof *fields);
}
