/* SPDX-License-Identifier: MIT
**
** client.h - one client: finds the leader, tries again, and says honestly
** what it does not know.
**
** Holds:     calls and their completions, endpoints, one session.
** Knows not: sockets (port_dial), threads, Lua.
** Invariant: each accepted call completes exactly once, by its deadline.
** Rule:      a proposal is sent again only inside its session, where the
**            members recognise it (Diss. 6.3); one whose deadline passes
**            while a try of it may be applied is RAFT_ETIMEOUT: its outcome
**            is unknown, nothing is undone. */

#ifndef RAFT_CLIENT_CLIENT_H
#define RAFT_CLIENT_CLIENT_H

#include "base/bug.h"
#include "base/error.h"
#include "base/limit.h"
#include "base/memory.h"
#include "port/clock.h"
#include "port/net.h"
#include "wire/rpc.h"

#define CLIENT_ENDPOINTS_MAX 64
#define CLIENT_OUTSTANDING_MAX 1024 /* calls; beyond: RAFT_EOVERLOADED */
#define CLIENT_COMMAND_MAX (8 * RAFT_MIB) /* what a member takes from one
                                             connection (base/limit.h) */

struct client;

struct client_options {
  struct raft_memory *memory;
  struct port_dial *dial;
  struct port_clock *clock;
  const char *const *addresses;  /* "host:port" */
  unsigned address_count;        /* 1 … CLIENT_ENDPOINTS_MAX */
  raft_time deadline_us;         /* of a call that names none; default 5 s */
  raft_time retry_us;            /* first pause before another try; doubles,
                                    with chance, up to 32 times; 10 ms */
  bool no_session;               /* proposals are at-least-once */
  bool begins_at_first;          /* address; else at one by chance */
  enum raft_bug bug;
};

/* One call: zeroed, then filled by the caller, who keeps it until 'done'. */
struct client_call {
  void (*done) (struct client_call *call);
  void *owner;
  raft_time deadline_us;   /* from now; 0: the client's */
  /* Result, valid during 'done': */
  int status;              /* 0; RAFT_EAPPLY_FAILED: 'result' is the machine's
                              message; any other code */
  struct wire_view result; /* one encoded value */
  struct raft_detail detail;
  raft_id leader;          /* as far as known, RAFT_ID_NONE else */
  raft_time retry_us;      /* RAFT_EOVERLOADED: when to come again, 0: not
                              said */
  /* The client's: */
  void *state;
};

RAFT_HIDDEN_BEGIN

/* Errors: RAFT_ENOMEM, RAFT_EINVALID. */
int client_new (struct client **client, const struct client_options *options);
/* Completes what is outstanding with RAFT_ECLOSED (never sent) or
** RAFT_EUNKNOWN (sent), and frees. */
void client_free (struct client *client);

/* 'command' and 'question' are encoded values, copied. On an error 'done' is
** not called. Errors: RAFT_ENOMEM, RAFT_EOVERLOADED, RAFT_ECLOSED,
** RAFT_ETOO_LARGE. */
int client_propose (struct client *client, struct client_call *call,
                    struct wire_view command);
int client_query (struct client *client, struct client_call *call,
                  const struct wire_query *query);
/* One request to one endpoint, whoever leads: "status" and the like.
** endpoint: index into the addresses. */
int client_ask (struct client *client, struct client_call *call,
                unsigned endpoint, const char *method,
                struct wire_view params);
/* Gives up: completes with RAFT_ECANCELLED, inside this call; or as it ended
** just now, when that is known and was not told yet. */
void client_cancel (struct client *client, struct client_call *call);

/* ---- what happens in the world ---------------------------------------- */

void client_on_connected (struct client *client, unsigned endpoint);
/* 'reason' in words, of static life; NULL: 'why' says it all. */
void client_on_disconnected (struct client *client, unsigned endpoint,
                             enum net_down why, const char *reason);
/* One whole scanned object. Anything not understood ends the connection. */
void client_on_message (struct client *client, unsigned endpoint,
                        const uint8_t *data, size_t size);
void client_on_time (struct client *client);
raft_time client_deadline (const struct client *client);

/* Calls that have not completed. */
unsigned client_outstanding (const struct client *client);

RAFT_HIDDEN_END

#endif
