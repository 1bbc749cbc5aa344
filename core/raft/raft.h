/* SPDX-License-Identifier: MIT
**
** raft.h - the rules: one event in, effects out.
**
** Holds:     effects, and the few functions of ring 0; events are in event.h.
** Knows not: clocks, chance, files, sockets, the bytes of an entry. All of
**            that enters with an event or leaves as an effect.
** Invariant: what is not durable is not said. Vote requests, votes and
**            acknowledgements leave only after the 'persisted' event of the
**            ticket that wrote what they claim.
** Source:    Paper (Ongaro & Ousterhout 2014) Fig. 2; Diss. (Ongaro 2014)
**            chapters 3, 4.2.3, 6.4, 9.6, 10.2.
**
**   while running:
**     status = raft_step (raft, &event);        status != 0: nothing changed
**     for each effect of raft_effects (raft, &count):
**       APPEND    encode the new entries                          at once
**       PERSIST   write; answer PERSISTED when durable            in order
**       LOAD      read old entries; answer LOADED
**       SEND      one message; may be lost
**       APPLY     give to the machine; answer APPLIED
**       READ      a linear read may be served (or not)
**       COMPACT   a snapshot covers old entries: they may go
**       SNAPSHOT  send the newest snapshot; answer SENT
**       INSTALL   a snapshot takes the log's place; answer INSTALLED
**       ROLE, COMMIT, CONFIGURATION, TRANSFER, TRACE   for whom it concerns
**     call again at raft_deadline (raft) with a TIME event          */

#ifndef RAFT_RAFT_H
#define RAFT_RAFT_H

#include "base/bug.h"
#include "base/error.h"
#include "base/limit.h"
#include "base/memory.h"
#include "base/trace.h"
#include "base/types.h"
#include "raft/event.h"
#include "raft/message.h"

/* ---- effects ---------------------------------------------------------- */

enum raft_role {
  RAFT_FOLLOWER = 1,
  RAFT_PRE_CANDIDATE,
  RAFT_CANDIDATE,
  RAFT_LEADER
};

enum raft_effect_kind {
  RAFT_EFFECT_APPEND = 1,
  RAFT_EFFECT_PERSIST,
  RAFT_EFFECT_LOAD,
  RAFT_EFFECT_SEND,
  RAFT_EFFECT_APPLY,
  RAFT_EFFECT_READ,
  RAFT_EFFECT_ROLE,
  RAFT_EFFECT_CONFIGURATION,
  RAFT_EFFECT_COMMIT,
  RAFT_EFFECT_TRACE,
  RAFT_EFFECT_TRANSFER,
  RAFT_EFFECT_COMPACT,
  RAFT_EFFECT_SNAPSHOT,
  RAFT_EFFECT_INSTALL
};

struct raft_effect {
  enum raft_effect_kind kind;
  union {
    /* Entries [first, first + count) were made here, by the leader: a no-op,
    ** the commands of the propose event, or the configuration of the
    ** configure event. Entry i has time 'time + i' and
    ** random raft_mix (random + i). Encode and cache them now. */
    struct {
      raft_index first;
      uint32_t count;
      raft_term term;
      raft_time time;
      uint64_t random;
      uint8_t kind; /* NOOP, CONFIGURATION, or 0: as proposed */
    } append;
    /* Make durable, in this order with other PERSIST effects: term and vote;
    ** and, when first > 0, that the log ends before 'first', and after that
    ** the cached entries [first, first + count). */
    struct {
      uint64_t ticket; /* counts up by one */
      raft_term term;
      raft_id vote;
      raft_index first;
      uint32_t count;
    } persist;
    /* Read entries [first, first + count), as many as max_bytes allow and at
    ** least one; they are not in the cache. They are durable. */
    struct {
      uint64_t ticket;
      raft_index first;
      uint32_t count;
      uint64_t max_bytes;
    } load;
    /* 'message.as.append.entries' is NULL: the bytes of its entries are in
    ** the cache, or, when 'ticket' is not 0, in what that LOAD brought. */
    struct {
      struct raft_message message;
      uint64_t ticket;
    } send;
    /* Give entries [first, first + count) to the machine. 'ticket' as above.
    ** One at a time; answered by APPLIED. */
    struct {
      uint64_t ticket;
      raft_index first;
      uint32_t count;
    } apply;
    /* Read 'id' may be served from a state that includes 'index'; or, when
    ** status is RAFT_ENOT_LEADER, must be asked of another member. */
    struct {
      uint64_t id;
      raft_index index;
      int status;
      bool leased; /* nobody was asked: the leader has a lease */
    } read;
    struct {
      enum raft_role role;
      enum raft_role from;
      raft_term term;
      raft_id leader; /* RAFT_ID_NONE: unknown */
      enum raft_reason reason;
    } role; /* also when only the known leader or the term changed */
    struct {
      raft_index index; /* of its entry */
      const struct raft_configuration *value; /* until the next step */
    } configuration;
    struct { raft_index index; } commit;
    /* A transfer is over: 0, leadership was given up for 'member'; else
    ** RAFT_ETIMEOUT, the leader goes on. */
    struct {
      raft_id member;
      int status;
    } transfer;
    struct raft_trace trace;
    /* Entries at or below 'index' are not needed any more: the newest
    ** snapshot covers them. */
    struct { raft_index index; } compact;
    /* Send the newest snapshot, of 'index' at least, to a member; answer SENT
    ** when it has installed it, or has not. One at a time for each. */
    struct {
      raft_id to;
      raft_index index;
    } snapshot;
    /* In this order, each durable before the next: the snapshot that arrived
    ** is the newest one; the log is empty and goes on after 'index'; the
    ** machine is restored. Answer INSTALLED. Until then no entry is written.*/
    struct {
      raft_index index;
      raft_term term;
    } install;
  } as;
};

