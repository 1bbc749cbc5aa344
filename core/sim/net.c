/* SPDX-License-Identifier: MIT
**
** net.c - cuts, and messages between members. */

#include "sim/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "sim/check.h"
#include "sim/link.h"
#include "sim/member.h"
#include "sim/note.h"
#include "wire/scan.h"

#define FLIPPED_BITS_MAX 3
#define FLIPS_MAX 1000000 /* numbers that bits to flip are drawn from */

static struct sim_member *member_of (struct port_net *door) {
  return (struct sim_member *)(void *)((char *)door
                                       - offsetof (struct sim_member, net));
}

struct sim_net *sim_net_new (struct sim_world *world) {
  struct sim_net *net = calloc (1, sizeof *net);
  if (net != NULL) {
    net->world = world;
    net->next_connection = 1;
  }
  return net;
}

void sim_net_free (struct sim_net *net) {
  free (net);
}

/* ---- cuts -------------------------------------------------------------- */

static void note_pair (struct sim_net *net, enum raft_trace_kind kind,
                       raft_id from, raft_id to) {
  const uint64_t fields[4] = { from, to };
  sim_note_fields (net->world, kind, RAFT_ID_NONE, fields);
}

void sim_net_cut (struct sim_net *net, raft_id from, raft_id to) {
  raft_assert (from <= SIM_MEMBERS_MAX && to <= SIM_MEMBERS_MAX);
  net->cuts[from][to]++;
  raft_assert (net->cuts[from][to] != 0);
  note_pair (net, RAFT_TRACE_SIM_CUT, from, to);
  if (from != 0 && to != 0) {
    sim_link_grow_silent (net, from, to);
    sim_link_grow_silent (net, to, from);
  }
}

void sim_net_mend (struct sim_net *net, raft_id from, raft_id to) {
  if (net->cuts[from][to] > 0) {
    net->cuts[from][to]--;
    note_pair (net, RAFT_TRACE_SIM_MEND, from, to);
  }
}

void sim_net_heal (struct sim_net *net) {
  memset (net->cuts, 0, sizeof net->cuts);
  memset (net->slow, 0, sizeof net->slow);
  sim_note (net->world, RAFT_TRACE_SIM_HEAL, RAFT_ID_NONE);
}

bool sim_net_is_cut (const struct sim_net *net, raft_id from, raft_id to) {
  return net->cuts[from][to] != 0;
}

void sim_net_slow (struct sim_net *net, raft_id from, raft_id to,
                   raft_time by) {
  const uint64_t fields[4] = { from, to, by };
  net->world->counters.slow_links += by > 0;
  net->slow[from][to] = by;
  sim_note_fields (net->world, RAFT_TRACE_SIM_SLOW_LINK, RAFT_ID_NONE,
                   fields);
}

/* ---- sending ----------------------------------------------------------- */

raft_time sim_net_arrival (struct sim_net *net, struct sim_matter matter,
                           raft_time slow, raft_time *arrived) {
  struct sim_world *world = net->world;
  const struct sim_options *options = &world->options;
  raft_time time
    = world->now + options->delay_min_us + slow
      + sim_delay (world, matter,
                   options->delay_max_us - options->delay_min_us + 1);
  raft_time late = sim_chance (world, SIM_CHOICE_LATE, matter,
                               options->reorder, options->reorder_us + 1);
  if (late > 0) {
    world->counters.reordered++;
    return time + late - 1;
  }
  if (time < *arrived) {
    time = *arrived;
  }
  *arrived = time;
  return time;
}

/* Where messages may be overtaken, so may copies, as much. */
raft_time sim_net_copy (struct sim_net *net, struct sim_matter matter) {
  const struct sim_options *options = &net->world->options;
  raft_time late
    = sim_chance (net->world, SIM_CHOICE_TWICE, matter, options->duplicate,
                  options->reorder > 0
                    ? options->reorder_us + 1
                    : options->delay_max_us - options->delay_min_us + 1);
  net->world->counters.duplicated += late > 0;
  return late;
}

