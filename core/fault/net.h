/* SPDX-License-Identifier: MIT
**
** net.h - a network that loses, delays, repeats and damages: a decorator of
** port/net.
**
** Holds:     cuts and slow ways by peer, shares for all messages, and the
**            messages that are late.
** Knows not: connections: whoever dials asks fault_net_reaches first.
** Invariant: what is not named here goes through as it is, at once.
** Rule:      faults are the sender's: a cut one way is made where its
**            messages begin, and told to the other end only so that it does
**            not greet. Peer 0 is all clients; what they ask is lost where
**            it arrives, since they are no members. */

#ifndef RAFT_FAULT_NET_H
#define RAFT_FAULT_NET_H

#include "port/clock.h"
#include "port/net.h"

#define FAULT_NET_CLIENTS ((raft_id)0)
#define FAULT_NET_PEERS_MAX 64 /* more are never cut */
#define FAULT_NET_LATE_MAX 8192 /* messages under way; more are lost */

/*  X(name, unit): of all messages, by the names that the simulator has. */
#define FAULT_NET_SETTINGS(X)    \
  X(loss, "permille")            \
  X(duplicate, "permille")       \
  X(reorder, "permille")         \
  X(reorder_us, "us")            \
  X(corrupt, "permille")         \
  X(delay_min_us, "us")          \
  X(delay_max_us, "us")          \
  X(tail, "permille")            \
  X(tail_us, "us")

struct fault_net;

RAFT_HIDDEN_BEGIN

/* Both are borrowed until fault_net_free. 'is_exempt' says of a connection
** that no fault meets it. NULL: out of memory (plain). */
struct fault_net *fault_net_new (struct port_net *below,
                                 struct port_clock *clock,
                                 bool (*is_exempt) (struct port_net *below,
                                                    uint64_t connection));
/* release: whether late messages can still be given back. */
void fault_net_free (struct fault_net *fault, bool release);

/* The door that decorates. Valid as long as the decorator. */
struct port_net *fault_net_port (struct fault_net *fault);

/* Nothing goes to 'peer' any more, or comes from it. */
void fault_net_cut (struct fault_net *fault, raft_id peer, bool is_cut);
void fault_net_deafen (struct fault_net *fault, raft_id peer, bool is_deaf);
/* Whether both ways are open, as a greeting needs it. */
bool fault_net_reaches (const struct fault_net *fault, raft_id peer);
/* Whether one request of a client arrives. */
bool fault_net_hears_client (struct fault_net *fault);
/* Each message to 'peer' takes so much longer; 0: not. */
void fault_net_slow (struct fault_net *fault, raft_id peer, raft_time by);
/* Errors: RAFT_ENOT_FOUND. */
int fault_net_set (struct fault_net *fault, const char *name,
                   uint64_t value);

/* When fault_net_on_time must be called next; RAFT_TIME_MAX: not. */
raft_time fault_net_deadline (const struct fault_net *fault);
void fault_net_on_time (struct fault_net *fault);

RAFT_HIDDEN_END

#endif
