/* SPDX-License-Identifier: MIT
**
** state.h - the engine itself: everything that ring 0 remembers.
**
** Holds:     struct raft, and what its files call of one another.
** Rule:      one place per transition: only role.c sets the role, term and
**            vote, only progress.c a follower's mode, only log.c the indexes,
**            only commit.c the commit and applied index.
** Invariant: the table in invariant.c. */

#ifndef RAFT_RAFT_STATE_H
#define RAFT_RAFT_STATE_H

#include "base/panic.h"
#include "raft/log.h"
#include "raft/membership.h"
#include "raft/outbox.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/raft.h"

#define RAFT_ROUNDS 16 /* whose beginnings are known */

/* A read that waits: at a leader for its round, at a follower for the
** leader's answer. */
struct raft_read {
  uint64_t id;
  raft_id origin;    /* the follower that asks, id being its context;
                        RAFT_ID_NONE: this member's own */
  uint64_t round;    /* to be confirmed; 0: not in a round yet. At a follower
                        1: the leader was asked */
  raft_index index;  /* the commit index when its round began */
  raft_time since;   /* when that was */
};

struct raft {
  struct raft_memory *memory;
  struct raft_options options;
  enum raft_bug bug;

  /* Of the event being handled. */
  raft_time now;
  raft_time wall;
  uint64_t random;

  /* Paper Fig. 2, persistent state: here as last set, durable as last told. */
  raft_term term;
  raft_id vote;
  raft_term durable_term;
  raft_id durable_vote;
  uint64_t hard_ticket;     /* of the write that holds term and vote */
  uint64_t hard_done;       /* term and vote of it are durable, and of all
                               before; entries, perhaps, not yet */
  struct raft_log log;
  struct raft_membership membership;
  raft_index written_from;  /* this step changed the log from here on; 0 */
  bool hard_changed;        /* this step changed term or vote */

  /* Volatile. */
  enum raft_role role;
  raft_id leader;
  raft_time leader_heard;      /* its last AppendEntries */
  raft_time bound_until;       /* by a lease: no vote before */
  bool leader_is_gone;         /* its process, by the own link to it */
  raft_time election_deadline; /* not a leader */
  raft_index commit;
  raft_index applied;
  raft_index applying;         /* given to the machine; applied: none out */
  uint64_t apply_ticket;       /* of a LOAD for the machine; 0: none */
  uint64_t unapplied_bytes;    /* appended since, not yet applied */
  uint64_t load_ticket;        /* of the newest LOAD */
  raft_time time_floor;        /* no entry is later */
  raft_index snapshot_index;   /* of the newest durable one; 0: none */
  bool is_installing;
  struct raft_snapshot installing; /* until INSTALLED */
  bool disk_full;
  bool stalled;

  /* A follower's: what is known of the leader's log. */
  raft_index verified;  /* equal to the leader's log up to here */
  raft_index answered;  /* the last match sent to it */
  uint64_t round_seen;  /* the newest round of this leader */

  uint64_t read_context; /* the leader was asked for a read index; 0: not */
  raft_time read_asked;  /* when that was first */
  raft_time read_sent;   /* and last */

  /* What is committed up to 'fresh' is at or below 'fresh_index'; 0: not
  ** known. True of the cluster, whoever leads. */
  raft_time fresh;
  raft_index fresh_index;

  /* A candidate's and pre-candidate's. */
  struct raft_id_set granted;
  struct raft_id_set refused;
  uint64_t campaign_ticket; /* of the write of term and vote; 0: no campaign */

  /* A leader's. */
  struct raft_progress *progress;
  uint32_t progress_count;
  size_t progress_capacity;
  raft_index term_start;      /* its no-op */
  uint64_t round;             /* of heartbeats, in this term */
  raft_time round_began[RAFT_ROUNDS]; /* by round, modulo */
  bool lease_is_over;         /* for this term: another was told to campaign */
  raft_time heartbeat_deadline;
  raft_time quorum_deadline;
  raft_id transferee;         /* leadership goes to it; RAFT_ID_NONE */
  raft_time transfer_deadline;
  raft_time unfit_since;      /* its disk or machine; 0: they are well */
  bool is_staying;            /* it was said that nobody can take over */
  struct raft_read *reads;    /* oldest first */
  size_t read_count;
  size_t read_capacity;

  struct raft_outbox outbox;
};

RAFT_HIDDEN_BEGIN

/* now + length, never past RAFT_TIME_MAX. */
raft_time raft_time_after (const struct raft *raft, raft_time length);
/* A further number from the event's random bits. */
uint64_t raft_draw (struct raft *raft);

/* ---- role.c ----------------------------------------------------------- */
/* To follower, of 'term' >= the current one. */
void raft_become_follower (struct raft *raft, raft_term term, raft_id leader,
                           enum raft_reason reason);
void raft_become_pre_candidate (struct raft *raft);
void raft_become_candidate (struct raft *raft, enum raft_reason reason);
void raft_become_leader (struct raft *raft);
/* A leader's progress: one per member of the configuration, and of the one
** before it until the change is committed. */
void raft_match_progress (struct raft *raft);
void raft_take_term (struct raft *raft, raft_term term);
void raft_set_vote (struct raft *raft, raft_id candidate);
void raft_reset_election (struct raft *raft);

