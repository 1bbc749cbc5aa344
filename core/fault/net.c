/* SPDX-License-Identifier: MIT
**
** net.c - what becomes of a message on its way.
**
**   send ─► cut? lost? ─► damaged? ─► late? ─► below
**                                      └─► a copy, later
**
** Rule: late messages of one way keep their order, but for those that may be
**       overtaken. Chance is the clock's: it is asked only where a share is
**       not 0. */

#include "fault/net.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/memory.h"

#define PERMILLE 1000

struct fault_peer {
  raft_id id;
  bool is_cut;       /* to it */
  bool is_deaf;      /* from it */
  raft_time slow_us;
  raft_time arrived; /* of the latest message that keeps its order */
};

/* A message under way. */
struct fault_late {
  struct fault_late *next; /* the earliest first */
  raft_time at;
  raft_id member;          /* FAULT_NET_CLIENTS: a reply */
  enum net_class class_;
  uint64_t connection;
  struct raft_slice message;
};

struct fault_net {
  struct port_net port; /* first */
  struct port_net *below;
  struct port_clock *clock;
  bool (*is_exempt) (struct port_net *below, uint64_t connection);
  struct fault_peer peers[FAULT_NET_PEERS_MAX];
  size_t peer_count;
  struct fault_late *late;
  size_t late_count;
#define X(name, unit) uint64_t name;
  FAULT_NET_SETTINGS (X)
#undef X
};

static struct fault_net *of_port (struct port_net *port) {
  return (struct fault_net *)(void *)port;
}

/* NULL: it was never meant by an order. */
static struct fault_peer *find (struct fault_net *fault, raft_id id) {
  for (size_t i = 0; i < fault->peer_count; i++) {
    if (fault->peers[i].id == id) {
      return &fault->peers[i];
    }
  }
  return NULL;
}

static struct fault_peer *find_or_add (struct fault_net *fault, raft_id id) {
  struct fault_peer *peer = find (fault, id);
  if (peer == NULL && fault->peer_count < FAULT_NET_PEERS_MAX) {
    peer = &fault->peers[fault->peer_count++];
    memset (peer, 0, sizeof *peer);
    peer->id = id;
  }
  return peer;
}

/* ---- chance ------------------------------------------------------------ */

static uint64_t draw (struct fault_net *fault, uint64_t bound) {
  return bound == 0 ? 0 : fault->clock->random (fault->clock) % bound;
}

static bool happens (struct fault_net *fault, uint64_t permille) {
  return permille > 0 && draw (fault, PERMILLE) < permille;
}

/* Twice as long is half as often. */
static raft_time draw_tail (struct fault_net *fault) {
  uint64_t longest = fault->tail_us;
  while (longest > 1 && draw (fault, 2) == 0) {
    longest /= 2;
  }
  return draw (fault, longest + 1);
}

/* ---- under way --------------------------------------------------------- */

static void pass_on (struct fault_net *fault, const struct fault_late *late) {
  if (late->member == FAULT_NET_CLIENTS) {
    fault->below->reply (fault->below, late->connection, late->message);
  } else {
    fault->below->send (fault->below, late->member, late->class_,
                        late->message);
  }
}

/* Takes over the message. */
static void put (struct fault_net *fault, const struct fault_late *given,
                 raft_time at) {
  struct fault_late **place = &fault->late;
  struct fault_late *late;
  if (at <= fault->clock->now (fault->clock)) {
    pass_on (fault, given);
    return;
  }
  late = fault->late_count < FAULT_NET_LATE_MAX
           ? raft_allocate_zeroed (&raft_memory_plain, sizeof *late)
           : NULL;
  if (late == NULL) {
    struct raft_slice lost = given->message;
    raft_slice_release (&lost);
    return;
  }
  *late = *given;
  late->at = at;
  while (*place != NULL && (*place)->at <= at) {
    place = &(*place)->next;
  }
  late->next = *place;
  *place = late;
  fault->late_count++;
}

/* When it arrives. Replies go to many connections: they keep no order. */
static raft_time arrival (struct fault_net *fault, struct fault_peer *peer,
                          raft_time now) {
  raft_time time = now + (peer != NULL ? peer->slow_us : 0);
  if (fault->delay_max_us > 0) {
    uint64_t least = fault->delay_min_us < fault->delay_max_us
                       ? fault->delay_min_us
                       : fault->delay_max_us;
    time += least + draw (fault, fault->delay_max_us - least + 1);
  }
  if (happens (fault, fault->reorder)) {
    return time + draw (fault, fault->reorder_us + 1);
  }
  if (happens (fault, fault->tail)) {
    time += draw_tail (fault);
  }
  if (peer != NULL && peer->id != FAULT_NET_CLIENTS) {
    time = time > peer->arrived ? time : peer->arrived;
    peer->arrived = time;
  }
  return time;
}

/* A copy of its own, since others read the same bytes. */
static void damage (struct fault_net *fault, struct raft_slice *message) {
  struct raft_block *block
    = message->size > 0 ? raft_block_new (&raft_memory_plain, message->size)
                        : NULL;
  uint64_t bit;
  if (block == NULL) {
    return;
  }
  bit = draw (fault, (uint64_t)message->size * 8);
  memcpy (block->bytes, message->data, message->size);
  block->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  raft_slice_release (message);
  *message = raft_slice_of (block, 0, block->size);
}

