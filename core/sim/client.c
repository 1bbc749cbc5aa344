/* SPDX-License-Identifier: MIT
**
** client.c - a client's doors, events and operations. */

#include "sim/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "sim/action.h"
#include "sim/check.h"
#include "sim/member.h"
#include "sim/note.h"

/* ---- doors ------------------------------------------------------------- */

static struct sim_client *of_clock (struct port_clock *clock) {
  return (struct sim_client *)(void *)((char *)clock
                                       - offsetof (struct sim_client, clock));
}

static raft_time clock_now (struct port_clock *clock) {
  return of_clock (clock)->world->now;
}

/* The first number of a client says where it begins. */
static uint64_t clock_random (struct port_clock *clock) {
  if (of_clock (clock)->client == NULL
      && of_clock (clock)->home != RAFT_ID_NONE) {
    return 0;
  }
  struct sim_client *client = of_clock (clock);
  return sim_bits (client->world, SIM_MATTER_CLIENT,
                   sim_whom_client (client->number, RAFT_ID_NONE));
}

static struct sim_client *of_dial (struct port_dial *dial) {
  return (struct sim_client *)(void *)((char *)dial
                                       - offsetof (struct sim_client, dial));
}

static raft_id member_at (const struct sim_world *world,
                          const char *address) {
  for (raft_id id = 1; id <= world->member_count; id++) {
    if (strcmp (world->members[id]->address, address) == 0) {
      return id;
    }
  }
  return RAFT_ID_NONE;
}

static void push_disconnected (struct sim_client *client, unsigned endpoint,
                               uint64_t attempt) {
  struct sim_world *world = client->world;
  struct sim_event *event
    = sim_event_new (&world->queue, SIM_EVENT_DISCONNECTED);
  event->target = client->number;
  event->source = endpoint;
  event->life = attempt;
  event->reason = NET_DOWN_REFUSED;
  sim_queue_push (&world->queue, event, world->now + 1);
}

static void dial_connect (struct port_dial *dial, unsigned endpoint,
                          const char *address) {
  struct sim_client *client = of_dial (dial);
  struct sim_endpoint *at = &client->endpoints[endpoint];
  raft_assert (endpoint < CLIENT_ENDPOINTS_MAX);
  at->state = SIM_ENDPOINT_DIALLING;
  at->attempt++;
  at->member = member_at (client->world, address);
  if (client->is_pinned && at->member != client->home) {
    at->member = RAFT_ID_NONE; /* where a hint leads */
  }
  if (at->member == RAFT_ID_NONE) {
    push_disconnected (client, endpoint, at->attempt);
    return;
  }
  sim_connection_dial (client->world->net, client->number, endpoint,
                       at->member, at->attempt);
}

static void dial_send (struct port_dial *dial, unsigned endpoint,
                       struct raft_slice message) {
  struct sim_client *client = of_dial (dial);
  struct sim_endpoint *at = &client->endpoints[endpoint];
  if (at->state == SIM_ENDPOINT_UP) {
    sim_connection_send (client->world->net, at->connection, message.data,
                         message.size);
  }
  raft_slice_release (&message);
}

static void dial_disconnect (struct port_dial *dial, unsigned endpoint) {
  struct sim_client *client = of_dial (dial);
  struct sim_endpoint *at = &client->endpoints[endpoint];
  if (at->state == SIM_ENDPOINT_UP) {
    sim_connection_end (client->world->net, at->connection);
  }
  at->state = SIM_ENDPOINT_DOWN;
  at->attempt++;
}

/* ---- making ------------------------------------------------------------ */

