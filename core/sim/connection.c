/* SPDX-License-Identifier: MIT
**
** connection.c - connections of clients.
**
** Rule: requests and replies are datagrams to the client and the member, as
**       port/net.h promises: lost, late, twice, in another order. */

#include <string.h>

#include "sim/client.h"
#include "sim/member.h"
#include "sim/net.h"
#include "sim/note.h"
#include "wire/greeting.h"

struct sim_connection *sim_connection_find (struct sim_net *net,
                                            uint64_t number) {
  struct sim_connection *connection
    = &net->connections[number % SIM_CONNECTIONS_MAX];
  return number != 0 && connection->number == number ? connection : NULL;
}

/* The next of its kind between a client and a member. */
static struct sim_matter matter_of (struct sim_net *net,
                                    enum sim_matter_kind kind,
                                    uint32_t client, raft_id member) {
  return sim_matter (net->world, kind, sim_whom_client (client, member));
}

/* When something arrives whose order does not matter. */
static raft_time arrival (struct sim_net *net, struct sim_matter matter,
                          raft_time slow) {
  raft_time ignored = 0;
  return sim_net_arrival (net, matter, slow, &ignored);
}

/* ---- to the member ----------------------------------------------------- */

void sim_connection_dial (struct sim_net *net, uint32_t client,
                          unsigned endpoint, raft_id member, uint64_t tag) {
  struct sim_world *world = net->world;
  struct sim_event *event = sim_event_new (&world->queue, SIM_EVENT_CONNECT);
  event->target = (uint32_t)member;
  event->source = client;
  event->reason = (uint8_t)endpoint;
  event->tag = tag;
  sim_queue_push (&world->queue, event,
                  arrival (net,
                           matter_of (net, SIM_MATTER_CONNECT, client,
                                      member),
                           net->slow[0][member]));
}

static void push_request (struct sim_net *net,
                          struct sim_connection *connection,
                          const uint8_t *data, size_t size,
                          raft_time time) {
  struct sim_world *world = net->world;
  struct sim_event *event = sim_event_new (&world->queue, SIM_EVENT_REQUEST);
  sim_event_fill (event, data, size);
  event->target = (uint32_t)connection->member;
  event->source = connection->client;
  event->life = connection->life;
  event->tag = connection->number;
  sim_queue_push (&world->queue, event, time);
}

void sim_connection_send (struct sim_net *net, uint64_t number,
                          const uint8_t *data, size_t size) {
  struct sim_connection *connection = sim_connection_find (net, number);
  struct sim_world *world = net->world;
  struct sim_matter matter;
  if (connection == NULL) {
    return;
  }
  matter = matter_of (net, SIM_MATTER_REQUEST, connection->client,
                      connection->member);
  if (sim_net_is_cut (net, 0, connection->member)) {
    world->counters.cut++;
  } else if (sim_chance (world, SIM_CHOICE_DROP, matter,
                         world->options.loss, 1) > 0) {
    world->counters.lost++;
  } else {
    raft_time time
      = sim_net_arrival (net, matter, net->slow[0][connection->member],
                         &connection->requested);
    raft_time copy = sim_net_copy (net, matter);
    push_request (net, connection, data, size, time);
    if (copy > 0) {
      world->clients[connection->client]->copied = world->now;
      push_request (net, connection, data, size, time + copy);
    }
  }
}

void sim_connection_end (struct sim_net *net, uint64_t number) {
  struct sim_connection *connection = sim_connection_find (net, number);
  struct sim_world *world = net->world;
  struct sim_event *event;
  if (connection == NULL) {
    return;
  }
  event = sim_event_new (&world->queue, SIM_EVENT_HANG_UP);
  event->target = (uint32_t)connection->member;
  event->source = connection->client;
  event->life = connection->life;
  event->tag = number;
  sim_queue_push (&world->queue, event,
                  sim_net_arrival (net,
                                   matter_of (net, SIM_MATTER_HANG_UP,
                                              connection->client,
                                              connection->member),
                                   net->slow[0][connection->member],
                                   &connection->requested));
}

