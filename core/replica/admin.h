/* SPDX-License-Identifier: MIT
**
** admin.h - what operators ask of a member, while it is under way.
**
** Holds:     the configuration that is wanted and how far its new voters
**            are; the transfer that is waited for; whom the world dials.
** Invariant: one change and one transfer at a time. What is wanted is not in
**            the log: after a change of leader it is asked for again, and
**            what the log holds of it already is not done twice. */

#ifndef RAFT_REPLICA_ADMIN_H
#define RAFT_REPLICA_ADMIN_H

#include "replica/calls.h"
#include "replica/peer.h"
#include "wal/wal.h"
#include "wire/configuration.h"
#include "wire/entry.h"
#include "wire/greeting.h"

struct replica;

#define ADMIN_LEASE_MAX (60 * RAFT_SECOND)
#define ADMIN_ROUNDS_MAX 10 /* of one new voter (Diss. 4.2.1) */

/* A learner that is to vote: each round replicates what there was at its
** start. */
struct admin_round {
  raft_id member;
  raft_index target;   /* the leader's last entry when the round began */
  raft_time started;
  raft_index match;    /* when last looked */
  raft_time moved;     /* when that last grew */
  unsigned count;      /* rounds begun */
  bool is_ready;       /* the last one was shorter than an election timeout */
};

struct replica_admin {
  bool is_changing;
  struct replica_caller caller;      /* connection 0: nobody any more */
  raft_term term;                    /* of the leadership that drives it */
  struct wire_configuration wanted;
  struct admin_round rounds[RAFT_MEMBERS_MAX];
  uint32_t round_count;
  struct raft_buffer *payload;       /* of the configuration being stepped */
  struct raft_block *entry;          /* room for it */
  bool is_transferring;
  bool is_handed_over;               /* the next leader is awaited */
  struct replica_caller transfer_caller;
};

/* Whom the world was told to dial. */
struct replica_known {
  raft_id ids[REPLICA_PEERS_MAX];
  uint32_t count;
  char own[WIRE_ADDRESS_MAX]; /* what they were told to answer to */
  raft_index settled;    /* the configuration that was acted upon */
  raft_time removed_at;  /* this member is not in it; 0: it is */
};

RAFT_HIDDEN_BEGIN

/* ---- configuration.c: who is one, and who was ------------------------- */
/* Takes over an encoded configuration entry. */
int replica_configure (struct replica *replica, struct raft_slice entry,
                       raft_index index, struct raft_detail *detail);
void replica_configure_value (struct replica *replica,
                              const struct wire_configuration *value,
                              raft_index index);
bool replica_is_member (const struct replica *replica, raft_id id);
/* The latest configuration was cut. */
void replica_configuration_cut (struct replica *replica);
/* Whether the log says so of who was one: its id is never used again. */
bool replica_is_removed (const struct replica *replica, raft_id id);
/* Whether the world was told to dial it. */
bool replica_is_known (const struct replica *replica, raft_id id);
/* The world dials whom the latest configuration names. */
void replica_know_members (struct replica *replica);
/* ... and one whom a configuration may name that is not here yet. */
void replica_know_guest (struct replica *replica,
                         const struct wire_greeting *greeting);
/* What a committed configuration means to those it does not name. */
bool replica_settle_members (struct replica *replica);

/* ---- admin.c: verbs of operators -------------------------------------- */
void replica_admin_members (struct replica *replica,
                            const struct replica_caller *caller,
                            struct wire_view params);
void replica_admin_set (struct replica *replica,
                        const struct replica_caller *caller,
                        struct wire_view params);
/* Answers who waits: the member ends. */
void replica_admin_fail (struct replica *replica, int status);
/* ... and how they are answered. */
void replica_admin_answer_index (struct replica *replica,
                                 const struct replica_caller *caller,
                                 raft_index index);
void replica_admin_refuse (struct replica *replica,
                           const struct replica_caller *caller, int status,
                           const struct raft_detail *why);
/* { key = number } */
void replica_admin_answer (struct replica *replica,
                           const struct replica_caller *caller,
                           const char *key, uint64_t number);
bool replica_admin_is_empty (struct wire_view params);

/* ---- handover.c: leadership for another one ---------------------------- */
void replica_admin_transfer (struct replica *replica,
                             const struct replica_caller *caller,
                             struct wire_view params);
void replica_admin_step_down (struct replica *replica,
                              const struct replica_caller *caller,
                              struct wire_view params);
void replica_admin_transferred (struct replica *replica, raft_id member,
                                int status);
bool replica_settle_transfer (struct replica *replica);

/* ---- init.c: entry 1 ---------------------------------------------------- */
/* It is being applied: a copy stays. Errors: RAFT_ENOMEM. */
int replica_first_keep (struct replica *replica, struct raft_slice entry);
/* To one who joins. */
void replica_first_answer (struct replica *replica,
                           const struct replica_caller *caller);

/* ---- change.c: from one configuration to the wanted one ---------------- */
bool replica_settle_change (struct replica *replica);
bool replica_is_joint (const struct wire_configuration *value);
/* What a joint one becomes. */
void replica_new_half (const struct wire_configuration *now,
                       struct wire_configuration *next);
bool replica_same_members (const struct wire_configuration *one,
                           const struct wire_configuration *other);
raft_time replica_election_us (const struct replica *replica);
void replica_append_configuration (struct replica *replica,
                                   struct wire_entry *entry);

RAFT_HIDDEN_END

#endif
