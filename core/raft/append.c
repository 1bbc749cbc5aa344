/* SPDX-License-Identifier: MIT
**
** append.c - AppendEntries at a follower.
**
** Rule (Paper 5.3): entries are taken only after an entry that is the same in
** both logs; then everything before it is the same too (Log Matching).
** Rule: what was verified against this leader's log is remembered as
** 'verified'. Acknowledged is what is verified and durable, never the own
** last index (CCF#6016): the tail beyond it may be another leader's.
** Rule: one acknowledgement per sync. A message is answered at once only when
** nothing of it waits for the disk, or when it asks (a new round).
**
**   index         1   2   3   4   5   6   7
**   leader        1   1   4   4   5   5   6
**   this          1   1   4   4   2   2          previous = 4, entries 5 … 7
**                             |   ^ first conflict: cut from 5, append 5 … 7
**                     commit <= 4: what is committed is never cut */

#include "raft/state.h"

/* ---- answers ---------------------------------------------------------- */

static raft_index append_acknowledgeable (const struct raft *raft) {
  if (raft_bug (raft, ACK_OWN_LAST)) {
    return raft->log.stable;
  }
  if (raft_bug (raft, ACK_BEFORE_SYNC)
      || raft->verified < raft->log.stable) {
    return raft->verified;
  }
  return raft->log.stable;
}

static void append_answer (struct raft *raft, uint64_t round) {
  struct raft_message m
    = { .kind = RAFT_MESSAGE_APPEND_RESULT, .to = raft->leader };
  m.as.append_result.match_index = append_acknowledgeable (raft);
  m.as.append_result.round = round;
  m.as.append_result.stalled = raft->stalled;
  m.as.append_result.disk_full = raft->disk_full;
  raft->answered = m.as.append_result.match_index;
  raft_outbox_send (raft, &m, RAFT_NEED_TERM);
}

/* The hint spares the leader a probe per index: no entry above the last one
** here whose term is at most the leader's can match (Paper 5.3, end). */
static void append_reject (struct raft *raft,
                           const struct raft_message_append *append) {
  struct raft_message m
    = { .kind = RAFT_MESSAGE_APPEND_RESULT, .to = raft->leader };
  raft_index hint = raft_log_find (&raft->log, append->previous_index,
                                   append->previous_term);
  if (raft_bug (raft, CONFLICT_OUTSIDE_LOG)) {
    hint = append->previous_index;
  }
  m.as.append_result.rejected = true;
  m.as.append_result.rejected_index = append->previous_index;
  m.as.append_result.hint_index = hint;
  m.as.append_result.hint_term
    = raft_log_term_at (&raft->log, hint < raft->log.last ? hint
                                                          : raft->log.last);
  m.as.append_result.round = append->round;
  m.as.append_result.stalled = raft->stalled;
  m.as.append_result.disk_full = raft->disk_full;
  raft_outbox_send (raft, &m, RAFT_NEED_TERM);
}

/* A leader of an older term learns of the newer one. */

void raft_maybe_acknowledge (struct raft *raft) {
  if (raft->role == RAFT_FOLLOWER && raft->leader != RAFT_ID_NONE
      && append_acknowledgeable (raft) > raft->answered) {
    append_answer (raft, raft->round_seen);
  }
}

/* ---- taking entries --------------------------------------------------- */

static void append_cut (struct raft *raft, raft_index first) {
  raft_assert (first > raft->commit);
  raft_note (raft, TRUNCATE, first, raft->log.last);
  for (raft_index i = raft->log.last; i >= first; i--) {
    if (!raft_log_is_cached (&raft->log, i)) {
      break;
    }
    raft->unapplied_bytes -= raft_log_entry (&raft->log, i)->size;
  }
  raft_log_truncate (&raft->log, first);
  raft_membership_truncate (&raft->membership, first);
  if (raft->verified >= first) {
    raft->verified = first - 1;
  }
  raft->written_from = first;
}

/* What a refusal does to the log: nothing, but for a bug. */
static void append_refused (struct raft *raft,
                            const struct raft_message_append *append) {
  raft_index before = append->previous_index;
  if (raft_bug (raft, REJECT_TRUNCATES) && raft->role == RAFT_FOLLOWER
      && before <= raft->log.last && before > 1) {
    raft->commit = before - 1 < raft->commit ? before - 1 : raft->commit;
    append_cut (raft, before);
  }
  if (raft_bug (raft, PURGED_IS_CONFLICT) && raft->role == RAFT_FOLLOWER
      && before < raft->log.base && raft->log.last > raft->log.base) {
    raft->commit = raft->log.base;
    append_cut (raft, raft->log.base + 1);
  }
}

void raft_refuse_old_leader (struct raft *raft, const struct raft_message *m) {
  struct raft_message answer
    = { .kind = RAFT_MESSAGE_APPEND_RESULT, .to = m->from };
  answer.as.append_result.rejected = true;
  append_refused (raft, &m->as.append);
  raft_outbox_send (raft, &answer, RAFT_NEED_TERM);
}

/* How many of the entries are in the log already. */
static uint32_t append_known (const struct raft *raft,
                              const struct raft_message_append *append) {
  uint32_t known = 0;
  while (known < append->entry_count) {
    raft_term term;
    raft_index index = append->previous_index + 1 + known;
    if (index > raft->log.base
        && (raft_log_term (&raft->log, index, &term) != RAFT_OK
            || term != append->entries[known].term)) {
      break;
    }
    known++;
  }
  return known;
}

