/* SPDX-License-Identifier: MIT
**
** vote.c - who may lead: pre-votes, votes and their results.
**
** Rule (Paper 5.2): one vote per term, first come, first served, kept on
** disk before it is said.
** Rule (Paper 5.4.1): only to a candidate whose log is at least as up to
** date as the voter's.
** Rule (Diss. 9.6): before it raises its term a member asks whether it would
** be elected; the answer changes nothing at the voter.
** Rule (Diss. 4.2.3): whoever hears a leader within the shortest election
** timeout neither votes nor takes over the candidate's term.
** Rule (Diss. 6.4.1): within a lease that it acknowledged, and after its start
** for as long as one may last, it does not vote either, nor stand, unless the
** leader hands over.
** Rule: but whose connection to the leader has ended, and was refused when it
** was made again, knows that its process is gone: it asks for pre-votes, and
** grants, at once. A silent leader may be alive, and is waited for. */

#include "raft/state.h"

static bool vote_leader_is_alive (const struct raft *raft) {
  if (raft->role == RAFT_LEADER) {
    return !raft_bug (raft, LEADER_VOTES);
  }
  return raft->leader != RAFT_ID_NONE && !raft->leader_is_gone
         && raft->now < raft->leader_heard + raft->options.election_us;
}

static enum raft_vote_outcome vote_in (const struct raft *raft,
                                       const struct raft_id_set *voters) {
  uint32_t granted = 0;
  uint32_t refused = 0;
  for (uint32_t i = 0; i < voters->count; i++) {
    granted += raft_id_set_has (&raft->granted, voters->ids[i]);
    refused += raft_id_set_has (&raft->refused, voters->ids[i]);
  }
  return raft_quorum_vote (granted, refused, voters->count);
}

/* In a joint configuration both halves decide (Diss. 4.3). */
static enum raft_vote_outcome vote_outcome (const struct raft *raft) {
  enum raft_vote_outcome a
    = vote_in (raft, &raft->membership.latest.voters);
  enum raft_vote_outcome b
    = vote_in (raft, &raft->membership.latest.outgoing);
  if (a == RAFT_VOTE_LOST || b == RAFT_VOTE_LOST) {
    return RAFT_VOTE_LOST;
  }
  return a == RAFT_VOTE_WON ? b : a;
}

/* ---- asking ----------------------------------------------------------- */

static void vote_request (struct raft *raft, enum raft_message_kind kind,
                          enum raft_need need, enum raft_reason reason) {
  raft_id ids[RAFT_MEMBERS_MAX * 3];
  uint32_t count = raft_configuration_members (&raft->membership.latest, ids);
  for (uint32_t i = 0; i < count; i++) {
    struct raft_message m = { .kind = kind, .to = ids[i] };
    if (ids[i] == raft->options.id
        || !raft_configuration_votes (&raft->membership.latest, ids[i])) {
      continue;
    }
    m.term = kind == RAFT_MESSAGE_PRE_VOTE ? raft->term + 1 : raft->term;
    m.as.vote.transfer = reason == RAFT_REASON_TRANSFER;
    m.as.vote.last_index = raft->log.last;
    m.as.vote.last_term = raft_bug (raft, LAST_TERM_IS_CURRENT)
                            ? m.term
                            : raft_log_last_term (&raft->log);
    raft_outbox_send (raft, &m, need);
  }
}

static void vote_campaign (struct raft *raft, enum raft_reason reason) {
  raft_become_candidate (raft, reason);
  vote_request (raft, RAFT_MESSAGE_VOTE,
                raft_bug (raft, CAMPAIGN_BEFORE_SYNC)
                    || raft_bug (raft, CAMPAIGN_NOT_PERSISTED)
                  ? RAFT_NEED_NOTHING
                  : RAFT_NEED_ALL,
                reason);
  raft->campaign_ticket = raft->log.ticket + 1; /* of this step's write */
  if (raft_bug (raft, CAMPAIGN_NOT_PERSISTED)) {
    raft->campaign_ticket = raft->log.ticket_done;
    raft_on_campaign_durable (raft);
  }
}

static void vote_decide (struct raft *raft) {
  switch (vote_outcome (raft)) {
    case RAFT_VOTE_WON:
      if (raft->role == RAFT_PRE_CANDIDATE) {
        vote_campaign (raft, RAFT_REASON_PRE_VOTES);
      } else {
        raft_become_leader (raft);
      }
      break;
    case RAFT_VOTE_LOST:
      raft_become_follower (raft, raft->term, RAFT_ID_NONE,
                            RAFT_REASON_LOST_VOTE);
      break;
    case RAFT_VOTE_PENDING:
    default: break;
  }
}