static int make_inner (struct sim_client *client) {
  const struct sim_world *world = client->world;
  const char *addresses[SIM_MEMBERS_MAX];
  struct client_options options;
  memset (&options, 0, sizeof options);
  for (unsigned i = 0; i < world->member_count; i++) {
    raft_id id = 1 + (i + (client->home > 0 ? client->home - 1 : 0))
                       % world->member_count;
    addresses[i] = world->members[id]->address;
  }
  options.memory = &client->arena.memory;
  options.dial = &client->dial;
  options.clock = &client->clock;
  options.addresses = addresses;
  options.address_count = client->is_pinned ? 1 : world->member_count;
  options.deadline_us = world->options.deadline_us;
  options.retry_us = world->options.retry_us;
  options.no_session = !client->has_session;
  options.bug = (enum raft_bug)world->options.bug;
  return client_new (&client->client, &options);
}

static void own_event (struct sim_client *client, struct sim_event *event,
                       enum sim_event_kind kind) {
  event->kind = (uint8_t)kind;
  event->is_owned = true;
  event->target = client->number;
  event->position = SIM_NOT_QUEUED;
}

struct sim_client *sim_client_new (struct sim_world *world,
                                   bool has_session) {
  return sim_client_new_at (world, has_session, RAFT_ID_NONE, false);
}

struct sim_client *sim_client_new_at (struct sim_world *world,
                                      bool has_session, raft_id home,
                                      bool is_pinned) {
  struct sim_client *client;
  if (world->client_count >= SIM_CLIENTS_MAX) {
    return NULL;
  }
  client = calloc (1, sizeof *client);
  if (client == NULL) {
    return NULL;
  }
  client->world = world;
  client->number = world->client_count + 1;
  client->has_session = has_session;
  client->home = home;
  client->is_pinned = is_pinned;
  raft_arena_init (&client->arena);
  raft_buffer_init (&client->scratch, &raft_memory_plain);
  client->clock.now = clock_now;
  client->clock.wall = clock_now;
  client->clock.random = clock_random;
  client->dial.connect = dial_connect;
  client->dial.send = dial_send;
  client->dial.disconnect = dial_disconnect;
  own_event (client, &client->time_event, SIM_EVENT_CLIENT_TIME);
  own_event (client, &client->work_event, SIM_EVENT_WORKLOAD);
  if (make_inner (client) != RAFT_OK) {
    sim_client_free (client);
    return NULL;
  }
  world->client_count++;
  world->clients[client->number] = client;
  return client;
}

static void free_operations (struct sim_client *client) {
  while (client->made != NULL) {
    struct sim_operation *operation = client->made;
    client->made = operation->made;
    free (operation->bytes);
    free (operation);
  }
}

static void free_inner (struct sim_world *world, void *argument) {
  (void)world;
  client_free (argument);
}

void sim_client_free (struct sim_client *client) {
  struct sim_queue *queue;
  if (client == NULL) {
    return;
  }
  queue = &client->world->queue;
  client->is_over = true;
  sim_queue_remove (queue, &client->time_event);
  sim_queue_remove (queue, &client->work_event);
  /* After a failed assertion it is not called again: only its arena goes. */
  if (client->client != NULL && !client->world->has_panicked) {
    sim_guarded (client->world, free_inner, client->client);
    if (client->arena.bytes != 0) {
      sim_violate (client->world, "leak", "client %u left %llu bytes",
                   client->number, (unsigned long long)client->arena.bytes);
    }
  }
  raft_arena_clear (&client->arena);
  raft_buffer_free (&client->scratch);
  free_operations (client);
  free (client);
}

/* ---- operations -------------------------------------------------------- */

static struct sim_operation *operation_new (struct sim_client *client) {
  struct sim_operation *operation = client->spare;
  if (operation == NULL) {
    operation = calloc (1, sizeof *operation);
    raft_assert (operation != NULL);
    operation->made = client->made;
    client->made = operation;
    return operation;
  }
  client->spare = operation->next;
  memset (&operation->call, 0, sizeof operation->call);
  operation->size = 0;
  operation->next = NULL;
  return operation;
}

void sim_client_give_back (struct sim_client *client,
                           struct sim_operation *operation) {
  operation->next = client->spare;
  client->spare = operation;
}

