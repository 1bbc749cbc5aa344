/* SPDX-License-Identifier: MIT
**
** net.h - the doors to the network: a member's and a client's.
**
** Holds:  whole messages of bounded size, with the promises of a datagram:
**         whole or not at all, perhaps twice, late, reordered. Below the
**         door the world keeps connections, greets (wire/greeting.h) and
**         tells what became of a link.
** Rule:   the world delivers by calling replica_on_… and client_on_…,
**         never from inside these functions. */

#ifndef RAFT_PORT_NET_H
#define RAFT_PORT_NET_H

#include "base/slice.h"
#include "base/types.h"

enum net_class {
  NET_NORMAL, /* heartbeats, votes, entries */
  NET_BULK    /* snapshots: a connection of its own */
};

/* Why a link ended. */
enum net_down {
  NET_DOWN_ENDED,   /* end of file or reset: the process is gone */
  NET_DOWN_REFUSED, /* a dial was refused: nobody listens there */
  NET_DOWN_SILENT   /* no answer in time */
};

/* A member's door. Messages are whole MessagePack-RPC objects. */
struct port_net {
  /* To another member; dropped when there is no link. Takes over the
  ** caller's reference. Cannot fail. */
  void (*send) (struct port_net *net, raft_id member, enum net_class class_,
                struct raft_slice message);
  /* To a client's connection, a number that the world gave with the request;
  ** dropped when it is gone. Takes over the caller's reference. */
  void (*reply) (struct port_net *net, uint64_t connection,
                 struct raft_slice message);
  /* Ends a client's connection after what was sent is flushed. */
  void (*hang_up) (struct port_net *net, uint64_t connection);
  /* The address of a member, as the configuration says; the world dials and
  ** greets it, and dials again when it ends, until told otherwise.
  ** address NULL: forget the member. The text is copied. */
  void (*know) (struct port_net *net, raft_id member, const char *address);
};

/* A client's door: endpoints are small numbers, given out by the client. */
struct port_dial {
  /* Connect and greet; answers with client_on_connected or _disconnected.
  ** The text is copied. */
  void (*connect) (struct port_dial *dial, unsigned endpoint,
                   const char *address);
  /* Takes over the caller's reference. Dropped when not connected. */
  void (*send) (struct port_dial *dial, unsigned endpoint,
                struct raft_slice message);
  void (*disconnect) (struct port_dial *dial, unsigned endpoint);
};

#endif
