/* SPDX-License-Identifier: MIT
**
** inside.h - one client from the inside: struct client, its calls, its
** endpoints.
**
**   propose, query ─► waiting ──────► sent ─► done
**                        ▲   endpoint   │
**                        └── not_leader, overloaded, silence, link down
**
** Rule: entry points only move calls between lists; client_leave sends what
**       can be sent, and completes last of all: a caller may do anything in
**       its 'done', also end the client.
** Invariant: a call is in exactly one list; the request id on the wire names
**       slot and life, so that an answer to an earlier life is noticed. */

#ifndef RAFT_CLIENT_INSIDE_H
#define RAFT_CLIENT_INSIDE_H

#include "base/chunk.h"
#include "base/panic.h"
#include "client/client.h"
#include "wire/configuration.h"

#define CLIENT_SLOT_BITS 11 /* CLIENT_OUTSTANDING_MAX and the session's own */
#define CLIENT_SLOTS (CLIENT_OUTSTANDING_MAX + 1)
#define CLIENT_METHOD_MAX 32  /* bytes of a method's name, with its end */
#define CLIENT_TRY_MIN (100 * RAFT_MILLISECOND) /* waiting for one answer */
#define CLIENT_TRY_MAX (400 * RAFT_MILLISECOND) /* by then a leader that has
                                 fallen silent was replaced */
#define CLIENT_BYTES_PER_MS 10000 /* a try lasts longer for what is large */
#define CLIENT_DIAL_US RAFT_SECOND
#define CLIENT_DOUBLINGS 5    /* of the pause: up to 32 times */
#define CLIENT_ELECTION_DOUBLINGS 1 /* while nobody leads: that is short */
#define CLIENT_HOPS 3         /* hints followed one after the other */
#define CLIENT_NOWHERE CLIENT_ENDPOINTS_MAX

enum client_kind {
  CLIENT_PROPOSE,
  CLIENT_QUERY,
  CLIENT_ASK,
  CLIENT_OPEN /* the session, for itself */
};

enum client_place { CLIENT_FREE, CLIENT_WAITING, CLIENT_SENT,
                    CLIENT_FINISHED };

struct client_link {
  struct client_link *next;
  struct client_link *previous;
};

struct client_state {
  struct client_link link;    /* first: of the list of its place */
  struct client_link ordered; /* of proposals of the session, by sequence */
  struct client_call *call;   /* NULL: CLIENT_OPEN */
  enum client_kind kind;
  enum client_place place;
  uint32_t slot;
  uint32_t life;
  struct raft_buffer body;    /* command, question or params; kept between
                                 lives, so that nothing is allocated then */
  char method[CLIENT_METHOD_MAX]; /* CLIENT_ASK */
  struct wire_query query;    /* CLIENT_QUERY, but for the question */
  uint64_t checksum;
  uint64_t session;           /* in which it was sent first; 0: not yet */
  uint64_t sequence;
  raft_time deadline;
  raft_time pause_until;      /* waiting: not sent before */
  raft_time try_until;        /* sent: then elsewhere */
  raft_time try_us;
  unsigned endpoint;          /* sent to; CLIENT_ASK: to be sent to */
  unsigned tries;
  unsigned tries_in_doubt;    /* neither answered nor refused */
  int refusal;                /* the last that only asked for another try */
  raft_time retry_us;         /* what came with it, 0: nothing */
};

enum client_endpoint_state { ENDPOINT_IDLE, ENDPOINT_DIALLING,
                             ENDPOINT_CONNECTED };

struct client_endpoint {
  char address[WIRE_ADDRESS_MAX];
  raft_id member;           /* RAFT_ID_NONE: not known */
  enum client_endpoint_state state;
  unsigned failures;        /* in a row */
  raft_time pause_until;    /* not chosen before, unless nothing else is */
  raft_time dial_until;     /* dialling: given up then */
  raft_time heard;          /* connected: the last sign of life */
  const char *reason;       /* why it gave no answer last, of static life;
                               NULL: it did, or was not asked */
  bool is_barred;           /* that was so of connecting to it */
};