/* ---- to the client ----------------------------------------------------- */

static struct sim_event *to_client (struct sim_net *net,
                                    enum sim_event_kind kind,
                                    uint32_t client, unsigned endpoint) {
  struct sim_event *event = sim_event_new (&net->world->queue, kind);
  event->target = client;
  event->source = endpoint;
  return event;
}

static void push_reply (struct sim_net *net,
                        struct sim_connection *connection,
                        const uint8_t *data, size_t size, raft_time time) {
  struct sim_event *event
    = to_client (net, SIM_EVENT_REPLY, connection->client,
                 connection->endpoint);
  sim_event_fill (event, data, size);
  event->tag = connection->number;
  sim_queue_push (&net->world->queue, event, time);
}

void sim_connection_reply (struct sim_net *net, uint64_t number,
                           const uint8_t *data, size_t size) {
  struct sim_connection *connection = sim_connection_find (net, number);
  struct sim_world *world = net->world;
  struct sim_matter matter;
  if (connection == NULL) {
    return;
  }
  sim_mark_reply (world, data, size);
  matter = matter_of (net, SIM_MATTER_REPLY, connection->client,
                      connection->member);
  if (sim_net_is_cut (net, connection->member, 0)) {
    world->counters.cut++;
  } else if (sim_chance (world, SIM_CHOICE_DROP, matter,
                         world->options.loss, 1) > 0) {
    world->counters.lost++;
  } else {
    raft_time time
      = sim_net_arrival (net, matter, net->slow[connection->member][0],
                         &connection->arrived);
    raft_time copy = sim_net_copy (net, matter);
    push_reply (net, connection, data, size, time);
    if (copy > 0) {
      world->clients[connection->client]->copied = world->now;
      push_reply (net, connection, data, size, time + copy);
    }
  }
}

/* A connection has ended (number), or a dial failed (attempt). */
static void disconnect (struct sim_net *net, uint32_t client,
                        unsigned endpoint, uint64_t number, uint64_t attempt,
                        enum net_down why) {
  struct sim_event *event
    = to_client (net, SIM_EVENT_DISCONNECTED, client, endpoint);
  event->tag = number;
  event->life = attempt;
  event->reason = (uint8_t)why;
  sim_queue_push (&net->world->queue, event,
                  arrival (net,
                           matter_of (net, SIM_MATTER_DISCONNECTED, client,
                                      endpoint + 1),
                           0)
                    + (why == NET_DOWN_SILENT
                         ? net->world->options.redial_us * 4
                         : 0));
}

void sim_connection_hang_up (struct sim_net *net, uint64_t number) {
  struct sim_connection *connection = sim_connection_find (net, number);
  if (connection != NULL) {
    disconnect (net, connection->client, connection->endpoint, number, 0,
                NET_DOWN_ENDED);
    connection->number = 0;
  }
}

void sim_connection_forget (struct sim_net *net, raft_id member) {
  for (size_t i = 0; i < SIM_CONNECTIONS_MAX; i++) {
    if (net->connections[i].number != 0
        && net->connections[i].member == member) {
      sim_connection_hang_up (net, net->connections[i].number);
    }
  }
}

/* As a middlebox does that forgets them: each end learns of it alone, and
** what was under way is lost with it. */
void sim_connection_reset (struct sim_net *net, raft_id member) {
  const uint64_t fields[4] = { RAFT_ID_NONE, member };
  sim_note_fields (net->world, RAFT_TRACE_SIM_RESET, RAFT_ID_NONE, fields);
  for (size_t i = 0; i < SIM_CONNECTIONS_MAX; i++) {
    struct sim_connection *connection = &net->connections[i];
    if (connection->number != 0 && connection->member == member) {
      net->world->counters.client_resets++;
      sim_connection_end (net, connection->number);
      disconnect (net, connection->client, connection->endpoint,
                  connection->number, 0, NET_DOWN_ENDED);
    }
  }
}

/* ---- at the member ----------------------------------------------------- */