/* ---- vote.c ----------------------------------------------------------- */
void raft_maybe_campaign (struct raft *raft);
void raft_on_link_down (struct raft *raft, const struct raft_event *event);
void raft_on_timeout_now (struct raft *raft, const struct raft_message *m);
void raft_on_campaign_durable (struct raft *raft);
void raft_on_vote_request (struct raft *raft, const struct raft_message *m);
void raft_on_vote_result (struct raft *raft, const struct raft_message *m);

/* ---- append.c: a follower --------------------------------------------- */
void raft_on_append (struct raft *raft, const struct raft_message *m);
void raft_refuse_old_leader (struct raft *raft, const struct raft_message *m);
/* A leader of this term was heard. */
void raft_follow (struct raft *raft, raft_id leader);
/* Acknowledges what became durable. */
void raft_maybe_acknowledge (struct raft *raft);

/* ---- replicate.c: a leader -------------------------------------------- */
void raft_append_noop (struct raft *raft);
int raft_on_propose (struct raft *raft, const struct raft_event *event);
/* One entry of the leader itself. */
void raft_append_own (struct raft *raft, const struct raft_entry *entry);
void raft_replicate_to (struct raft *raft, struct raft_progress *progress);
void raft_on_append_result (struct raft *raft, const struct raft_message *m);
void raft_replicate (struct raft *raft); /* to whom it may be sent */
void raft_broadcast_heartbeat (struct raft *raft);
void raft_check_quorum (struct raft *raft);
void raft_on_link_up (struct raft *raft, raft_id member);
int raft_on_loaded_for (struct raft *raft, const struct raft_event *event);
struct raft_progress *raft_find_progress (struct raft *raft, raft_id id);

/* ---- change.c --------------------------------------------------------- */
int raft_on_configure (struct raft *raft, const struct raft_event *event);
/* A leader: the commit index has moved from 'before'. */
void raft_on_change_committed (struct raft *raft, raft_index before);
bool raft_is_changing (const struct raft *raft);

/* ---- snapshot.c ------------------------------------------------------- */
void raft_on_snapshot (struct raft *raft, raft_index index);
/* A leader: what 'progress' needs next is compacted. */
void raft_send_snapshot (struct raft *raft, struct raft_progress *progress);
void raft_on_sent (struct raft *raft, const struct raft_event *event);
int raft_on_install (struct raft *raft, const struct raft_event *event);
void raft_on_installed (struct raft *raft, int status);

/* ---- transfer.c ------------------------------------------------------- */
int raft_on_transfer (struct raft *raft, const struct raft_event *event);
void raft_maybe_transfer (struct raft *raft);
void raft_end_transfer (struct raft *raft, int status);
/* The voter that could lead soonest; RAFT_ID_NONE. */
raft_id raft_best_successor (const struct raft *raft);
void raft_send_timeout_now (struct raft *raft, raft_id member);

/* It has answered just now, follows closely and is well. */
bool raft_is_fit (const struct raft *raft,
                  const struct raft_progress *progress);

/* ---- priority.c ------------------------------------------------------- */
/* How much longer than others this member waits before it campaigns. */
raft_time raft_priority_pause (const struct raft *raft);
/* Whether 'one' should lead rather than 'other'. */
bool raft_is_preferred (const struct raft *raft,
                        const struct raft_progress *one,
                        const struct raft_progress *other);
/* A leader: who should lead in its place, and can; RAFT_ID_NONE. */
raft_id raft_preferred_successor (struct raft *raft);

/* ---- commit.c --------------------------------------------------------- */
/* What a majority has reached, in both halves; 'field' picks it. */
uint64_t raft_majority_of (const struct raft *raft,
                           uint64_t (*field) (const struct raft_progress *),
                           uint64_t own);
void raft_maybe_commit (struct raft *raft);              /* a leader */
void raft_commit_to (struct raft *raft, raft_index index);
void raft_maybe_apply (struct raft *raft);
void raft_on_applied (struct raft *raft, raft_index index);
int raft_on_loaded (struct raft *raft, const struct raft_event *event);

/* ---- read.c ----------------------------------------------------------- */
int raft_on_read (struct raft *raft, const struct raft_event *event);
void raft_maybe_confirm_reads (struct raft *raft);
void raft_maybe_start_round (struct raft *raft);
void raft_fail_reads (struct raft *raft);
void raft_on_read_request (struct raft *raft, const struct raft_message *m);
void raft_on_read_result (struct raft *raft, const struct raft_message *m);
/* A follower hears the leader: what was asked may be lost. */
void raft_maybe_ask_again (struct raft *raft);

/* ---- lease.c ---------------------------------------------------------- */
/* A voter acknowledges a lease. */
void raft_lease_promise (struct raft *raft, raft_time lease_us);
/* A voter starts. */
void raft_lease_start (struct raft *raft);
/* Whether it may not vote. */
bool raft_lease_binds (const struct raft *raft);
void raft_lease_grant (struct raft *raft, struct raft_progress *progress);
void raft_lease_answered (struct raft *raft, struct raft_progress *progress,
                          uint64_t round);
/* Whether nobody else can have become leader. */
bool raft_lease_holds (const struct raft *raft);

RAFT_HIDDEN_END

#endif
