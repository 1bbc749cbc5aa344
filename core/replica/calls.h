/* SPDX-License-Identifier: MIT
**
** calls.h - who waits for what: client connections and their calls.
**
** Holds:     connections by number with what is unanswered on each; proposals
**            that came in this turn; proposals that wait for their index.
** Knows not: the engine, the wire.
** Invariant: the calls that wait are sorted by index, one per index. */

#ifndef RAFT_REPLICA_CALLS_H
#define RAFT_REPLICA_CALLS_H

#include "base/buffer.h"
#include "base/memory.h"
#include "base/types.h"

struct replica_connection {
  uint64_t number;   /* the world's; 0: a free slot */
  uint64_t serial;   /* of this record: a number that comes again after its
                        end was asked for is another connection */
  uint64_t bytes;    /* of unanswered requests */
  uint32_t requests; /* unanswered */
  bool greeted;      /* it gets a detail map with errors */
  bool text_errors;  /* or the error as one string */
  bool is_admin;     /* it may ask for what operators do */
};

/* Who asked: enough to answer, whatever became of the connection. */
struct replica_caller {
  uint64_t connection; /* 0: nobody */
  uint64_t serial;     /* of its record */
  uint32_t id;         /* of the request */
  uint32_t bytes;      /* of the request, as counted on the connection */
};

/* A command that came in this turn. */
struct replica_proposal {
  struct replica_caller caller;
  uint64_t session;
  uint64_t sequence;
  uint64_t first_unacknowledged;
  uint64_t checksum;
  size_t offset;       /* of its payload in the intake's bytes */
  uint32_t size;       /* bytes of the payload */
  uint8_t kind;        /* enum raft_entry_kind */
};

/* A call that waits for what is applied at its index. */
struct replica_call {
  struct replica_caller caller;
  raft_index index;
  raft_term term;
};

struct replica_calls {
  struct raft_memory *memory;
  struct replica_connection *connections; /* open addressing */
  size_t connection_slots; /* a power of two, or 0 */
  size_t connection_count;
  uint64_t serial;         /* of the newest connection */
  struct replica_proposal *proposals; /* of this turn */
  size_t proposal_count;
  size_t proposal_next;    /* those before it were stepped or answered */
  size_t proposal_capacity;
  struct raft_buffer payloads;
  struct replica_call *waiting; /* a ring: slot modulo capacity */
  size_t waiting_capacity;      /* a power of two, or 0 */
  size_t waiting_first;
  size_t waiting_count;
};

RAFT_HIDDEN_BEGIN

void replica_calls_init (struct replica_calls *calls,
                         struct raft_memory *memory);
void replica_calls_free (struct replica_calls *calls);

/* The connection, NULL: not known. Valid until one is added or removed. */
struct replica_connection *replica_connection_find (
  const struct replica_calls *calls, uint64_t number);
/* The same, made when it is new. Errors: NULL, out of memory. */
struct replica_connection *replica_connection_make (
  struct replica_calls *calls, uint64_t number);
void replica_connection_remove (struct replica_calls *calls,
                                uint64_t number);

/* Adds a proposal with a copy of its payload. Errors: RAFT_ENOMEM. */
int replica_calls_propose (struct replica_calls *calls,
                           const struct replica_proposal *proposal,
                           const uint8_t *payload);

/* Room for 'count' more waiting calls. Errors: RAFT_ENOMEM. */
int replica_calls_reserve (struct replica_calls *calls, size_t count);
void replica_calls_push (struct replica_calls *calls,
                         const struct replica_call *call); /* reserved */
/* The call with the lowest index, or with the highest; NULL: none. */
struct replica_call *replica_calls_oldest (const struct replica_calls *calls);
struct replica_call *replica_calls_newest (const struct replica_calls *calls);
void replica_calls_pop_oldest (struct replica_calls *calls);
void replica_calls_pop_newest (struct replica_calls *calls);

RAFT_HIDDEN_END

#endif
