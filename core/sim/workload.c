/* SPDX-License-Identifier: MIT
**
** workload.c - random reads and writes of registers.
**
** Rule: each written value is the number of its operation, so that a value
**       names the write that it came from. */

#include <stdio.h>
#include <string.h>

#include "sim/client.h"
#include "wire/value.h"

/* Of a client that may have to find out who does not answer. */
#define PROBE_US (10 * RAFT_SECOND)

static uint64_t draw (const struct sim_client *client, uint64_t bound) {
  return sim_draw (client->world, SIM_CHOICE_WORKLOAD,
                   sim_whom_client (client->number, RAFT_ID_NONE),
                   bound == 0 ? 1 : bound);
}

/* A draw of a probe would be one that a replay has not. */
static int encode_key (struct sim_client *client, struct raft_buffer *out) {
  char key[24];
  int size = snprintf (key, sizeof key, "k%llu",
                       client->is_probing
                         ? 0
                         : (unsigned long long)draw (
                             client, client->world->options.keys));
  return wire_value_string (out, key, (size_t)size);
}

static int encode_padding (const struct sim_client *client,
                           struct raft_buffer *out) {
  char padding[1024];
  uint64_t size = client->world->options.padding_bytes;
  size = draw (client, (size < sizeof padding ? size : sizeof padding) + 1);
  memset (padding, 'x', sizeof padding);
  return wire_value_string (out, padding, (size_t)size);
}

static int encode_write (struct sim_client *client,
                         struct raft_buffer *out) {
  struct sim_world *world = client->world;
  bool is_padded = world->options.padding_bytes > 0 && !client->is_probing;
  int status = wire_value_array (out, is_padded ? 4 : 3);
  status |= wire_value_string (out, "set", 3);
  status |= encode_key (client, out);
  status |= wire_value_unsigned (out, world->counters.invoked + 1);
  if (is_padded) {
    status |= encode_padding (client, out);
  }
  return status;
}

static int encode_read (struct sim_client *client, struct raft_buffer *out) {
  int status = wire_value_array (out, 2);
  status |= wire_value_string (out, "get", 3);
  return status | encode_key (client, out);
}

static void invoke (struct sim_client *client,
                    enum sim_operation_kind kind, raft_time deadline_us) {
  struct raft_buffer *out = &client->scratch;
  int status;
  out->size = 0;
  status = kind == SIM_WRITE ? encode_write (client, out)
                             : encode_read (client, out);
  raft_assert (status == RAFT_OK);
  (void)sim_client_invoke (client, kind,
                           (struct wire_view){ out->data, out->size },
                           (struct sim_terms){ .deadline_us = deadline_us },
                           &status);
}

static enum sim_operation_kind draw_kind (const struct sim_client *client) {
  const struct sim_options *options = &client->world->options;
  const struct {
    uint64_t permille;
    enum sim_operation_kind kind;
  } shares[] = { { options->stale_reads, SIM_STALE_READ },
                 { options->lease_reads, SIM_LEASE_READ },
                 { options->follower_reads, SIM_FOLLOWER_READ },
                 { options->bounded_reads, SIM_BOUNDED_READ } };
  uint64_t drawn;
  if (draw (client, 1000) >= options->reads) {
    return SIM_WRITE;
  }
  drawn = draw (client, 1000);
  for (unsigned i = 0; i < sizeof shares / sizeof shares[0]; i++) {
    if (drawn < shares[i].permille) {
      return shares[i].kind;
    }
    drawn -= shares[i].permille;
  }
  return SIM_READ;
}

unsigned sim_workload_probe (struct sim_client *client) {
  raft_time deadline = client->world->rest.members != 0 ? PROBE_US : 0;
  bool may_write = client->has_session;
  client->is_probing = true;
  /* Without one it may end in doubt: what is sent first on a connection whose
  ** other end is gone gets no answer, and must not be sent again. */
  if (may_write) {
    invoke (client, SIM_WRITE, deadline);
  }
  invoke (client, SIM_READ, deadline);
  client->is_probing = false;
  return 1 + may_write;
}

static void schedule (struct sim_client *client) {
  struct sim_world *world = client->world;
  sim_queue_move (&world->queue, &client->work_event,
                  world->now + 1
                    + draw (client, 2 * world->options.operation_us));
}

void sim_workload_start (struct sim_client *client) {
  const struct sim_world *world = client->world;
  bool is_replay = world->options.replay != NULL;
  client->is_worker = world->options.operation_us > 0 || is_replay;
  if (client->is_worker && !is_replay) {
    schedule (client);
  }
}

void sim_workload_on_event (struct sim_client *client) {
  struct sim_world *world = client->world;
  if (world->is_settling) {
    return;
  }
  if (client->random_outstanding < world->options.burst) {
    invoke (client, draw_kind (client), 0);
  }
  schedule (client);
}
