/* SPDX-License-Identifier: MIT
**
** membership.h - who the members are, and which configuration counts.
**
** Holds:     the latest configuration in the log and the latest committed
**            one, with their indexes; questions about sets of ids.
** Knows not: progress, messages.
** Invariant: committed_index <= latest_index; a member uses the latest in
**            its log, committed or not (Diss. 4.1), and falls back to the
**            committed one when that entry is cut: there is never more than
**            one uncommitted. */

#ifndef RAFT_RAFT_MEMBERSHIP_H
#define RAFT_RAFT_MEMBERSHIP_H

#include "raft/quorum.h"
#include "raft/raft.h"

struct raft_membership {
  struct raft_configuration latest;
  raft_index latest_index;
  struct raft_configuration committed;
  raft_index committed_index;
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
void raft_membership_commit (struct raft_membership *membership,
                             raft_index commit);

RAFT_HIDDEN_END

#endif
