/* SPDX-License-Identifier: MIT
**
** endpoint.c - who is asked: the leader when it is known, else one after the
** other.
**
** An endpoint that failed is left alone for a while, twice as long after each
** failure, unless there is no other. */

#include <string.h>

#include "client/inside.h"

/* Half of it sure, half by chance: clients that failed together do not come
** back together. */
raft_time client_pause (struct client *client, unsigned tries) {
  unsigned doublings = tries < CLIENT_DOUBLINGS ? tries : CLIENT_DOUBLINGS;
  raft_time pause = client->options.retry_us << doublings;
  uint64_t chance = client->options.clock->random (client->options.clock);
  return pause / 2 + chance % (pause / 2 + 1);
}

/* Not before the member said, and not all at once then. */
raft_time client_pause_hinted (struct client *client, unsigned tries,
                               raft_time hint) {
  raft_time pause = client_pause (client, tries);
  uint64_t chance;
  if (pause >= hint) {
    return pause;
  }
  chance = client->options.clock->random (client->options.clock);
  return hint + chance % (hint / 2 + 1);
}

unsigned client_endpoint_of (struct client *client, const char *address,
                             size_t size) {
  struct client_endpoint *endpoint;
  unsigned i;
  for (i = 0; i < client->endpoint_count; i++) {
    const char *known = client->endpoints[i].address;
    if (strlen (known) == size && memcmp (known, address, size) == 0) {
      return i;
    }
  }
  if (client->endpoint_count == CLIENT_ENDPOINTS_MAX || size == 0
      || size >= WIRE_ADDRESS_MAX || memchr (address, '\0', size) != NULL) {
    return CLIENT_NOWHERE;
  }
  endpoint = &client->endpoints[client->endpoint_count];
  memset (endpoint, 0, sizeof *endpoint);
  memcpy (endpoint->address, address, size);
  return client->endpoint_count++;
}

bool client_dial (struct client *client, unsigned endpoint) {
  struct client_endpoint *at = &client->endpoints[endpoint];
  if (at->state == ENDPOINT_IDLE && at->pause_until <= client->now) {
    at->state = ENDPOINT_DIALLING;
    at->dial_until = client->now + CLIENT_DIAL_US;
    client->options.dial->connect (client->options.dial, endpoint,
                                   at->address);
  }
  return at->state == ENDPOINT_CONNECTED;
}

/* The next in turn that is not in a pause; else the one whose pause ends
** first. */
static unsigned choose (const struct client *client, unsigned *next) {
  unsigned best = CLIENT_NOWHERE, i;
  for (i = 0; i < client->endpoint_count; i++) {
    unsigned at = (*next + i) % client->endpoint_count;
    const struct client_endpoint *endpoint = &client->endpoints[at];
    if (endpoint->pause_until <= client->now) {
      best = at;
      break;
    }
    if (best == CLIENT_NOWHERE
        || endpoint->pause_until < client->endpoints[best].pause_until) {
      best = at;
    }
  }
  *next = (best + 1) % client->endpoint_count;
  return best;
}

unsigned client_target (struct client *client) {
  if (client->target == CLIENT_NOWHERE) {
    client->target = choose (client, &client->next_endpoint);
    client->hops = 0;
  }
  return client_dial (client, client->target) ? client->target
                                              : CLIENT_NOWHERE;
}

/* One and the same, so that its connection is used; which one is left to
** chance, so that clients spread. */
unsigned client_reader (struct client *client) {
  if (client->reader == CLIENT_NOWHERE) {
    client->reader = choose (client, &client->next_reader);
  }
  return client_dial (client, client->reader) ? client->reader
                                              : CLIENT_NOWHERE;
}

void client_reader_leave (struct client *client, unsigned endpoint) {
  if (client->reader == endpoint) {
    client->reader = CLIENT_NOWHERE;
    client->next_reader = (endpoint + 1) % client->endpoint_count;
  }
}

void client_endpoint_failed (struct client *client, unsigned endpoint,
                             const char *reason) {
  struct client_endpoint *at = &client->endpoints[endpoint];
  at->reason = reason;
  at->is_barred = at->state == ENDPOINT_DIALLING;
  at->pause_until = client->now + client_pause (client, at->failures);
  if (at->failures < CLIENT_DOUBLINGS) {
    at->failures++;
  }
  if (client->target == endpoint) {
    client->target = CLIENT_NOWHERE;
  }
  client_reader_leave (client, endpoint);
}

void client_endpoint_well (struct client *client, unsigned endpoint) {
  client->endpoints[endpoint].failures = 0;
  client->endpoints[endpoint].pause_until = 0;
  client->endpoints[endpoint].reason = NULL;
}

/* A dial that nobody answers is given up. */
void client_endpoints_on_time (struct client *client) {
  unsigned i;
  for (i = 0; i < client->endpoint_count; i++) {
    struct client_endpoint *endpoint = &client->endpoints[i];
    if (endpoint->state == ENDPOINT_DIALLING
        && endpoint->dial_until <= client->now) {
      client_endpoint_failed (client, i, "no answer");
      endpoint->state = ENDPOINT_IDLE;
      client->options.dial->disconnect (client->options.dial, i);
    }
  }
}

raft_time client_endpoints_deadline (const struct client *client) {
  raft_time deadline = RAFT_TIME_MAX;
  unsigned i;
  for (i = 0; i < client->endpoint_count; i++) {
    const struct client_endpoint *endpoint = &client->endpoints[i];
    raft_time due = RAFT_TIME_MAX;
    if (endpoint->state == ENDPOINT_DIALLING) {
      due = endpoint->dial_until;
    } else if (endpoint->state == ENDPOINT_IDLE
               && endpoint->pause_until > client->now) {
      due = endpoint->pause_until;
    }
    deadline = due < deadline ? due : deadline;
  }
  return deadline;
}
