/* SPDX-License-Identifier: MIT
**
** client.h - one pretended client: core/client as it is, over the pretended
** network; its operations, and a random workload of them.
**
** Holds:     connections by endpoint, operations under way and finished.
** Invariant: every invocation and completion passes the oracle of the checks
**            (check_client.c), whoever asked for it. */

#ifndef RAFT_SIM_CLIENT_H
#define RAFT_SIM_CLIENT_H

#include "base/memory.h"
#include "client/client.h"
#include "sim/world.h"

/* A bounded read is a stale one that must not be older than max_age_us. */
enum sim_operation_kind { SIM_WRITE, SIM_READ, SIM_STALE_READ, SIM_LEASE_READ,
                          SIM_FOLLOWER_READ, SIM_BOUNDED_READ };

/* How long a call may take, and how old what a bounded read sees may be. */
struct sim_terms {
  raft_time deadline_us; /* 0: the client's */
  raft_time max_age_us;  /* 0: that of the options */
};

struct sim_operation {
  struct client_call call;     /* first: its owner is the client */
  uint64_t number;             /* of the run, from 1 */
  enum sim_operation_kind kind;
  bool is_random;              /* of the workload: not kept when done */
  bool is_refused;             /* at once: it was never sent */
  uint64_t key;                /* checksum of the encoded key */
  uint64_t payload;            /* checksum of the whole command */
  raft_time max_age_us;        /* of a bounded read, else 0 */
  raft_index floor;            /* a later version is owed to a write, at
                                  least this one to a read */
  raft_time invoked;
  int status;
  uint8_t *bytes;              /* the result, or empty */
  size_t size;
  size_t capacity;
  struct raft_detail detail;
  struct sim_operation *next;  /* spare, or finished and not yet taken */
  struct sim_operation *made;  /* the one made before it */
};

enum sim_endpoint_state { SIM_ENDPOINT_DOWN, SIM_ENDPOINT_DIALLING,
                          SIM_ENDPOINT_UP };

struct sim_endpoint {
  enum sim_endpoint_state state;
  raft_id member;              /* 0: an address of nobody */
  uint64_t attempt;
  uint64_t connection;
};

struct sim_client {
  struct sim_world *world;
  uint32_t number;             /* from 1 */
  bool has_session;
  bool is_pinned;              /* reaches its home only */
  raft_id home;                /* whom it asks first; 0: anybody */
  bool is_over;
  bool is_worker;              /* of the random workload */
  raft_time copied;            /* when a message of it was last doubled */
  bool is_probing;             /* what is invoked now is not kept when done */
  struct raft_arena arena;
  struct client *client;
  struct port_dial dial;
  struct port_clock clock;
  struct sim_endpoint endpoints[CLIENT_ENDPOINTS_MAX];
  struct sim_event time_event;
  struct sim_event work_event; /* the workload's next operation */
  struct raft_buffer scratch;
  unsigned random_outstanding;
  struct sim_operation *made;     /* all, newest first */
  struct sim_operation *spare;
  struct sim_operation *finished; /* oldest first */
  struct sim_operation *finished_last;
};

RAFT_HIDDEN_BEGIN

/* Of the kinds of operations: "write", … "bounded"; NULL behind the last. */
extern const char *const sim_operation_words[];

/* A client that knows all members. NULL: too many, or out of memory. */
struct sim_client *sim_client_new (struct sim_world *world,
                                   bool has_session);
/* One that asks 'home' first, or, pinned, reaches no other. 0: anybody. */
struct sim_client *sim_client_new_at (struct sim_world *world,
                                      bool has_session, raft_id home,
                                      bool is_pinned);
void sim_client_free (struct sim_client *client);

/* Starts one operation: 'bytes' is an encoded command or question. Its
** number, or 0 when it was refused at once (the code in *status). */
uint64_t sim_client_invoke (struct sim_client *client,
                            enum sim_operation_kind kind,
                            struct wire_view bytes, struct sim_terms terms,
                            int *status);
/* The oldest finished operation that was not random, NULL when there is
** none; to be given back. */
struct sim_operation *sim_client_take (struct sim_client *client);
void sim_client_give_back (struct sim_client *client,
                           struct sim_operation *operation);

void sim_client_handle (struct sim_client *client, struct sim_event *event);

/* Starts random operations, as the options say (workload.c). */
void sim_workload_start (struct sim_client *client);
void sim_workload_on_event (struct sim_client *client);
/* One write and one read, which must succeed when all is well; only the read
** where a write without session may end in doubt. How many there were. */
unsigned sim_workload_probe (struct sim_client *client);
/* Calls of all clients that have not completed. */
unsigned sim_clients_outstanding (const struct sim_world *world);

RAFT_HIDDEN_END

#endif
