/* SPDX-License-Identifier: MIT
**
** answer.c - what members answer: done, elsewhere, later, or nobody knows.
**
** Rule: a success counts whichever try it answers: in its session a command
** has one result. A refusal that only asks for another try counts from the
** endpoint that was asked last, or an old one would send us in circles. */

#include <string.h>

#include "client/inside.h"
#include "wire/value.h"

/* ---- hints ------------------------------------------------------------ */

/* Where the leader is said to be; CLIENT_NOWHERE: not said, or not reached
** just now. */
static unsigned hinted (struct client *client, const struct wire_rpc *rpc,
                        raft_id *leader) {
  struct wire_view address;
  unsigned endpoint;
  if (wire_leader_detail_decode (rpc->detail, leader, &address) != RAFT_OK
      || *leader == RAFT_ID_NONE || address.size == 0) {
    return CLIENT_NOWHERE;
  }
  endpoint = client_endpoint_of (client, (const char *)address.data,
                                 address.size);
  if (endpoint == CLIENT_NOWHERE
      || client->endpoints[endpoint].pause_until > client->now) {
    return CLIENT_NOWHERE;
  }
  client->endpoints[endpoint].member = *leader;
  return endpoint;
}

static void on_not_leader (struct client *client, struct client_state *state,
                           unsigned endpoint, const struct wire_rpc *rpc) {
  raft_id leader = RAFT_ID_NONE;
  unsigned hint = hinted (client, rpc, &leader);
  raft_time pause = 0;
  if (state->call != NULL) {
    state->call->leader = leader;
  }
  if (hint == endpoint) {
    hint = CLIENT_NOWHERE; /* it has just become one, or just was one */
  }
  if (client_is_for_anyone (state)) {
    client_reader_leave (client, endpoint);
    hint = CLIENT_NOWHERE; /* it knows of no leader */
  } else if (client->target == endpoint) {
    /* Members that name each other, and lead no more, do not keep us from the
    ** next one in turn. */
    if (client->hops == CLIENT_HOPS) {
      hint = CLIENT_NOWHERE;
    }
    client->hops++;
    client->target = hint;
  }
  if (hint == CLIENT_NOWHERE || state->tries > CLIENT_HOPS) {
    pause = client_pause (client, state->tries < CLIENT_ELECTION_DOUBLINGS
                                    ? state->tries
                                    : CLIENT_ELECTION_DOUBLINGS);
  }
  client_try_again (client, state, pause);
}

/* The member said when to come again: { retry_ms = n }. */
static raft_time retry_hint (const struct wire_rpc *rpc) {
  struct wire_cursor cursor = { rpc->detail.data, rpc->detail.size, 0 };
  struct wire_value map, key, value;
  if (rpc->detail.size == 0 || wire_cursor_next (&cursor, &map) != RAFT_OK
      || map.type != WIRE_MAP || map.count != 1
      || wire_cursor_next (&cursor, &key) != RAFT_OK
      || key.type != WIRE_STRING || key.count != 8
      || memcmp (key.data, "retry_ms", 8) != 0
      || wire_cursor_next (&cursor, &value) != RAFT_OK
      || value.type != WIRE_INTEGER || value.integer < 0
      || value.integer > 10000) {
    return 0;
  }
  return (raft_time)value.integer * RAFT_MILLISECOND;
}

/* ---- errors ----------------------------------------------------------- */

/* Whether another try may do better, and does no harm. */
static bool is_worth_another_try (const struct client *client,
                                  const struct client_state *state,
                                  int error) {
  switch (error) {
    case RAFT_ENOT_LEADER: /* not applied, and never will be */
    case RAFT_EOVERLOADED:
    case RAFT_EBUSY: /* leadership is being handed over */
    case RAFT_ECLOSED:
    case RAFT_ENOMEM:
      return state->kind != CLIENT_ASK;
    case RAFT_EUNKNOWN: /* may be applied: only where it is recognised */
      return state->kind != CLIENT_ASK
             && (state->kind != CLIENT_PROPOSE
                 || !client->options.no_session);
    case RAFT_ETOO_STALE: /* there; each is asked once */
      return state->kind == CLIENT_QUERY
             && state->tries < client->endpoint_count;
    case RAFT_EMACHINE: /* of that member */
      return state->kind == CLIENT_QUERY;
    default:
      return false;
  }
}

/* What was answered so, was not done and never will be. */
static bool is_refusal (int error) {
  return error == RAFT_ENOT_LEADER || error == RAFT_EOVERLOADED
         || error == RAFT_EBUSY || error == RAFT_ECLOSED;
}

