/* SPDX-License-Identifier: MIT
**
** outbox.h - what leaves the engine, and what must wait for the disk.
**
** Holds:     the effects of this step; messages that claim something not yet
**            durable.
** Invariant: a message leaves only when the ticket it waits for is done. Per
**            kind and receiver at most one waits: the newest says all.
** Source:    Paper Fig. 2 "updated on stable storage before responding";
**            Diss. 10.2.1. */

#ifndef RAFT_RAFT_OUTBOX_H
#define RAFT_RAFT_OUTBOX_H

#include "raft/raft.h"

#define RAFT_WITHHELD_MAX (RAFT_MEMBERS_MAX * 3 * 4) /* kinds that can wait */

struct raft_withheld {
  uint64_t ticket;
  bool is_vote; /* of which term and vote are enough */
  struct raft_message message;
};

struct raft_outbox {
  struct raft_effect *effects;
  size_t effect_count;
  size_t effect_capacity;
  struct raft_withheld *withheld; /* RAFT_WITHHELD_MAX */
  size_t withheld_count;
};

/* What must be durable before a message may leave. */
enum raft_need {
  RAFT_NEED_NOTHING,
  RAFT_NEED_TERM, /* the current term and vote */
  RAFT_NEED_ALL   /* and every entry of the log */
};

RAFT_HIDDEN_BEGIN

/* Room for the effects of any one step. Errors: RAFT_ENOMEM. */
int raft_outbox_reserve (struct raft *raft, size_t reads);
struct raft_effect *raft_outbox_add (struct raft *raft,
                                     enum raft_effect_kind kind);
/* Sends, or withholds, 'message' (from and term are filled in here unless
** the term is set). */
void raft_outbox_send (struct raft *raft, struct raft_message *message,
                       enum raft_need need);
/* A ticket is done: lets go what waited for it. */
void raft_outbox_release (struct raft *raft);
/* What waits and asks for votes is void: the campaign is over. */
void raft_outbox_drop_campaign (struct raft *raft);
/* Ends the step: one PERSIST for all it changed. */
void raft_outbox_persist (struct raft *raft);
/* One record, when its level is wanted. */
void raft_outbox_trace (struct raft *raft, enum raft_trace_kind kind,
                        const uint64_t *fields, size_t count);

RAFT_HIDDEN_END

#define raft_note(raft, kind, ...)                                     \
  do {                                                                 \
    const uint64_t note_fields[] = { __VA_ARGS__ };                    \
    raft_outbox_trace ((raft), RAFT_TRACE_##kind, note_fields,         \
                       sizeof note_fields / sizeof note_fields[0]);    \
  } while (0)

#endif