static void keep_result (struct sim_operation *operation,
                         const struct wire_view *result) {
  if (operation->capacity < result->size) {
    free (operation->bytes);
    operation->bytes = malloc (result->size);
    raft_assert (operation->bytes != NULL);
    operation->capacity = result->size;
  }
  if (result->size > 0) {
    memcpy (operation->bytes, result->data, result->size);
  }
  operation->size = result->size;
}

static void on_done (struct client_call *call) {
  struct sim_operation *operation = (struct sim_operation *)(void *)call;
  struct sim_client *client = call->owner;
  operation->status = call->status;
  operation->detail = call->detail;
  keep_result (operation, &call->result);
  if (!client->is_over) {
    sim_note_done (client->world, operation);
    sim_check_done (client->world, client, operation);
  }
  if (operation->is_random) {
    client->random_outstanding--;
    sim_client_give_back (client, operation);
  } else {
    operation->next = NULL;
    if (client->finished == NULL) {
      client->finished = operation;
    } else {
      client->finished_last->next = operation;
    }
    client->finished_last = operation;
  }
}

struct sim_operation *sim_client_take (struct sim_client *client) {
  struct sim_operation *operation = client->finished;
  if (operation != NULL) {
    client->finished = operation->next;
  }
  return operation;
}

static void set_deadline (struct sim_client *client) {
  struct sim_world *world = client->world;
  raft_time deadline = client_deadline (client->client);
  if (deadline >= RAFT_TIME_MAX) {
    return;
  }
  if (deadline <= world->now) {
    deadline = world->now + 1;
  }
  if (client->time_event.position == SIM_NOT_QUEUED
      || client->time_event.time > deadline) {
    sim_queue_move (&world->queue, &client->time_event, deadline);
  }
}

const char *const sim_operation_words[]
  = { "write", "read", "stale", "lease", "follower", "bounded", NULL };

static int start (struct sim_client *client, struct sim_operation *operation,
                  struct wire_view bytes) {
  static const enum wire_read reads[]
    = { [SIM_READ] = WIRE_READ_LINEAR, [SIM_STALE_READ] = WIRE_READ_STALE,
        [SIM_LEASE_READ] = WIRE_READ_LEASE,
        [SIM_FOLLOWER_READ] = WIRE_READ_FOLLOWER,
        [SIM_BOUNDED_READ] = WIRE_READ_STALE };
  struct wire_query query = { .question = bytes };
  if (operation->kind == SIM_WRITE) {
    return client_propose (client->client, &operation->call, bytes);
  }
  query.read = reads[operation->kind];
  query.max_age_us = operation->max_age_us;
  return client_query (client->client, &operation->call, &query);
}

/* How old what it sees may be; 0: there is no bound. */
static raft_time bound_of (const struct sim_client *client,
                           enum sim_operation_kind kind,
                           struct sim_terms terms) {
  if (kind != SIM_BOUNDED_READ) {
    return 0;
  }
  return terms.max_age_us != 0 ? terms.max_age_us
                               : client->world->options.max_age_us;
}

static void record (struct sim_client *client,
                    const struct sim_operation *operation,
                    struct wire_view bytes, raft_time max_age_us) {
  struct sim_action action = { .kind = SIM_ACTION_INVOKE,
                               .whom = client->number,
                               .how = operation->kind };
  action.value = max_age_us;
  action.more = operation->call.deadline_us;
  action.bytes = (uint8_t *)(uintptr_t)bytes.data;
  action.size = bytes.size;
  if (!client->is_probing) {
    sim_act_record (client->world, &action);
  }
}