static void try_elsewhere (struct client *client, struct client_state *state,
                           unsigned endpoint, const struct wire_rpc *rpc) {
  raft_time hint = retry_hint (rpc);
  raft_time pause = client_pause_hinted (client, state->tries, hint);
  client->endpoints[endpoint].reason = raft_error_text (rpc->error);
  client->endpoints[endpoint].is_barred = false;
  if (is_refusal (rpc->error)) {
    client_refused (client, state, rpc->error, hint);
  }
  if (rpc->error == RAFT_ETOO_STALE) {
    client_reader_leave (client, endpoint);
    client_try_again (client, state, 0);
    return;
  }
  if (rpc->error == RAFT_ENOT_LEADER) {
    on_not_leader (client, state, endpoint, rpc);
    return;
  }
  if (rpc->error == RAFT_ECLOSED || rpc->error == RAFT_EMACHINE) {
    client_endpoint_failed (client, endpoint, raft_error_text (rpc->error));
  }
  client_try_again (client, state, pause);
}

/* The machine's message as the one value that a result is. */
static void finish_failed (struct client *client, struct client_state *state,
                           const struct wire_rpc *rpc) {
  struct client_call *call = state->call;
  client->result.size = 0;
  if (wire_value_string (&client->result, rpc->message.data,
                         rpc->message.size) == RAFT_OK) {
    call->result.data = client->result.data;
    call->result.size = client->result.size;
  }
  state->retry_us = retry_hint (rpc);
  client_finish (client, state, rpc->error, NULL);
  raft_fail (&call->detail, rpc->error, "%.*s",
             rpc->message.size > 250 ? 250 : (int)rpc->message.size,
             (const char *)rpc->message.data);
}

/* The session is gone on all members. What was sent in it may have been
** applied before it went; later calls get a new one. */
static void session_expired (struct client *client,
                             struct client_state *state) {
  if (client->session == state->session) {
    client->session = 0;
    client_ordered_clear (client);
  }
  client_finish (client, state, RAFT_ESESSION_EXPIRED,
                 "the session has expired; the command may have been "
                 "applied before");
}

/* No session is to be had: what waits for one is told why. */
static void open_failed (struct client *client, struct client_state *open,
                         const struct wire_rpc *rpc) {
  struct client_state *state = client_first (client, CLIENT_WAITING);
  struct raft_detail why;
  client->is_opening = false;
  (void)raft_fail (&why, rpc->error, "%.*s",
                   rpc->message.size > 250 ? 250 : (int)rpc->message.size,
                   (const char *)rpc->message.data);
  client_finish (client, open, rpc->error, why.text);
  while (state != NULL) {
    struct client_state *next = client_next (client, state);
    if (state->kind == CLIENT_PROPOSE && state->session == 0) {
      client_finish (client, state, rpc->error, why.text);
    }
    state = next;
  }
}

static void on_error (struct client *client, struct client_state *state,
                      unsigned endpoint, const struct wire_rpc *rpc) {
  if (is_worth_another_try (client, state, rpc->error)) {
    if (state->place == CLIENT_SENT && state->endpoint == endpoint) {
      try_elsewhere (client, state, endpoint, rpc);
    }
    return;
  }
  if (state->kind == CLIENT_OPEN) {
    open_failed (client, state, rpc);
    return;
  }
  if (rpc->error == RAFT_ESESSION_EXPIRED && state->kind == CLIENT_PROPOSE) {
    session_expired (client, state);
    return;
  }
  finish_failed (client, state, rpc);
}

/* ---- successes -------------------------------------------------------- */

static void on_opened (struct client *client, struct client_state *state,
                       struct wire_view result) {
  uint64_t id;
  client->is_opening = false;
  if (wire_number_decode (result, &id) == RAFT_OK && id != 0) {
    raft_assert (client_list_is_empty (&client->ordered));
    client->session = id;
    client->next_sequence = 1;
  }
  client_finish (client, state, RAFT_OK, NULL);
}

void client_on_answer (struct client *client, unsigned endpoint,
                       const struct wire_rpc *rpc) {
  struct client_state *state = client_state_of_id (client, rpc->id);
  if (state == NULL) {
    return;
  }
  if (rpc->error != RAFT_OK) {
    on_error (client, state, endpoint, rpc);
    return;
  }
  client_endpoint_well (client, endpoint);
  client->hops = 0;
  if (state->kind == CLIENT_OPEN) {
    on_opened (client, state, rpc->result);
    return;
  }
  state->call->result = rpc->result;
  state->call->leader = client->endpoints[endpoint].member;
  client_finish (client, state, RAFT_OK, NULL);
}