/* Diss. 4.2.2: who is no voter of its own latest configuration goes on as one
** of the configuration before, until the latest is committed: it may hold the
** only copy of that entry, and then nobody else can win. */
static bool vote_may_campaign (const struct raft *raft) {
  const struct raft_membership *membership = &raft->membership;
  return raft_configuration_votes (&membership->latest, raft->options.id)
         || (raft_is_changing (raft) && membership->previous_index != 0
             && raft_configuration_votes (&membership->previous,
                                          raft->options.id));
}

/* Not all at the same moment when it ends. */
static void vote_await_lease (struct raft *raft) {
  raft_time spread = raft->options.heartbeat_us;
  raft->election_deadline = raft->bound_until + raft_draw (raft) % spread;
}

void raft_maybe_campaign (struct raft *raft) {
  if (raft->role == RAFT_LEADER || raft->now < raft->election_deadline) {
    return;
  }
  if (!vote_may_campaign (raft) || raft->is_installing) {
    raft_reset_election (raft);
    return;
  }
  if (raft_lease_binds (raft)) {
    vote_await_lease (raft);
    return;
  }
  raft_become_pre_candidate (raft);
  raft_id_set_add (&raft->granted, raft->options.id);
  vote_request (raft, RAFT_MESSAGE_PRE_VOTE, RAFT_NEED_NOTHING,
                RAFT_REASON_ELECTION_TIMEOUT);
  vote_decide (raft);
}

/* Not all at the same moment, or the vote would be split. */
void raft_on_link_down (struct raft *raft, const struct raft_event *event) {
  if (event->as.link.is_gone && raft->role == RAFT_FOLLOWER
      && event->as.link.member == raft->leader && !raft->leader_is_gone) {
    raft_time spread = raft->options.heartbeat_us / 4;
    raft_time soon = raft_time_after (raft, raft_draw (raft) % (spread + 1));
    raft->leader_is_gone = true;
    if (raft_bug (raft, LEASE_GONE_WITH_LINK)) {
      raft->bound_until = 0;
    }
    if (soon < raft->election_deadline) {
      raft->election_deadline = soon;
    }
  }
}

/* Diss. 3.10: the leader wants this member in its place. Its log is up to
** date by the leader's word; requests leave when all of it is durable. */
void raft_on_timeout_now (struct raft *raft, const struct raft_message *m) {
  if (raft->role != RAFT_FOLLOWER || raft->leader != m->from
      || m->term != raft->term || raft->is_installing
      || !raft_configuration_votes (&raft->membership.latest,
                                    raft->options.id)) {
    return;
  }
  vote_campaign (raft, RAFT_REASON_TRANSFER);
  raft_on_campaign_durable (raft);
}

/* The candidate's vote for itself counts when it is durable, like any. */
void raft_on_campaign_durable (struct raft *raft) {
  if (raft->role != RAFT_CANDIDATE
      || raft->campaign_ticket > raft->log.ticket_done
      || raft_id_set_has (&raft->granted, raft->options.id)) {
    return;
  }
  raft_id_set_add (&raft->granted, raft->options.id);
  vote_decide (raft);
}

/* ---- answering -------------------------------------------------------- */

static void vote_answer (struct raft *raft, const struct raft_message *m,
                         bool granted, enum raft_reason reason) {
  struct raft_message answer = { .to = m->from };
  enum raft_need need = RAFT_NEED_TERM;
  if (m->kind == RAFT_MESSAGE_PRE_VOTE) {
    answer.kind = RAFT_MESSAGE_PRE_VOTE_RESULT;
    /* A granted pre-vote speaks of the term aimed at: the voter's own may be
    ** older than the candidate's, and would be taken for a late answer. */
    if (granted && !raft_bug (raft, PRE_VOTE_STALE_TERM)) {
      answer.term = m->term;
    }
  } else {
    answer.kind = RAFT_MESSAGE_VOTE_RESULT;
  }
  if (raft_bug (raft, VOTE_BEFORE_SYNC)) {
    need = RAFT_NEED_NOTHING;
  }
  answer.as.vote_result.granted = granted;
  raft_note (raft, VOTE, m->from, granted, reason);
  raft_outbox_send (raft, &answer, need);
}

static bool vote_is_refused_by_learner (const struct raft *raft) {
  return raft_bug (raft, LEARNER_REFUSES)
         && !raft_configuration_votes (&raft->membership.latest,
                                       raft->options.id);
}

static bool vote_is_up_to_date (const struct raft *raft,
                                const struct raft_message *m) {
  const struct raft_configuration *value = &raft->membership.latest;
  if (raft_bug (raft, PRIORITY_IGNORES_LOG)
      && raft_configuration_priority (value, m->from)
           > raft_configuration_priority (value, raft->options.id)) {
    return true;
  }
  return raft_log_is_behind (&raft->log, m->as.vote.last_index,
                             m->as.vote.last_term);
}