/* How many of the entries this log may have. On a full disk these are, beyond
** the known ones, no-ops: they are as small as a vote, and without one a new
** leader cannot read. */
static uint32_t append_takeable (const struct raft *raft,
                                 const struct raft_message_append *append,
                                 uint32_t known) {
  if (!raft->disk_full) {
    return append->entry_count;
  }
  while (known < append->entry_count
         && append->entries[known].kind == RAFT_ENTRY_NOOP) {
    known++;
  }
  return known;
}

static void append_entries (struct raft *raft,
                            const struct raft_message_append *append,
                            uint32_t known, uint32_t count) {
  uint32_t configuration = 0;
  for (uint32_t i = 0; i < count; i++) {
    const struct raft_entry *entry = &append->entries[i];
    raft_index index = append->previous_index + 1 + i;
    bool is_configuration = entry->kind == RAFT_ENTRY_CONFIGURATION;
    if (i >= known) {
      raft_log_append (&raft->log, entry);
      raft->unapplied_bytes += entry->size;
      if (entry->time > raft->time_floor) {
        raft->time_floor = entry->time;
      }
      if (is_configuration) {
        raft_assert (configuration < append->configuration_count);
        raft_membership_append (&raft->membership,
                                &append->configurations[configuration],
                                index);
      }
    }
    configuration += is_configuration;
  }
}

/* The log agrees up to previous_index. Returns the last index of the message
** that this log has now; false through *legal when it would cut what is
** committed, which no leader does. */
static raft_index append_take (struct raft *raft,
                               const struct raft_message_append *append,
                               bool *legal) {
  uint32_t known = append_known (raft, append);
  uint32_t count;
  raft_index first = append->previous_index + 1 + known;
  *legal = true;
  if (raft_bug (raft, FIRST_APPEND_UNCHECKED) && append->previous_index == 0
      && raft->log.base > 0 && append->entry_count > 0) {
    known = 0;
    first = raft->log.last + 1;
  }
  if (raft_bug (raft, TRUNCATE_ALWAYS) && known == append->entry_count
      && first <= raft->log.last && first > raft->commit) {
    append_cut (raft, first);
  }
  count = append_takeable (raft, append, known);
  if (known == count) {
    return first - 1;
  }
  if (first <= raft->commit) {
    *legal = false;
    return first - 1;
  }
  if (first <= raft->log.last) {
    append_cut (raft, first);
  }
  if (raft->written_from == 0) {
    raft->written_from = first;
  }
  append_entries (raft, append, known, count);
  raft_note (raft, APPEND, first, count - known);
  return append->previous_index + count;
}

/* ---- the message ------------------------------------------------------ */

static bool append_matches (const struct raft *raft,
                            const struct raft_message_append *append) {
  raft_term term;
  if (append->previous_index < raft->log.base
      && !raft_bug (raft, COMPACTED_TERM_ZERO)
      && !raft_bug (raft, PURGED_IS_CONFLICT)) {
    return true; /* what is compacted is committed: every leader has it */
  }
  return raft_log_term (&raft->log, append->previous_index, &term) == RAFT_OK
         && term == append->previous_term;
}

void raft_follow (struct raft *raft, raft_id leader) {
  if (raft->role != RAFT_FOLLOWER || raft->leader != leader) {
    raft_become_follower (raft, raft->term, leader,
                          RAFT_REASON_LEADER_HEARD);
  }
  raft->leader_heard = raft->now;
  raft->leader_is_gone = false;
  raft_reset_election (raft);
}

static void append_commit (struct raft *raft, raft_index commit) {
  raft_index known = raft_bug (raft, COMMIT_PAST_MATCH) ? raft->log.last
                                                        : raft->verified;
  if (raft_bug (raft, APPLY_BEFORE_TRUNCATE)) {
    known = raft->log.last;
  }
  raft_commit_to (raft, commit < known ? commit : known);
}

void raft_on_append (struct raft *raft, const struct raft_message *m) {
  const struct raft_message_append *append = &m->as.append;
  raft_index last;
  bool asks;
  bool legal;
  if (raft->role == RAFT_LEADER) {
    return; /* a second leader of this term: not from a Raft member */
  }
  raft_follow (raft, m->from);
  raft_lease_promise (raft, append->lease_us);
  raft_maybe_ask_again (raft);
  if (raft->is_installing) {
    return; /* no entry is written until it ends */
  }
  asks = append->round > raft->round_seen;
  if (asks) {
    raft->round_seen = append->round;
  }
  if (!append_matches (raft, append)) {
    append_refused (raft, append);
    append_reject (raft, append);
    return;
  }
  if (raft_bug (raft, APPLY_BEFORE_TRUNCATE)) {
    append_commit (raft, append->commit);
  }
  last = append_take (raft, append, &legal);
  if (!legal) {
    return;
  }
  if (last > raft->verified) {
    raft->verified = last;
  }
  append_commit (raft, append->commit);
  if (asks || raft->log.stable >= last
      || raft_bug (raft, ACK_BEFORE_SYNC)) {
    append_answer (raft, append->round);
  }
}