static void flip_bits (struct sim_event *event, uint64_t value) {
  uint64_t count = 1 + value % FLIPPED_BITS_MAX;
  uint64_t last = UINT64_MAX;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t bit = raft_mix (value + i) % (event->size * 8);
    if (bit != last) { /* never twice the same in a row: it would heal */
      event->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    last = i == 0 ? bit : last;
  }
  event->reason = 1;
}

/* A message that never set out. */
static void note_unsent (struct sim_net *net, raft_id from, raft_id to,
                         enum raft_reason why) {
  const uint64_t fields[4] = { net->messages, from, to, (uint64_t)why };
  sim_note_fields (net->world, RAFT_TRACE_SIM_LOST, from, fields);
}

static void note_sent (struct sim_net *net, raft_id from, raft_id to) {
  const uint64_t fields[4] = { ++net->messages, to };
  sim_note_fields (net->world, RAFT_TRACE_SIM_SENT, from, fields);
}

/* Puts a message on its way; NULL: the link is full. */
static struct sim_event *message_new (struct sim_net *net,
                                      struct sim_member *from, raft_id to,
                                      const uint8_t *data, size_t size) {
  struct sim_world *world = net->world;
  struct sim_link *link = &net->links[from->id][to];
  struct sim_event *event;
  if (link->under_way >= world->options.link_messages) {
    world->counters.overflowed++;
    note_unsent (net, from->id, to, RAFT_REASON_LIMIT);
    return NULL;
  }
  event = sim_event_new (&world->queue, SIM_EVENT_MESSAGE);
  sim_event_fill (event, data, size);
  event->target = (uint32_t)to;
  event->source = (uint32_t)from->id;
  event->tag = from->incarnation;
  event->message = net->messages;
  link->under_way++;
  return event;
}

static void send_now (struct sim_net *net, struct sim_member *from,
                      raft_id to, const struct raft_slice *message,
                      struct sim_matter matter) {
  struct sim_world *world = net->world;
  struct sim_event *event
    = message_new (net, from, to, message->data, message->size);
  raft_time copy;
  raft_time time;
  uint64_t flip;
  if (event == NULL) {
    return;
  }
  flip = sim_chance (world, SIM_CHOICE_FLIP, matter, world->options.corrupt,
                     FLIPS_MAX);
  if (flip > 0) {
    flip_bits (event, flip);
  }
  time = sim_net_arrival (net, matter, net->slow[from->id][to],
                          &net->links[from->id][to].arrived);
  sim_queue_push (&world->queue, event, time);
  copy = sim_net_copy (net, matter);
  if (copy > 0) {
    event = message_new (net, from, to, message->data, message->size);
    if (event != NULL) {
      sim_queue_push (&world->queue, event, time + copy);
    }
  }
}

static void net_send (struct port_net *door, raft_id to,
                      enum net_class class_, struct raft_slice message) {
  struct sim_member *from = member_of (door);
  struct sim_world *world = from->world;
  struct sim_net *net = world->net;
  struct sim_matter matter;
  enum sim_matter_kind kind;
  (void)class_;
  raft_assert (to >= 1 && to <= world->member_count && to != from->id);
  kind = sim_check_sent (world, from, to, message.data, message.size);
  matter = sim_matter (world, kind, sim_whom_pair (from->id, to));
  note_sent (net, from->id, to);
  if (net->links[from->id][to].state != SIM_LINK_UP) {
    world->counters.strangers++;
    note_unsent (net, from->id, to, RAFT_REASON_NO_LINK);
  } else if (sim_net_is_cut (net, from->id, to)) {
    world->counters.cut++;
    note_unsent (net, from->id, to, RAFT_REASON_CUT);
  } else if (sim_chance (world, SIM_CHOICE_DROP, matter,
                         world->options.loss, 1) > 0) {
    world->counters.lost++;
    note_unsent (net, from->id, to, RAFT_REASON_LOST);
  } else {
    send_now (net, from, to, &message, matter);
  }
  raft_slice_release (&message);
}

static void net_reply (struct port_net *door, uint64_t connection,
                       struct raft_slice message) {
  struct sim_member *member = member_of (door);
  struct wire_rpc rpc;
  if (connection == SIM_OPERATOR
      && wire_rpc_decode (message.data, message.size, &rpc) == RAFT_OK) {
    member->world->counters.orders_done += rpc.error == RAFT_OK;
  }
  sim_connection_reply (member->world->net, connection, message.data,
                        message.size);
  raft_slice_release (&message);
}