static void on_pre_vote (struct raft *raft, const struct raft_message *m) {
  enum raft_reason reason = RAFT_REASON_GRANTED;
  if (m->term <= raft->term) {
    reason = RAFT_REASON_STALE_TERM;
  } else if (vote_leader_is_alive (raft)) {
    reason = RAFT_REASON_LEADER_ALIVE;
  } else if (raft_lease_binds (raft)) {
    reason = RAFT_REASON_LEASED;
  } else if (!vote_is_up_to_date (raft, m)) {
    reason = RAFT_REASON_LOG_BEHIND;
  } else if (raft_bug (raft, PRE_VOTE_BOUND_BY_VOTE)
             && raft->vote != RAFT_ID_NONE && raft->vote != m->from) {
    reason = RAFT_REASON_VOTED;
  } else if (vote_is_refused_by_learner (raft)) {
    reason = RAFT_REASON_REMOVED;
  }
  vote_answer (raft, m, reason == RAFT_REASON_GRANTED, reason);
}

/* Who follows the leader of this term has nothing left to elect in it. */
static bool vote_is_free (const struct raft *raft, raft_id candidate) {
  if (raft_bug (raft, VOTE_FOR_ZERO) && raft->vote == 1) {
    return true;
  }
  return raft->vote == candidate
         || (raft->vote == RAFT_ID_NONE && raft->leader == RAFT_ID_NONE);
}

static void on_vote (struct raft *raft, const struct raft_message *m) {
  enum raft_reason reason = RAFT_REASON_GRANTED;
  if (m->term > raft->term) {
    if ((vote_leader_is_alive (raft) || raft_lease_binds (raft))
        && (!m->as.vote.transfer || raft_bug (raft, TRANSFER_REFUSED))) {
      /* No answer: the candidate's term is not taken over. It learns of the
      ** leader by the next AppendEntries, the leader of its term by the
      ** refusal of that. */
      raft_note (raft, VOTE, m->from, 0,
                 raft_lease_binds (raft) ? RAFT_REASON_LEASED
                                         : RAFT_REASON_LEADER_ALIVE);
      return;
    }
    raft_become_follower (raft, m->term, RAFT_ID_NONE,
                          RAFT_REASON_HIGHER_TERM);
  }
  if (m->term < raft->term) {
    reason = RAFT_REASON_STALE_TERM;
  } else if (!vote_is_free (raft, m->from)) {
    reason = RAFT_REASON_VOTED;
  } else if (raft->vote != m->from && raft_lease_binds (raft)
             && !m->as.vote.transfer) {
    reason = RAFT_REASON_LEASED;
  } else if (!vote_is_up_to_date (raft, m)) {
    reason = RAFT_REASON_LOG_BEHIND;
  } else if (vote_is_refused_by_learner (raft)) {
    reason = RAFT_REASON_REMOVED;
  }
  if (reason == RAFT_REASON_GRANTED) {
    if (raft->role == RAFT_PRE_CANDIDATE) {
      raft_become_follower (raft, raft->term, RAFT_ID_NONE,
                            RAFT_REASON_GRANTED);
    }
    raft_set_vote (raft, m->from);
    raft_reset_election (raft);
  }
  vote_answer (raft, m, reason == RAFT_REASON_GRANTED, reason);
}

void raft_on_vote_request (struct raft *raft, const struct raft_message *m) {
  if (m->kind == RAFT_MESSAGE_PRE_VOTE) {
    on_pre_vote (raft, m);
  } else {
    on_vote (raft, m);
  }
}

/* ---- counting --------------------------------------------------------- */

/* Whether a result belongs to the campaign that is under way. */
static bool vote_is_mine (const struct raft *raft,
                          const struct raft_message *m) {
  if (m->kind == RAFT_MESSAGE_PRE_VOTE_RESULT) {
    raft_term aimed = m->as.vote_result.granted ? raft->term + 1 : raft->term;
    return raft->role == RAFT_PRE_CANDIDATE && m->term == aimed;
  }
  return raft->role == RAFT_CANDIDATE
         && (m->term == raft->term
             || (raft_bug (raft, STALE_VOTE) && m->term < raft->term));
}

void raft_on_vote_result (struct raft *raft, const struct raft_message *m) {
  if (!vote_is_mine (raft, m)
      || !raft_configuration_votes (&raft->membership.latest, m->from)
      || raft_id_set_has (&raft->granted, m->from)
      || raft_id_set_has (&raft->refused, m->from)) {
    return;
  }
  raft_id_set_add (m->as.vote_result.granted ? &raft->granted
                                             : &raft->refused,
                   m->from);
  vote_decide (raft);
}
