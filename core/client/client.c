/* SPDX-License-Identifier: MIT
**
** client.c - the life of a client, its calls, and what the world tells it. */

#include "client/client.h"

#include <string.h>

#include "base/checksum.h"
#include "client/inside.h"

/* ---- entering and leaving --------------------------------------------- */

void client_enter (struct client *client) {
  if (client->depth == 0) {
    client->now = client->options.clock->now (client->options.clock);
  }
  client->depth++;
}

/* Completes one call; false: there is none, or the client is gone. */
static bool complete_one (struct client *client) {
  struct client_state *state = client_first (client, CLIENT_FINISHED);
  struct client_call *call;
  bool gone = false;
  bool *outer = client->gone;
  if (state == NULL) {
    return false;
  }
  call = state->call;
  client_state_move (client, state, CLIENT_FREE);
  client->outstanding--;
  call->state = NULL;
  client->gone = &gone;
  call->done (call);
  if (gone) {
    if (outer != NULL) {
      *outer = true;
    }
    return false;
  }
  client->gone = outer;
  return true;
}

void client_leave (struct client *client) {
  raft_assert (client->depth > 0);
  if (client->depth == 1 && !client->closing) {
    client_pump (client);
  }
  client->depth--;
  if (client->depth == 0) {
    while (complete_one (client)) {
    }
  }
}

/* ---- made and freed --------------------------------------------------- */

static int take_addresses (struct client *client,
                           const struct client_options *options) {
  unsigned i;
  for (i = 0; i < options->address_count; i++) {
    const char *address = options->addresses[i];
    size_t size = strlen (address);
    struct client_endpoint *endpoint = &client->endpoints[i];
    if (size == 0 || size >= WIRE_ADDRESS_MAX) {
      return RAFT_EINVALID;
    }
    memcpy (endpoint->address, address, size + 1);
    client->endpoint_count++;
  }
  return RAFT_OK;
}

int client_new (struct client **client,
                const struct client_options *options) {
  struct client *made;
  int place, status;
  if (options->memory == NULL || options->dial == NULL
      || options->clock == NULL || options->address_count == 0
      || options->address_count > CLIENT_ENDPOINTS_MAX) {
    return RAFT_EINVALID;
  }
  made = raft_allocate_zeroed (options->memory, sizeof *made);
  if (made == NULL) {
    return RAFT_ENOMEM;
  }
  made->options = *options;
  made->options.addresses = NULL;
  made->bug = options->bug;
  made->target = CLIENT_NOWHERE;
  made->reader = CLIENT_NOWHERE;
  if (made->options.deadline_us == 0) {
    made->options.deadline_us = 5 * RAFT_SECOND;
  }
  if (made->options.retry_us == 0) {
    made->options.retry_us = 10 * RAFT_MILLISECOND;
  }
  for (place = 0; place <= CLIENT_FINISHED; place++) {
    client_list_init (&made->lists[place]);
  }
  client_list_init (&made->ordered);
  raft_buffer_init (&made->params, options->memory);
  raft_buffer_init (&made->message, options->memory);
  raft_buffer_init (&made->result, options->memory);
  raft_chunk_init (&made->chunk, options->memory);
  status = take_addresses (made, options);
  if (status != RAFT_OK) {
    raft_release (options->memory, made, sizeof *made);
    return status;
  }
  made->now = options->clock->now (options->clock);
  made->next_endpoint
    = options->begins_at_first
        ? 0
        : (unsigned)(options->clock->random (options->clock)
                     % options->address_count);
  made->next_reader = made->next_endpoint;
  *client = made;
  return RAFT_OK;
}

static void finish_all (struct client *client, enum client_place place) {
  struct client_state *state;
  while ((state = client_first (client, place)) != NULL) {
    client_finish (client, state,
                   client_is_in_doubt (state) ? RAFT_EUNKNOWN : RAFT_ECLOSED,
                   NULL);
  }
}

void client_free (struct client *client) {
  struct raft_memory *memory = client->options.memory;
  unsigned i;
  client->closing = true;
  finish_all (client, CLIENT_WAITING);
  finish_all (client, CLIENT_SENT);
  while (complete_one (client)) {
  }
  if (client->gone != NULL) {
    *client->gone = true;
  }
  for (i = 0; i < client->endpoint_count; i++) {
    if (client->endpoints[i].state != ENDPOINT_IDLE) {
      client->options.dial->disconnect (client->options.dial, i);
    }
  }
  client_states_free (client);
  raft_buffer_free (&client->params);
  raft_buffer_free (&client->message);
  raft_buffer_free (&client->result);
  raft_chunk_free (&client->chunk);
  raft_release (memory, client, sizeof *client);
}

/* ---- calls ------------------------------------------------------------ */

