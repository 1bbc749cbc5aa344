/* SPDX-License-Identifier: MIT
**
** send.c - what waits is sent: to the target, in its session.
**
** Rule (Diss. 6.3): a proposal gets its sequence when it is sent for the
** first time, and keeps it: whatever member sees it again recognises it. */

#include "client/inside.h"

bool client_may_repeat (const struct client *client,
                        const struct client_state *state) {
  return state->kind != CLIENT_ASK
         && (state->kind != CLIENT_PROPOSE || !client->options.no_session
             || state->tries_in_doubt == 0);
}

bool client_is_for_anyone (const struct client_state *state) {
  return state->kind == CLIENT_QUERY
         && (state->query.read == WIRE_READ_STALE
             || state->query.read == WIRE_READ_FOLLOWER);
}

void client_try_again (struct client *client, struct client_state *state,
                       raft_time pause) {
  state->pause_until = client->now + pause;
  client_state_move (client, state, CLIENT_WAITING);
}

/* ---- one call --------------------------------------------------------- */

static int encode_propose (struct client *client,
                           const struct client_state *state,
                           struct wire_view body) {
  struct wire_propose propose;
  uint64_t first = client_first_unacknowledged (client);
  propose.command = body;
  propose.session = state->session;
  propose.sequence = state->sequence;
  /* Of a session that is gone only this call is left to speak. */
  propose.first_unacknowledged
    = state->session == 0 ? 0
      : state->session == client->session && first < state->sequence
        ? first : state->sequence;
  propose.checksum = state->checksum;
  return wire_propose_encode (&client->params, &propose);
}

static int encode_call (struct client *client,
                        const struct client_state *state) {
  struct wire_view body = { state->body.data, state->body.size };
  struct wire_view params = body;
  struct wire_query query;
  const char *method = state->method;
  int status = RAFT_OK;
  client->params.size = 0;
  client->message.size = 0;
  if (state->kind == CLIENT_PROPOSE) {
    method = "propose";
    status = encode_propose (client, state, body);
  } else if (state->kind == CLIENT_QUERY) {
    method = "query";
    query = state->query;
    query.question = body;
    status = wire_query_encode (&client->params, &query);
  } else if (state->kind == CLIENT_OPEN) {
    method = "open_session";
  }
  if (client->params.size > 0) {
    params.data = client->params.data;
    params.size = client->params.size;
  }
  if (status == RAFT_OK) {
    status = wire_rpc_request (&client->message, client_state_id (state),
                               method, params);
  }
  return status;
}

/* Of the session list: in the order of sequences, since they only rise. */
static void take_sequence (struct client *client,
                           struct client_state *state) {
  struct client_link *list = &client->ordered;
  if (state->kind != CLIENT_PROPOSE || client->options.no_session
      || state->session != 0) {
    return;
  }
  raft_assert (client->session != 0);
  state->session = client->session;
  state->sequence = client->next_sequence++;
  state->ordered.previous = list->previous;
  state->ordered.next = list;
  list->previous->next = &state->ordered;
  list->previous = &state->ordered;
}

/* Memory that is short is like a message that was lost: tried again. */
static void send_one (struct client *client, struct client_state *state,
                      unsigned endpoint) {
  struct raft_slice bytes;
  int status;
  take_sequence (client, state);
  status = encode_call (client, state);
  if (status == RAFT_OK) {
    status = raft_chunk_copy (&client->chunk, client->message.data,
                              client->message.size, &bytes);
  }
  if (status != RAFT_OK) {
    client_try_again (client, state, client_pause (client, 0));
    return;
  }
  state->endpoint = endpoint;
  state->tries++;
  state->tries_in_doubt++;
  state->try_until = client->now + state->try_us;
  client_state_move (client, state, CLIENT_SENT);
  client->options.dial->send (client->options.dial, endpoint, bytes);
}

/* ---- all of them ------------------------------------------------------ */

static bool waits_for_session (const struct client *client,
                               const struct client_state *state) {
  return state->kind == CLIENT_PROPOSE && !client->options.no_session
         && state->session == 0 && client->session == 0;
}

/* The proposal that waits for a session and has the least time for a try. */
static const struct client_state *hastiest (const struct client *client) {
  const struct client_state *state = client_first (client, CLIENT_WAITING);
  const struct client_state *found = NULL;
  for (; state != NULL; state = client_next (client, state)) {
    if (waits_for_session (client, state)
        && (found == NULL || state->try_us < found->try_us)) {
      found = state;
    }
  }
  return found;
}

static struct client_state *opening (const struct client *client) {
  struct client_state *state = client_first (client, CLIENT_WAITING);
  while (state != NULL && state->kind != CLIENT_OPEN) {
    state = client_next (client, state);
  }
  return state;
}

/* A session is opened when a proposal waits for one, and no longer asked for
** when none does. It is tried as hastily as that proposal would be. */
static void pump_session (struct client *client) {
  const struct client_state *waits;
  struct client_state *open;
  if (client->session != 0 && !client->is_opening) {
    return;
  }
  waits = hastiest (client);
  open = opening (client);
  if (waits != NULL && !client->is_opening) {
    open = client_state_new (client, CLIENT_OPEN, 0);
    client->is_opening = open != NULL;
  } else if (waits == NULL && open != NULL) {
    client->is_opening = false;
    client_finish (client, open, RAFT_OK, NULL);
  }
  if (waits != NULL && open != NULL) {
    open->try_us = waits->try_us;
  }
}

static void pump_one (struct client *client, struct client_state *state) {
  unsigned target;
  if (state->deadline <= client->now || state->pause_until > client->now
      || waits_for_session (client, state)) {
    return;
  }
  if (state->kind == CLIENT_ASK) {
    target = client_dial (client, state->endpoint) ? state->endpoint
                                                   : CLIENT_NOWHERE;
  } else {
    target = client_is_for_anyone (state) ? client_reader (client)
                                          : client_target (client);
  }
  if (target != CLIENT_NOWHERE) {
    send_one (client, state, target);
  }
}

void client_pump (struct client *client) {
  struct client_state *state;
  pump_session (client);
  state = client_first (client, CLIENT_WAITING);
  while (state != NULL) {
    struct client_state *next = client_next (client, state);
    pump_one (client, state);
    state = next;
  }
}
