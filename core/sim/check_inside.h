/* SPDX-License-Identifier: MIT
**
** check_inside.h - the parts of the checks, and what they share.
**
** Holds: one function for each noun, called after an event of a member in the
**        order of check.c. For core/sim only. */

#ifndef RAFT_SIM_CHECK_INSIDE_H
#define RAFT_SIM_CHECK_INSIDE_H

#include "sim/check.h"

RAFT_HIDDEN_BEGIN

/* Grows a zeroed array to hold 'needed' elements. */
void *sim_check_grow (void *array, size_t *capacity, size_t needed,
                      size_t element_size);

/* How long the engines of this world wait: heartbeat_us and election_us. */
void sim_check_times (const struct sim_world *world,
                      struct raft_options *engine);

/* Of that term, whether or not there was a leader. */
struct check_leadership *sim_check_leadership (struct sim_checks *checks,
                                               raft_term term);

void sim_check_log (struct sim_world *world, struct sim_member *member,
                    const struct raft_status *status);
/* The log was compacted, or begun anew behind a snapshot. */
void sim_check_base (struct sim_world *world, struct sim_member *member,
                     const struct raft_status *status);
/* The machine was given the state at the base of the log. */
void sim_check_restored (struct sim_world *world, struct sim_member *member,
                         raft_index base);
void sim_check_members (struct sim_world *world, struct sim_member *member,
                        const struct raft_status *status);
void sim_check_match (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status);
void sim_check_commit (struct sim_world *world, struct sim_member *member,
                       const struct raft_status *status);
/* Before and after the log is looked at. */
void sim_check_election (struct sim_world *world, struct sim_member *member,
                         const struct raft_status *status);
void sim_check_leader (struct sim_world *world, struct sim_member *member,
                       const struct raft_status *status);
/* A member that has begun to lead. */
void sim_check_elected (struct sim_world *world, struct sim_member *member,
                        const struct raft_status *status);
void sim_check_reign (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status);
void sim_check_votes (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status);
void sim_check_claims (struct sim_world *world, struct sim_member *member,
                       const struct raft_status *status);
void sim_check_hash (struct sim_world *world, struct sim_member *member);
/* Reads a copy of the durable bytes back, as after a power loss. */
void sim_check_disk (struct sim_world *world, struct sim_member *member,
                     const struct raft_status *status);
void sim_check_vote (struct sim_world *world, raft_id member, raft_term term,
                     raft_id candidate);

RAFT_HIDDEN_END

#endif