static struct sim_connection *connection_new (struct sim_net *net) {
  for (size_t tries = 0; tries < SIM_CONNECTIONS_MAX; tries++) {
    uint64_t number = net->next_connection++;
    struct sim_connection *connection
      = &net->connections[number % SIM_CONNECTIONS_MAX];
    if (connection->number == 0) {
      memset (connection, 0, sizeof *connection);
      connection->number = number;
      return connection;
    }
  }
  return NULL;
}

/* The world greets in the client's name, as a real connection begins. */
static int greet (struct sim_member *member,
                  struct sim_connection *connection) {
  struct wire_greeting greeting = { 0 };
  struct raft_buffer bytes;
  int status;
  greeting.role = WIRE_ROLE_CLIENT;
  greeting.protocol = WIRE_PROTOCOL;
  raft_buffer_init (&bytes, &raft_memory_plain);
  status = wire_greeting_encode (&bytes, &greeting);
  if (status == RAFT_OK) {
    status = replica_on_request (member->replica, connection->number,
                                 bytes.data, bytes.size);
  }
  raft_buffer_free (&bytes);
  return status;
}

void sim_connection_refuse (struct sim_net *net,
                            const struct sim_event *event) {
  disconnect (net, event->source, event->reason, 0, event->tag,
              NET_DOWN_REFUSED);
}

static void on_connect (struct sim_net *net, struct sim_member *member,
                        struct sim_event *event) {
  struct sim_connection *connection;
  struct sim_event *answer;
  if (sim_net_is_cut (net, 0, member->id)
      || sim_net_is_cut (net, member->id, 0)) {
    disconnect (net, event->source, event->reason, 0, event->tag,
                NET_DOWN_SILENT);
    return;
  }
  connection = sim_member_is_up (member) ? connection_new (net) : NULL;
  if (connection == NULL) {
    disconnect (net, event->source, event->reason, 0, event->tag,
                NET_DOWN_REFUSED);
    return;
  }
  connection->client = event->source;
  connection->endpoint = event->reason;
  connection->member = member->id;
  connection->life = member->life;
  if (greet (member, connection) != RAFT_OK) {
    sim_connection_hang_up (net, connection->number);
    return;
  }
  if (sim_connection_find (net, connection->number) != NULL) {
    answer = to_client (net, SIM_EVENT_CONNECTED, connection->client,
                        connection->endpoint);
    answer->tag = connection->number;
    answer->life = event->tag;
    sim_queue_push (&net->world->queue, answer,
                    sim_net_arrival (net,
                                     matter_of (net, SIM_MATTER_CONNECTED,
                                                connection->client,
                                                member->id),
                                     net->slow[member->id][0],
                                     &connection->arrived));
  }
}

static void on_request (struct sim_net *net, struct sim_member *member,
                        struct sim_event *event) {
  struct sim_connection *connection = sim_connection_find (net, event->tag);
  if (connection == NULL || !sim_member_is_up (member)) {
    return;
  }
  net->world->counters.requests++;
  if (replica_on_request (member->replica, event->tag, event->bytes,
                          event->size)
      != RAFT_OK) {
    replica_on_hang_up (member->replica, event->tag);
    sim_connection_hang_up (net, event->tag);
  }
}

static void on_hang_up (struct sim_net *net, struct sim_member *member,
                        struct sim_event *event) {
  struct sim_connection *connection = sim_connection_find (net, event->tag);
  if (connection != NULL) {
    connection->number = 0;
    if (sim_member_is_up (member)) {
      replica_on_hang_up (member->replica, event->tag);
    }
  }
}

void sim_connection_handle (struct sim_net *net, struct sim_member *member,
                            struct sim_event *event) {
  switch (event->kind) {
    case SIM_EVENT_CONNECT:
      on_connect (net, member, event);
      break;
    case SIM_EVENT_REQUEST:
      on_request (net, member, event);
      break;
    case SIM_EVENT_HANG_UP:
      on_hang_up (net, member, event);
      break;
    default:
      raft_panic ("an event of a connection", __FILE_NAME__, __LINE__);
  }
}
