/* SPDX-License-Identifier: MIT
**
** order.h - what an operator asks a process for, as through its admin.sock.
**
** Knows not: what comes of it: the operator hears nothing but what is
**            counted. Traces and statuses tell.
** Rule:      a process that is down, opening or paused is not asked. */

#ifndef RAFT_SIM_ORDER_H
#define RAFT_SIM_ORDER_H

#include "sim/member.h"

RAFT_HIDDEN_BEGIN

/* These members from now on, as sets by bit. */
void sim_order_members (struct sim_member *member, uint32_t voters,
                        uint32_t learners);
/* Another leader; RAFT_ID_NONE: whom the process likes. */
void sim_order_transfer (struct sim_member *member, raft_id to);
/* A snapshot of its machine, now. */
void sim_order_snapshot (struct sim_member *member);

RAFT_HIDDEN_END

#endif
