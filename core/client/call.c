/* SPDX-License-Identifier: MIT
**
** call.c - the slots that calls live in, and the lists they move through. */

#include <string.h>

#include "client/inside.h"

#define CLIENT_LIFE_MASK (((uint32_t)1 << (32 - CLIENT_SLOT_BITS)) - 1)

void client_list_init (struct client_link *list) {
  list->next = list;
  list->previous = list;
}

bool client_list_is_empty (const struct client_link *list) {
  return list->next == list;
}

static void link_remove (struct client_link *link) {
  link->previous->next = link->next;
  link->next->previous = link->previous;
  client_list_init (link);
}

static void link_push (struct client_link *list, struct client_link *link) {
  link->previous = list->previous;
  link->next = list;
  list->previous->next = link;
  list->previous = link;
}

struct client_state *client_first (const struct client *client,
                                   enum client_place place) {
  const struct client_link *list = &client->lists[place];
  return client_list_is_empty (list) ? NULL
                                     : (struct client_state *)list->next;
}

struct client_state *client_next (const struct client *client,
                                  const struct client_state *state) {
  const struct client_link *list = &client->lists[state->place];
  return state->link.next == list ? NULL
                                  : (struct client_state *)state->link.next;
}

void client_state_move (struct client *client, struct client_state *state,
                        enum client_place place) {
  link_remove (&state->link);
  state->place = place;
  link_push (&client->lists[place], &state->link);
}

static struct client_state *state_make (struct client *client) {
  struct client_state *state;
  if (client->slot_count == CLIENT_SLOTS) {
    return NULL;
  }
  state = raft_allocate_zeroed (client->options.memory, sizeof *state);
  if (state == NULL) {
    return NULL;
  }
  raft_buffer_init (&state->body, client->options.memory);
  client_list_init (&state->link);
  client_list_init (&state->ordered);
  state->slot = client->slot_count;
  client->slots[client->slot_count++] = state;
  client_state_move (client, state, CLIENT_FREE);
  return state;
}

struct client_state *client_state_new (struct client *client,
                                       enum client_kind kind, size_t size) {
  struct client_state *state = client_first (client, CLIENT_FREE);
  if (state == NULL) {
    state = state_make (client);
  }
  if (state == NULL) {
    return NULL;
  }
  state->body.size = 0;
  if (raft_buffer_reserve (&state->body, size) != RAFT_OK) {
    return NULL;
  }
  state->life = (state->life + 1) & CLIENT_LIFE_MASK;
  state->call = NULL;
  state->kind = kind;
  state->session = 0;
  state->sequence = 0;
  state->deadline = RAFT_TIME_MAX;
  state->pause_until = 0;
  state->try_until = RAFT_TIME_MAX;
  state->try_us = CLIENT_TRY_MAX;
  state->endpoint = CLIENT_NOWHERE;
  state->tries = 0;
  state->tries_in_doubt = 0;
  state->refusal = RAFT_OK;
  state->retry_us = 0;
  client_state_move (client, state, CLIENT_WAITING);
  return state;
}

uint32_t client_state_id (const struct client_state *state) {
  return state->life << CLIENT_SLOT_BITS | state->slot;
}

struct client_state *client_state_of_id (const struct client *client,
                                         uint32_t id) {
  uint32_t slot = id & (((uint32_t)1 << CLIENT_SLOT_BITS) - 1);
  struct client_state *state;
  if (slot >= client->slot_count) {
    return NULL;
  }
  state = client->slots[slot];
  if ((state->place != CLIENT_WAITING && state->place != CLIENT_SENT)
      || client_state_id (state) != id) {
    return NULL;
  }
  return state;
}

void client_finish (struct client *client, struct client_state *state,
                    int status, const char *text) {
  link_remove (&state->ordered);
  if (state->call == NULL) {
    client_state_move (client, state, CLIENT_FREE);
    return;
  }
  state->call->status = status;
  state->call->retry_us = status == RAFT_EOVERLOADED ? state->retry_us : 0;
  raft_fail (&state->call->detail, status, "%s",
             text != NULL ? text
                          : status != RAFT_OK ? raft_error_text (status)
                                              : "");
  client_state_move (client, state, CLIENT_FINISHED);
}

void client_ordered_clear (struct client *client) {
  while (!client_list_is_empty (&client->ordered)) {
    link_remove (client->ordered.next);
  }
}

uint64_t client_first_unacknowledged (const struct client *client) {
  const struct client_state *oldest;
  if (client_list_is_empty (&client->ordered)) {
    return client->next_sequence;
  }
  oldest = (const struct client_state *)(const void *)(
    (const char *)client->ordered.next
    - offsetof (struct client_state, ordered));
  return oldest->sequence;
}

void client_states_free (struct client *client) {
  unsigned i;
  for (i = 0; i < client->slot_count; i++) {
    raft_buffer_free (&client->slots[i]->body);
    raft_release (client->options.memory, client->slots[i],
                  sizeof *client->slots[i]);
  }
  client->slot_count = 0;
}