/* ---- the engine ------------------------------------------------------- */

struct raft_options {
  raft_id id;
  uint64_t group;
  raft_time heartbeat_us;        /* default 50 ms */
  raft_time election_us;         /* shortest election timeout: 250 ms */
  raft_time election_spread_us;  /* drawn on top: below it, 250 ms */
  raft_time check_quorum_us;     /* a leader unheard for it steps down: 500 */
  struct raft_limits limits;
  unsigned trace_levels;         /* a set of enum raft_trace_level */
  enum raft_bug bug;
};

/* A stretch of the log with one term: from 'first' to the next run. */
struct raft_term_run {
  raft_index first;
  raft_term term;
};

/* What a member finds on its disk. */
struct raft_recovered {
  raft_term term;
  raft_id vote;
  const struct raft_term_run *runs; /* ascending; empty: empty log */
  /* The log begins after this entry, which the machine holds already, like
  ** all before it; 0: it begins at 1. */
  raft_index base_index;
  raft_term base_term;
  uint32_t run_count;
  raft_index last_index;
  raft_time last_time;  /* of the last entry; any later time is fine */
  struct raft_configuration configuration; /* the latest in the log */
  raft_index configuration_index;
  /* The one before it, for when the latest is cut; index 0: none. */
  struct raft_configuration previous;
  raft_index previous_index;
};

struct raft;

RAFT_HIDDEN_BEGIN

void raft_options_default (struct raft_options *options);

/* A follower, as its disk says. It borrows 'memory' until raft_free.
** Errors: RAFT_ENOMEM; RAFT_EINVALID: id 0, an election timeout that is not
** longer than the heartbeat, an empty configuration. */
int raft_new (struct raft **raft, struct raft_memory *memory,
              const struct raft_options *options,
              const struct raft_recovered *recovered, raft_time now,
              uint64_t random);
void raft_free (struct raft *raft);

/* Handles one event. On an error the engine is as before the call, and there
** are no effects.
** Errors: RAFT_ENOMEM; RAFT_ENOT_LEADER (propose, read, configure, transfer);
** RAFT_EOVERLOADED (propose: unapplied_bytes; read: reads); RAFT_ETOO_LARGE
** (propose); RAFT_EDISK_FULL (propose, configure: here; propose: also at a
** majority); RAFT_ECORRUPT (loaded: damaged, or not what the log says: the
** member must stop); RAFT_EBUSY (propose: leadership is being handed over;
** configure: the change before is not committed, nor is anything of this
** term, or a transfer is under way; transfer: another one; install: one is
** under way); RAFT_ENOT_LEADER (install: of an older term); RAFT_ECONFLICT
** (configure: not the expected one); RAFT_EINVALID (configure: no such step,
** see change.c; transfer: not another voter). */
int raft_step (struct raft *raft, const struct raft_event *event);

/* What the last step wants done, in order. Valid until the next step. */
const struct raft_effect *raft_effects (const struct raft *raft,
                                        size_t *count);

/* When a TIME event is due. */
raft_time raft_deadline (const struct raft *raft);

/* ---- looking in ------------------------------------------------------- */

struct raft_member_status {
  raft_id id;
  raft_index match;
  raft_index next;
  raft_time heard;     /* its last answer; 0: never in this leadership */
  uint64_t inflight_bytes;
  uint32_t inflight_messages;
  bool probing;        /* one message at a time until it answers */
  bool snapshotting;   /* a snapshot is under way to it */
  bool stalled;
  bool disk_full;      /* no entry can be written there */
  bool silent;         /* no answer for check_quorum_us */
};

struct raft_status {
  raft_time now;       /* of the last event: all of this is as of then */
  enum raft_role role;
  raft_id leader;
  raft_term term;
  raft_id vote;
  raft_index base;     /* the log begins after it */
  raft_index snapshot; /* the newest one covers up to here; 0: none */
  raft_index first_cached; /* entries from here on are in the cache */
  raft_index last;
  raft_term last_term;
  raft_index stable;   /* durable here */
  raft_index commit;
  raft_index applied;
  raft_term durable_term;
  raft_id durable_vote;
  bool stalled;        /* told by STALLED */
  bool has_lease;      /* a leader that need ask nobody now */
  const struct raft_configuration *configuration;
  raft_index configuration_index;
  raft_id transferee;    /* a leader hands over to it; RAFT_ID_NONE */
  uint32_t member_count; /* a leader's view of the others; else 0 */
  struct raft_member_status members[RAFT_MEMBERS_MAX * 3]; /* so many count */
};

void raft_get_status (const struct raft *raft, struct raft_status *status);

/* The term of an index. Errors: RAFT_ENOT_FOUND: not in the log. */
int raft_term_of (const struct raft *raft, raft_index index, raft_term *term);

/* An equal engine in other memory (effects are not copied).
** Errors: RAFT_ENOMEM. */
int raft_copy (const struct raft *raft, struct raft_memory *memory,
               struct raft **copy);

/* A hash over everything that can influence a later step. */
uint64_t raft_hash (const struct raft *raft);

/* The name of the first invariant that does not hold ("next_above_match"),
** or NULL. The table is in invariant.c. */
const char *raft_broken_invariant (const struct raft *raft);

RAFT_HIDDEN_END

#endif
