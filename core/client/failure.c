/* SPDX-License-Identifier: MIT
**
** failure.c - what a call is told that ends without an answer, and why each
** endpoint did not give one.
**
** Rule: "unknown" is said of a proposal only, and only while a try of it has
** neither been answered nor refused. A question changes nothing, so there is
** nothing to be in doubt about; what every member refused was not done. */

#include <stdio.h>
#include <string.h>

#include "client/inside.h"

bool client_is_in_doubt (const struct client_state *state) {
  return state->kind == CLIENT_PROPOSE && state->tries_in_doubt > 0;
}

/* ---- endpoints --------------------------------------------------------- */

static const char *reason_of (const struct client_endpoint *at) {
  if (at->reason != NULL) {
    return at->reason;
  }
  return at->state == ENDPOINT_IDLE ? "not tried" : "no answer";
}

/* False: it did not fit. */
static bool describe_one (char *text, size_t size,
                          const struct client_endpoint *at, const char *mark) {
  int length = snprintf (text, size, "%s%s%s: %s", mark,
                         at->is_barred ? "cannot connect to " : "",
                         at->address, reason_of (at));
  return length >= 0 && (size_t)length < size;
}

/* "cannot connect to a:1: connection refused; b:1: not the leader", as many
** as there is room for. */
static void describe (const struct client *client,
                      const struct client_state *state, char *text,
                      size_t size) {
  static const char more[] = "; and others";
  size_t used = strlen (text);
  unsigned i;
  if (state->kind == CLIENT_ASK) {
    (void)describe_one (text + used, size - used,
                        &client->endpoints[state->endpoint], "");
    return;
  }
  for (i = 0; i < client->endpoint_count; i++) {
    if (!describe_one (text + used, size - used - sizeof more,
                       &client->endpoints[i], i == 0 ? "" : "; ")) {
      (void)snprintf (text + used, size - used, "%s", more);
      return;
    }
    used += strlen (text + used);
  }
}

static void finish (struct client *client, struct client_state *state,
                    int status, const char *what) {
  struct raft_detail detail;
  (void)raft_fail (&detail, status, "%s", what);
  describe (client, state, detail.text, sizeof detail.text);
  client_finish (client, state, status, detail.text);
}

/* ---- calls ------------------------------------------------------------- */

static bool is_anyone_reached (const struct client *client) {
  unsigned i;
  for (i = 0; i < client->endpoint_count; i++) {
    if (client->endpoints[i].state == ENDPOINT_CONNECTED) {
      return true;
    }
  }
  return false;
}

void client_expire (struct client *client, struct client_state *state) {
  if (client_is_in_doubt (state)) {
    client_finish (client, state, RAFT_ETIMEOUT, NULL);
  } else if (state->refusal == RAFT_EOVERLOADED) {
    finish (client, state, RAFT_EOVERLOADED,
            "the members were overloaded until the deadline, nothing was"
            " done: ");
  } else if (state->refusal == RAFT_EBUSY) {
    finish (client, state, RAFT_EBUSY,
            "leadership was being handed over until the deadline, nothing"
            " was done: ");
  } else if (state->refusal == RAFT_ENOT_LEADER
             && is_anyone_reached (client)) {
    finish (client, state, RAFT_ENOT_LEADER,
            "no leader is known, nothing was done: ");
  } else if (state->tries_in_doubt > 0) {
    finish (client, state, RAFT_ETIMEOUT,
            "the deadline passed before an answer came: ");
  } else {
    finish (client, state, RAFT_EUNREACHABLE,
            "no member could be reached in time, nothing was sent: ");
  }
}

void client_unreachable (struct client *client, struct client_state *state) {
  finish (client, state, RAFT_EUNREACHABLE, "");
}

void client_refused (struct client *client, struct client_state *state,
                     int refusal, raft_time retry_us) {
  struct client_state *other = client_first (client, CLIENT_WAITING);
  raft_assert (state->tries_in_doubt > 0);
  state->tries_in_doubt--;
  state->refusal = refusal;
  state->retry_us = retry_us;
  for (; state->kind == CLIENT_OPEN && other != NULL;
       other = client_next (client, other)) {
    if (other->kind == CLIENT_PROPOSE && other->session == 0) {
      other->refusal = refusal; /* it waits for what was refused */
      other->retry_us = retry_us;
    }
  }
}