static void net_hang_up (struct port_net *door, uint64_t connection) {
  sim_connection_hang_up (member_of (door)->world->net, connection);
}

static void net_know (struct port_net *door, raft_id to,
                      const char *address) {
  struct sim_member *from = member_of (door);
  raft_assert (to >= 1 && to <= from->world->member_count);
  if (to != from->id) {
    sim_link_want (from->world->net, from, to, address != NULL);
  }
}

void sim_net_door (struct port_net *door) {
  door->send = net_send;
  door->reply = net_reply;
  door->hang_up = net_hang_up;
  door->know = net_know;
}

/* ---- arriving ---------------------------------------------------------- */

/* Below the door, a real server scans a connection's bytes before it believes
** in a whole object; so does this one. */
static int scan_whole (const struct sim_event *event) {
  struct wire_scan_limits limits = { 16 * RAFT_MIB, 1024 * 1024,
                                     WIRE_DEPTH_MAX };
  struct wire_scan scan;
  uint64_t size = 0;
  int status;
  wire_scan_init (&scan, &limits);
  status = wire_scan_feed (&scan, event->bytes, event->size, &size);
  if (status == RAFT_OK && size != event->size) {
    status = RAFT_EMALFORMED;
  }
  return status;
}

static void deliver (struct sim_net *net, struct sim_member *member,
                     struct sim_event *event) {
  struct sim_world *world = net->world;
  const uint64_t fields[4] = { event->message, event->source };
  int status = scan_whole (event);
  sim_note_fields (world, RAFT_TRACE_SIM_ARRIVED, member->id, fields);
  world->counters.messages++;
  world->counters.corrupted += event->reason;
  member->has_taken = false;
  if (status == RAFT_OK) {
    status = replica_on_message (member->replica, event->source,
                                 event->bytes, event->size);
  }
  if (status != RAFT_OK) {
    world->counters.refused++;
    sim_net_reset (net, event->source, member->id);
  } else if (event->reason != 0 && member->has_taken) {
    sim_violate (world, "corruption",
                 "member %llu took a message of member %u with flipped bits",
                 (unsigned long long)member->id, event->source);
  }
}

static void on_message (struct sim_net *net, struct sim_member *member,
                        struct sim_event *event) {
  struct sim_world *world = net->world;
  net->links[event->source][event->target].under_way--;
  if (sim_net_is_cut (net, event->source, event->target)) {
    world->counters.cut++;
    sim_note_lost (world, event, RAFT_REASON_CUT);
  } else if (!sim_member_is_up (member) || event->tag == 0
             || member->greeted[event->source] != event->tag) {
    /* No process listens, or one that never saw this connection. */
    world->counters.strangers++;
    sim_note_lost (world, event, RAFT_REASON_NOBODY);
    sim_net_reset (net, event->source, member->id);
  } else {
    deliver (net, member, event);
  }
}

void sim_net_drop (struct sim_net *net, const struct sim_event *event) {
  if (event->kind == SIM_EVENT_MESSAGE) {
    net->links[event->source][event->target].under_way--;
    sim_note_lost (net->world, event, RAFT_REASON_NOBODY);
  } else if (event->kind == SIM_EVENT_DIAL) {
    sim_link_refuse (net, event);
  } else if (event->kind == SIM_EVENT_CONNECT) {
    sim_connection_refuse (net, event);
  }
}

void sim_net_handle (struct sim_net *net, struct sim_member *member,
                     struct sim_event *event) {
  switch (event->kind) {
    case SIM_EVENT_MESSAGE:
      on_message (net, member, event);
      break;
    case SIM_EVENT_DIAL:
      sim_link_on_dial (net, member, event);
      break;
    case SIM_EVENT_GREETED:
      sim_link_on_greeted (net, member, event);
      break;
    case SIM_EVENT_LINK_DOWN:
      sim_link_on_down (net, member, event);
      break;
    case SIM_EVENT_REDIAL:
      sim_link_on_redial (net, member, event);
      break;
    default:
      raft_panic ("an event of the network", __FILE_NAME__, __LINE__);
  }
}
