/* SPDX-License-Identifier: MIT
**
** net.h - the pretended network: links between members, connections of
** clients, and cuts.
**
** Holds:     one link per ordered pair of members, dialled by the sender and
**            greeted by both ends with the bytes of wire/greeting.h; client
**            connections; a matrix of one-way cuts.
** Invariant: a member gets messages only from a directory (incarnation) whose
**            greeting it has accepted in this life of its process.
** Rule:      what arrives are bytes: they are copied at the sender, scanned
**            at the receiver, and bits are flipped in between. */

#ifndef RAFT_SIM_NET_H
#define RAFT_SIM_NET_H

#include "port/net.h"
#include "sim/world.h"

#define SIM_CONNECTIONS_MAX 4096
#define SIM_OPERATOR ((uint64_t)1 << 40) /* the connection of operators */

enum sim_link_state { SIM_LINK_DOWN, SIM_LINK_DIALLING, SIM_LINK_UP };

/* From one member to another; the sender's view. */
struct sim_link {
  enum sim_link_state state;
  bool is_wanted;        /* the replica knows the member */
  bool has_ended;        /* with an end of file or a reset */
  uint64_t epoch;        /* of the current dial or connection */
  raft_time arrived;     /* of the latest message that keeps its order */
  uint32_t under_way;    /* messages */
  struct sim_event *redial;
};

struct sim_connection {
  uint64_t number;       /* 0: free */
  uint32_t client;
  unsigned endpoint;
  raft_id member;
  uint64_t life;         /* of the member's process */
  raft_time arrived;     /* latest reply that keeps its order */
  raft_time requested;   /* latest request that does */
};

struct sim_net {
  struct sim_world *world;
  struct sim_link links[SIM_MEMBERS_MAX + 1][SIM_MEMBERS_MAX + 1];
  /* One-way cuts, from row to column, counted: several faults may hold one.
  ** Row and column 0 are all clients. */
  uint8_t cuts[SIM_MEMBERS_MAX + 1][SIM_MEMBERS_MAX + 1];
  /* Microseconds that each message takes longer; row and column 0 likewise. */
  raft_time slow[SIM_MEMBERS_MAX + 1][SIM_MEMBERS_MAX + 1];
  struct sim_connection connections[SIM_CONNECTIONS_MAX];
  uint64_t next_connection;
  uint64_t messages; /* between members so far: their numbers in notes */
};

RAFT_HIDDEN_BEGIN

struct sim_net *sim_net_new (struct sim_world *world);
void sim_net_free (struct sim_net *net);

/* A member's door, to be filled into its 'net' port. */
void sim_net_door (struct port_net *door);

/* Cuts one direction, and takes one cut back. 0 is all clients. */
void sim_net_cut (struct sim_net *net, raft_id from, raft_id to);
void sim_net_mend (struct sim_net *net, raft_id from, raft_id to);
void sim_net_heal (struct sim_net *net); /* all, and no link is slow */
bool sim_net_is_cut (const struct sim_net *net, raft_id from, raft_id to);

/* Each message of that direction takes so much longer; 0: no more. */
void sim_net_slow (struct sim_net *net, raft_id from, raft_id to,
                   raft_time by);

/* Ends the connection of a link, as a reset does: both ends learn of it. Of
** clients (0): all their connections to that member. */
void sim_net_reset (struct sim_net *net, raft_id from, raft_id to);

/* A process is gone: its links and connections end, as seen by others. */
void sim_net_forget (struct sim_net *net, raft_id member);

/* Events that concern links and messages, at the member's end. */
void sim_net_handle (struct sim_net *net, struct sim_member *member,
                     struct sim_event *event);

/* An event that is dropped unhandled. */
void sim_net_drop (struct sim_net *net, const struct sim_event *event);

/* ---- clients (connection.c) -------------------------------------------- */

/* A client's side of it; 'client' from 1. */
void sim_connection_dial (struct sim_net *net, uint32_t client,
                          unsigned endpoint, raft_id member, uint64_t tag);
/* NULL: no such connection any more. */
struct sim_connection *sim_connection_find (struct sim_net *net,
                                            uint64_t number);
void sim_connection_send (struct sim_net *net, uint64_t number,
                          const uint8_t *data, size_t size);
void sim_connection_end (struct sim_net *net, uint64_t number);
/* A member's side. */
void sim_connection_reply (struct sim_net *net, uint64_t number,
                           const uint8_t *data, size_t size);
void sim_connection_hang_up (struct sim_net *net, uint64_t number);
void sim_connection_forget (struct sim_net *net, raft_id member);
void sim_connection_reset (struct sim_net *net, raft_id member);
/* A dial that nobody will answer. */
void sim_connection_refuse (struct sim_net *net,
                            const struct sim_event *event);
void sim_connection_handle (struct sim_net *net, struct sim_member *member,
                            struct sim_event *event);

/* When a message arrives, by the options: later than *arrived unless it may
** be overtaken. 'slow' is what its way takes longer. */
raft_time sim_net_arrival (struct sim_net *net, struct sim_matter matter,
                           raft_time slow, raft_time *arrived);
/* How much later than the message its copy comes; 0: there is none. */
raft_time sim_net_copy (struct sim_net *net, struct sim_matter matter);

RAFT_HIDDEN_END

#endif