/* Sends it, or what is left of it; takes over the message. */
static void set_out (struct fault_net *fault, struct fault_late *late) {
  struct fault_peer *peer = find_or_add (fault, late->member);
  raft_time now = fault->clock->now (fault->clock);
  raft_time time;
  if ((peer != NULL && peer->is_cut) || happens (fault, fault->loss)) {
    raft_slice_release (&late->message);
    return;
  }
  if (late->member != FAULT_NET_CLIENTS && happens (fault, fault->corrupt)) {
    damage (fault, &late->message);
  }
  time = arrival (fault, peer, now);
  if (happens (fault, fault->duplicate)) {
    struct fault_late copy = *late;
    copy.message = raft_slice_retain (late->message);
    put (fault, &copy, time + 1 + draw (fault, fault->reorder_us + 1));
  }
  put (fault, late, time);
}

/* ---- the door ---------------------------------------------------------- */

static void send_message (struct port_net *port, raft_id member,
                          enum net_class class_, struct raft_slice message) {
  struct fault_late late
    = { .member = member, .class_ = class_, .message = message };
  set_out (of_port (port), &late);
}

static void reply (struct port_net *port, uint64_t connection,
                   struct raft_slice message) {
  struct fault_net *fault = of_port (port);
  struct fault_late late = { .member = FAULT_NET_CLIENTS,
                             .connection = connection,
                             .message = message };
  if (fault->is_exempt (fault->below, connection)) {
    fault->below->reply (fault->below, connection, message);
  } else {
    set_out (fault, &late);
  }
}

static void hang_up (struct port_net *port, uint64_t connection) {
  struct fault_net *fault = of_port (port);
  fault->below->hang_up (fault->below, connection);
}

static void know (struct port_net *port, raft_id member,
                  const char *address) {
  struct fault_net *fault = of_port (port);
  fault->below->know (fault->below, member, address);
}

/* ---- the face ---------------------------------------------------------- */

struct fault_net *fault_net_new (struct port_net *below,
                                 struct port_clock *clock,
                                 bool (*is_exempt) (struct port_net *below,
                                                    uint64_t connection)) {
  struct fault_net *fault
    = raft_allocate_zeroed (&raft_memory_plain, sizeof *fault);
  if (fault != NULL) {
    fault->port.send = send_message;
    fault->port.reply = reply;
    fault->port.hang_up = hang_up;
    fault->port.know = know;
    fault->below = below;
    fault->clock = clock;
    fault->is_exempt = is_exempt;
  }
  return fault;
}

static struct fault_late *take (struct fault_net *fault) {
  struct fault_late *late = fault->late;
  fault->late = late->next;
  fault->late_count--;
  return late;
}

void fault_net_free (struct fault_net *fault, bool release) {
  if (fault == NULL) {
    return;
  }
  while (fault->late != NULL) {
    struct fault_late *late = take (fault);
    if (release) {
      raft_slice_release (&late->message);
    }
    raft_release (&raft_memory_plain, late, sizeof *late);
  }
  raft_release (&raft_memory_plain, fault, sizeof *fault);
}

struct port_net *fault_net_port (struct fault_net *fault) {
  return &fault->port;
}

void fault_net_cut (struct fault_net *fault, raft_id id, bool is_cut) {
  struct fault_peer *peer = find_or_add (fault, id);
  if (peer != NULL) {
    peer->is_cut = is_cut;
  }
}

void fault_net_deafen (struct fault_net *fault, raft_id id, bool is_deaf) {
  struct fault_peer *peer = find_or_add (fault, id);
  if (peer != NULL) {
    peer->is_deaf = is_deaf;
  }
}

bool fault_net_reaches (const struct fault_net *fault, raft_id id) {
  for (size_t i = 0; i < fault->peer_count; i++) {
    if (fault->peers[i].id == id) {
      return !fault->peers[i].is_cut && !fault->peers[i].is_deaf;
    }
  }
  return true;
}

bool fault_net_hears_client (struct fault_net *fault) {
  const struct fault_peer *peer = find (fault, FAULT_NET_CLIENTS);
  return (peer == NULL || !peer->is_deaf) && !happens (fault, fault->loss);
}

void fault_net_slow (struct fault_net *fault, raft_id id, raft_time by) {
  struct fault_peer *peer = find_or_add (fault, id);
  if (peer != NULL) {
    peer->slow_us = by;
  }
}

int fault_net_set (struct fault_net *fault, const char *name,
                   uint64_t value) {
#define X(field, unit)              \
  if (strcmp (name, #field) == 0) { \
    fault->field = value;           \
    return RAFT_OK;                 \
  }
  FAULT_NET_SETTINGS (X)
#undef X
  return RAFT_ENOT_FOUND;
}

/* ---- time -------------------------------------------------------------- */

raft_time fault_net_deadline (const struct fault_net *fault) {
  return fault->late != NULL ? fault->late->at : RAFT_TIME_MAX;
}

void fault_net_on_time (struct fault_net *fault) {
  raft_time now = fault->clock->now (fault->clock);
  while (fault->late != NULL && fault->late->at <= now) {
    struct fault_late *late = take (fault);
    pass_on (fault, late);
    raft_release (&raft_memory_plain, late, sizeof *late);
  }
}