struct client {
  struct client_options options;
  enum raft_bug bug;
  unsigned depth;
  bool closing;
  bool *gone;
  raft_time now;
  struct client_state *slots[CLIENT_SLOTS];
  unsigned slot_count;      /* ever made */
  unsigned outstanding;     /* calls of the caller */
  struct client_link lists[CLIENT_FINISHED + 1]; /* by place */
  struct client_link ordered;
  struct client_endpoint endpoints[CLIENT_ENDPOINTS_MAX];
  unsigned endpoint_count;
  unsigned target;          /* who leads, as far as known; CLIENT_NOWHERE */
  unsigned next_endpoint;   /* to be tried when nothing is known */
  unsigned hops;            /* hints that led from one to the target */
  unsigned reader;          /* who is asked what any member may answer */
  unsigned next_reader;     /* that is tried then */
  uint64_t session;         /* 0: none */
  uint64_t next_sequence;
  bool is_opening;
  struct raft_buffer params;
  struct raft_buffer message;
  struct raft_buffer result;
  struct raft_chunk chunk;
};

RAFT_HIDDEN_BEGIN

/* ---- client.c --------------------------------------------------------- */
void client_enter (struct client *client);
void client_leave (struct client *client);

/* ---- call.c: slots and lists ------------------------------------------ */
void client_list_init (struct client_link *list);
bool client_list_is_empty (const struct client_link *list);
/* A free slot, with room for 'size' bytes. Errors: NULL, out of memory. */
struct client_state *client_state_new (struct client *client,
                                       enum client_kind kind, size_t size);
/* To the end of the list of another place. */
void client_state_move (struct client *client, struct client_state *state,
                        enum client_place place);
struct client_state *client_first (const struct client *client,
                                   enum client_place place);
/* The one behind it in the same list, NULL: the last. */
struct client_state *client_next (const struct client *client,
                                  const struct client_state *state);
uint32_t client_state_id (const struct client_state *state);
/* NULL: over. */
struct client_state *client_state_of_id (const struct client *client,
                                         uint32_t id);
/* Puts a call to those that client_leave completes. */
void client_finish (struct client *client, struct client_state *state,
                    int status, const char *text);
void client_states_free (struct client *client);
/* In a session: the lowest sequence that still waits for its answer. */
uint64_t client_first_unacknowledged (const struct client *client);
/* The session is gone: its calls are no longer in an order. */
void client_ordered_clear (struct client *client);

/* ---- endpoint.c: who is asked ----------------------------------------- */
/* The endpoint of an address, added when new; CLIENT_NOWHERE: no room. */
unsigned client_endpoint_of (struct client *client, const char *address,
                             size_t size);
/* Who is to be asked now, connected; CLIENT_NOWHERE: nobody yet (a dial is
** under way, or a pause). */
unsigned client_target (struct client *client);
/* The same, for what any member may answer. */
unsigned client_reader (struct client *client);
/* Not that one any more. */
void client_reader_leave (struct client *client, unsigned endpoint);
/* Dials when idle and not in a pause. True: it is connected. */
bool client_dial (struct client *client, unsigned endpoint);
/* It did not answer, or not well: others first, for a while. */
void client_endpoint_failed (struct client *client, unsigned endpoint,
                             const char *reason);
void client_endpoint_well (struct client *client, unsigned endpoint);
void client_endpoints_on_time (struct client *client);
raft_time client_endpoints_deadline (const struct client *client);
raft_time client_pause (struct client *client, unsigned tries);
raft_time client_pause_hinted (struct client *client, unsigned tries,
                               raft_time hint);

/* ---- send.c ----------------------------------------------------------- */
/* Sends what waits and can be sent. */
void client_pump (struct client *client);
/* Back to those that wait, after a pause. */
void client_try_again (struct client *client, struct client_state *state,
                       raft_time pause);
/* Whether any member may answer. */
bool client_is_for_anyone (const struct client_state *state);
/* Whether a call may be sent a second time. */
bool client_may_repeat (const struct client *client,
                        const struct client_state *state);

/* ---- failure.c -------------------------------------------------------- */
/* Whether it may be applied, or come to be. */
bool client_is_in_doubt (const struct client_state *state);
/* The last try was refused, for certain: none of it is or will be done. */
void client_refused (struct client *client, struct client_state *state,
                     int refusal, raft_time retry_us);
/* Its deadline is over. */
void client_expire (struct client *client, struct client_state *state);
/* The only endpoint that it may ask is not there. */
void client_unreachable (struct client *client, struct client_state *state);

/* ---- answer.c --------------------------------------------------------- */
void client_on_answer (struct client *client, unsigned endpoint,
                       const struct wire_rpc *rpc);

RAFT_HIDDEN_END

#endif