static raft_time clamp (raft_time value, raft_time lo, raft_time hi) {
  return value < lo ? lo : value > hi ? hi : value;
}

/* The call is accepted: from here on it completes exactly once. */
static int accept (struct client *client, struct client_call *call,
                   enum client_kind kind, struct wire_view body,
                   struct client_state **accepted) {
  raft_time length = call->deadline_us != 0 ? call->deadline_us
                                            : client->options.deadline_us;
  struct client_state *state;
  if (client->closing) {
    return RAFT_ECLOSED;
  }
  if (client->outstanding >= CLIENT_OUTSTANDING_MAX) {
    return RAFT_EOVERLOADED;
  }
  if (body.size > CLIENT_COMMAND_MAX) {
    return RAFT_ETOO_LARGE;
  }
  state = client_state_new (client, kind, body.size);
  if (state == NULL) {
    return RAFT_ENOMEM;
  }
  (void)raft_buffer_append (&state->body, body.data, body.size);
  state->call = call;
  state->deadline = length > RAFT_TIME_MAX - client->now
                      ? RAFT_TIME_MAX : client->now + length;
  state->try_us = clamp (length / 4, CLIENT_TRY_MIN, CLIENT_TRY_MAX)
                  + body.size / CLIENT_BYTES_PER_MS * RAFT_MILLISECOND;
  state->checksum = raft_checksum (body.data, body.size, 0);
  call->state = state;
  call->status = RAFT_OK;
  call->result.data = NULL;
  call->result.size = 0;
  call->detail.text[0] = '\0';
  call->leader = RAFT_ID_NONE;
  call->retry_us = 0;
  client->outstanding++;
  *accepted = state;
  return RAFT_OK;
}

int client_propose (struct client *client, struct client_call *call,
                    struct wire_view command) {
  struct client_state *state;
  int status;
  client_enter (client);
  status = accept (client, call, CLIENT_PROPOSE, command, &state);
  client_leave (client);
  return status;
}

int client_query (struct client *client, struct client_call *call,
                  const struct wire_query *query) {
  struct client_state *state;
  int status;
  client_enter (client);
  status = accept (client, call, CLIENT_QUERY, query->question, &state);
  if (status == RAFT_OK) {
    state->query = *query;
    state->query.question.data = NULL; /* it is in the body */
  }
  client_leave (client);
  return status;
}

int client_ask (struct client *client, struct client_call *call,
                unsigned endpoint, const char *method,
                struct wire_view params) {
  struct client_state *state;
  size_t size = strlen (method);
  int status = RAFT_EINVALID;
  client_enter (client);
  if (endpoint < client->endpoint_count && size < CLIENT_METHOD_MAX) {
    status = accept (client, call, CLIENT_ASK, params, &state);
  }
  if (status == RAFT_OK) {
    memcpy (state->method, method, size + 1);
    state->endpoint = endpoint;
  }
  client_leave (client);
  return status;
}

/* A call whose end is known and not told yet ends as it did. */
void client_cancel (struct client *client, struct client_call *call) {
  struct client_state *state = call->state;
  if (state == NULL) {
    return; /* completed */
  }
  client_enter (client);
  if (state->place != CLIENT_FINISHED) {
    client_finish (client, state, RAFT_ECANCELLED,
                   client_is_in_doubt (state) ? NULL : "cancelled");
  }
  client_state_move (client, state, CLIENT_FREE);
  client->outstanding--;
  call->state = NULL;
  client_leave (client);
  call->done (call);
}

/* ---- what happens in the world ---------------------------------------- */

void client_on_connected (struct client *client, unsigned endpoint) {
  client_enter (client);
  if (endpoint < client->endpoint_count) {
    client->endpoints[endpoint].state = ENDPOINT_CONNECTED;
    client->endpoints[endpoint].heard = client->now;
    client->endpoints[endpoint].reason = NULL;
    client->endpoints[endpoint].is_barred = false;
  }
  client_leave (client);
}

/* What was sent there has no answer any more. */
static void lose_sent (struct client *client, unsigned endpoint) {
  struct client_state *state = client_first (client, CLIENT_SENT);
  while (state != NULL) {
    struct client_state *next = client_next (client, state);
    if (state->endpoint == endpoint) {
      if (client_may_repeat (client, state)) {
        client_try_again (client, state, 0);
      } else if (state->kind == CLIENT_ASK) {
        client_unreachable (client, state);
      } else {
        client_finish (client, state, RAFT_EUNKNOWN,
                       "the connection ended before the answer came");
      }
    }
    state = next;
  }
}

static void hang_up (struct client *client, unsigned endpoint,
                     const char *reason) {
  client->options.dial->disconnect (client->options.dial, endpoint);
  client_endpoint_failed (client, endpoint, reason);
  client->endpoints[endpoint].state = ENDPOINT_IDLE;
  lose_sent (client, endpoint);
}

