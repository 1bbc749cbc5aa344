/* SPDX-License-Identifier: MIT
**
** link.h - dialling and greeting between members. Only for sim/net.c and
** sim/member.c.
**
**   a dials b:   DIAL with a's greeting ──► b judges it
**                a judges b's greeting  ◄── GREETED   (else LINK_DOWN)
**                replica_on_link_up at a: a may send to b               */

#ifndef RAFT_SIM_LINK_H
#define RAFT_SIM_LINK_H

#include "sim/net.h"

RAFT_HIDDEN_BEGIN

/* The replica knows (or forgets) a member. */
void sim_link_want (struct sim_net *net, struct sim_member *from, raft_id to,
                    bool is_wanted);
/* A process has opened: it dials all it knows. */
void sim_link_dial_all (struct sim_net *net, struct sim_member *from);
/* A dial that nobody will answer: the process that it reached is gone. */
void sim_link_refuse (struct sim_net *net, const struct sim_event *event);
/* After a cut: gives the link up when nothing is heard for long. */
void sim_link_grow_silent (struct sim_net *net, raft_id from, raft_id to);

void sim_link_on_dial (struct sim_net *net, struct sim_member *member,
                       struct sim_event *event);
void sim_link_on_greeted (struct sim_net *net, struct sim_member *member,
                          struct sim_event *event);
void sim_link_on_down (struct sim_net *net, struct sim_member *member,
                       struct sim_event *event);
void sim_link_on_redial (struct sim_net *net, struct sim_member *member,
                         struct sim_event *event);

RAFT_HIDDEN_END

#endif
