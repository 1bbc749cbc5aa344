/* SPDX-License-Identifier: MIT
**
** membership.h - who the members are, and which configuration counts.
**
** Holds:     the latest configuration in the log and the one before it, with
**            their indexes; questions about sets of ids.
** Knows not: progress, messages.
** Rule:      a member uses the latest in its log, committed or not (Diss. 4.1).
**            When that entry is cut, it falls back on the one before.
** Invariant: the one before is committed, whether this member knows or not: a
**            leader starts a change only when the change before is committed,
**            so at most one in any log is not. */

#ifndef RAFT_RAFT_MEMBERSHIP_H
#define RAFT_RAFT_MEMBERSHIP_H

#include "raft/quorum.h"
#include "raft/raft.h"

struct raft_membership {
  struct raft_configuration latest;
  raft_index latest_index;
  struct raft_configuration previous;
  raft_index previous_index; /* 0: none */
};

RAFT_HIDDEN_BEGIN

bool raft_id_set_has (const struct raft_id_set *set, raft_id id);
/* Whether it is sorted, without repetition and without id 0. */
bool raft_id_set_is_valid (const struct raft_id_set *set);
/* Adds an id; a set that has it stays as it is. */
void raft_id_set_add (struct raft_id_set *set, raft_id id);

/* Whether 'id' votes, in either half. */
bool raft_configuration_votes (const struct raft_configuration *value,
                               raft_id id);
uint32_t raft_configuration_priority (const struct raft_configuration *value,
                                      raft_id id);
/* Whether it is a member of any kind. */
bool raft_configuration_has (const struct raft_configuration *value,
                             raft_id id);
/* Voters, outgoing voters and learners, each once, sorted. Returns the
** count; 'ids' has room for RAFT_MEMBERS_MAX * 3. */
uint32_t raft_configuration_members (const struct raft_configuration *value,
                                     raft_id *ids);
/* Not empty, sorted sets, no learner that votes, RAFT_MEMBERS_MAX in all. */
bool raft_configuration_is_valid (const struct raft_configuration *value);

void raft_membership_append (struct raft_membership *membership,
                             const struct raft_configuration *value,
                             raft_index index);
/* The log now ends before 'first'. */
void raft_membership_truncate (struct raft_membership *membership,
                               raft_index first);

/* As a snapshot says. */
void raft_membership_restore (struct raft_membership *membership,
                              const struct raft_configuration *value,
                              raft_index index);

/* How many ids are in one set and not in the other. */
uint32_t raft_id_set_difference (const struct raft_id_set *one,
                                 const struct raft_id_set *other);
bool raft_id_set_equals (const struct raft_id_set *one,
                         const struct raft_id_set *other);

RAFT_HIDDEN_END

#endif