uint64_t sim_client_invoke (struct sim_client *client,
                            enum sim_operation_kind kind,
                            struct wire_view bytes, struct sim_terms terms,
                            int *status) {
  struct sim_world *world = client->world;
  struct sim_operation *operation = operation_new (client);
  uint64_t number = ++world->counters.invoked;
  /* Nobody takes what comes back, but where somebody asked from outside. */
  bool is_random = client->is_probing
                   || (world->options.replay != NULL && world->has_begun)
                   || world->current == &client->work_event;
  operation->call.done = on_done;
  operation->call.owner = client;
  operation->call.deadline_us = terms.deadline_us;
  operation->number = number;
  operation->kind = kind;
  operation->max_age_us = bound_of (client, kind, terms);
  operation->is_random = is_random;
  operation->is_refused = false;
  operation->invoked = world->now;
  operation->payload = raft_checksum (bytes.data, bytes.size, 0);
  sim_note_invoked (world, operation, client->number, bytes);
  record (client, operation, bytes, terms.max_age_us);
  sim_check_invoked (world, client, operation, bytes);
  client->random_outstanding += is_random;
  *status = start (client, operation, bytes);
  if (*status != RAFT_OK) {
    client->random_outstanding -= is_random;
    operation->status = *status;
    operation->is_refused = true;
    sim_note_done (world, operation);
    sim_check_done (world, client, operation);
    sim_client_give_back (client, operation);
    number = 0;
  }
  set_deadline (client);
  return number;
}

/* ---- events ------------------------------------------------------------ */

static void on_connected (struct sim_client *client,
                          struct sim_event *event) {
  struct sim_endpoint *at = &client->endpoints[event->source];
  if (at->state != SIM_ENDPOINT_DIALLING || at->attempt != event->life) {
    sim_connection_end (client->world->net, event->tag);
    return;
  }
  if (sim_connection_find (client->world->net, event->tag) == NULL) {
    at->state = SIM_ENDPOINT_DOWN; /* its end has overtaken its beginning */
    client_on_disconnected (client->client, event->source, NET_DOWN_ENDED,
                            NULL);
    return;
  }
  at->state = SIM_ENDPOINT_UP;
  at->connection = event->tag;
  client_on_connected (client->client, event->source);
}

static void on_disconnected (struct sim_client *client,
                             struct sim_event *event) {
  struct sim_endpoint *at = &client->endpoints[event->source];
  bool is_dial = event->tag == 0;
  if (is_dial ? at->state != SIM_ENDPOINT_DIALLING
                  || at->attempt != event->life
              : at->state != SIM_ENDPOINT_UP
                  || at->connection != event->tag) {
    return;
  }
  at->state = SIM_ENDPOINT_DOWN;
  client_on_disconnected (client->client, event->source,
                          (enum net_down)event->reason, NULL);
}

static void on_reply (struct sim_client *client, struct sim_event *event) {
  struct sim_endpoint *at = &client->endpoints[event->source];
  if (at->state != SIM_ENDPOINT_UP || at->connection != event->tag) {
    return;
  }
  if (sim_net_is_cut (client->world->net, at->member, 0)) {
    client->world->counters.cut++;
    return;
  }
  client_on_message (client->client, event->source, event->bytes,
                     event->size);
}

void sim_client_handle (struct sim_client *client, struct sim_event *event) {
  switch (event->kind) {
    case SIM_EVENT_CLIENT_TIME:
      if (client_deadline (client->client) <= client->world->now) {
        client_on_time (client->client);
      }
      break;
    case SIM_EVENT_CONNECTED:
      on_connected (client, event);
      break;
    case SIM_EVENT_REPLY:
      on_reply (client, event);
      break;
    case SIM_EVENT_DISCONNECTED:
      on_disconnected (client, event);
      break;
    case SIM_EVENT_WORKLOAD:
      sim_workload_on_event (client);
      break;
    default:
      raft_panic ("an event of a client", __FILE_NAME__, __LINE__);
  }
  set_deadline (client);
}

unsigned sim_clients_outstanding (const struct sim_world *world) {
  unsigned count = 0;
  for (unsigned i = 1; i <= world->client_count; i++) {
    count += client_outstanding (world->clients[i]->client);
  }
  return count;
}