static void lose_asked (struct client *client, unsigned endpoint) {
  struct client_state *state = client_first (client, CLIENT_WAITING);
  while (state != NULL) {
    struct client_state *next = client_next (client, state);
    if (state->kind == CLIENT_ASK && state->endpoint == endpoint) {
      client_unreachable (client, state);
    }
    state = next;
  }
}

static const char *words_of (enum net_down why) {
  switch (why) {
    case NET_DOWN_ENDED: return "the connection ended";
    case NET_DOWN_REFUSED: return "connection refused";
    case NET_DOWN_SILENT: break;
  }
  return "no answer";
}

/* Each kind means the same: not now, not there. */
void client_on_disconnected (struct client *client, unsigned endpoint,
                             enum net_down why, const char *reason) {
  client_enter (client);
  if (endpoint < client->endpoint_count) {
    client_endpoint_failed (client, endpoint,
                            reason != NULL ? reason : words_of (why));
    client->endpoints[endpoint].state = ENDPOINT_IDLE;
    lose_sent (client, endpoint);
    lose_asked (client, endpoint);
  }
  client_leave (client);
}

void client_on_message (struct client *client, unsigned endpoint,
                        const uint8_t *data, size_t size) {
  struct wire_rpc rpc;
  int status;
  client_enter (client);
  status = endpoint < client->endpoint_count
             ? wire_rpc_decode (data, size, &rpc) : RAFT_EINVALID;
  if (status == RAFT_OK) {
    client->endpoints[endpoint].heard = client->now;
  }
  if (status == RAFT_OK && rpc.type == WIRE_RESPONSE) {
    client_on_answer (client, endpoint, &rpc);
  } else if (status == RAFT_EMALFORMED
             || (status == RAFT_OK && rpc.type == WIRE_REQUEST)) {
    hang_up (client, endpoint, "its answer was no message");
  }
  client_leave (client);
}

/* ---- time ------------------------------------------------------------- */

/* A connection that has been silent since a call was sent on it may lead to a
** process that is gone: its end was lost on the way. It is made anew, unless
** something waits on it that could not be asked again. */
static bool is_dead (const struct client *client,
                     const struct client_state *late) {
  const struct client_endpoint *at = &client->endpoints[late->endpoint];
  const struct client_state *state;
  if (at->state != ENDPOINT_CONNECTED
      || at->heard + late->try_us > client->now) {
    return false;
  }
  for (state = client_first (client, CLIENT_SENT); state != NULL;
       state = client_next (client, state)) {
    if (state->endpoint == late->endpoint
        && !client_may_repeat (client, state)) {
      return false;
    }
  }
  return true;
}

static void on_late (struct client *client, struct client_state *state) {
  if (is_dead (client, state)) {
    hang_up (client, state->endpoint, "no answer");
  } else {
    client_endpoint_failed (client, state->endpoint, "no answer");
    client_try_again (client, state, 0);
  }
}

static void on_time_list (struct client *client, enum client_place place) {
  struct client_state *state = client_first (client, place);
  while (state != NULL) {
    struct client_state *next = client_next (client, state);
    if (state->deadline <= client->now) {
      client_expire (client, state);
    } else if (place == CLIENT_SENT && state->try_until <= client->now
               && client_may_repeat (client, state)) {
      on_late (client, state);
      next = client_first (client, place); /* others may have left with it */
    }
    state = next;
  }
}

void client_on_time (struct client *client) {
  client_enter (client);
  client_endpoints_on_time (client);
  on_time_list (client, CLIENT_SENT);
  on_time_list (client, CLIENT_WAITING);
  client_leave (client);
}

raft_time client_deadline (const struct client *client) {
  const struct client_state *state;
  raft_time deadline = RAFT_TIME_MAX;
  for (state = client_first (client, CLIENT_SENT); state != NULL;
       state = client_next (client, state)) {
    raft_time due = state->deadline;
    if (state->try_until < due && client_may_repeat (client, state)) {
      due = state->try_until;
    }
    deadline = due < deadline ? due : deadline;
  }
  state = client_first (client, CLIENT_WAITING);
  if (state != NULL) {
    deadline = deadline < client_endpoints_deadline (client)
                 ? deadline : client_endpoints_deadline (client);
  }
  for (; state != NULL; state = client_next (client, state)) {
    raft_time due = state->deadline;
    if (state->pause_until > client->now && state->pause_until < due) {
      due = state->pause_until;
    }
    deadline = due < deadline ? due : deadline;
  }
  return deadline;
}

unsigned client_outstanding (const struct client *client) {
  return client->outstanding;
}
