/* SPDX-License-Identifier: MIT
**
** rpc.h - MessagePack-RPC: requests, responses, notifications.
**
**   request       [0, id, method, params]
**   response      [1, id, error, result]
**   notification  [2, method, params]
**
** An error is nil, or [number, "message"], or, to a client that greeted,
** [number, "message", detail map], or, when its greeting says so, the string
** "name: message": Neovim knows no other numbers than 0 and 1. */

#ifndef RAFT_WIRE_RPC_H
#define RAFT_WIRE_RPC_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/types.h"

enum wire_rpc_type {
  WIRE_REQUEST = 0,
  WIRE_RESPONSE = 1,
  WIRE_NOTIFICATION = 2
};

/* A run of bytes inside a received message. */
struct wire_view {
  const uint8_t *data;
  size_t size;
};

/* A received object, taken apart to the first level. Views point into the
** received bytes. */
struct wire_rpc {
  enum wire_rpc_type type;
  uint32_t id;              /* request, response */
  struct wire_view method;  /* text, request and notification */
  struct wire_view params;  /* one MessagePack array */
  int error;                /* response: 0, or a RAFT_E… code; a foreign
                               error becomes RAFT_EUNKNOWN */
  struct wire_view message; /* response with error: text, may be empty */
  struct wire_view detail;  /* response with error: one map, may be empty */
  struct wire_view result;  /* response: one value */
};

/* What a propose request asks (method "propose"):
**   params [command] or [command, session, sequence, first] or the same and
**   the checksum, which is made here when it is not sent.
** command is any value; its bytes are the entry's payload. */
struct wire_propose {
  struct wire_view command;
  uint64_t session;    /* 0: none */
  uint64_t sequence;
  uint64_t first_unacknowledged;
  uint64_t checksum;   /* of command's bytes; computed when not sent */
};

enum wire_read {
  WIRE_READ_LINEAR = 0,
  WIRE_READ_STALE = 1, /* whatever this member has applied, within a bound */
  WIRE_READ_LEASE = 2, /* linear, by the leader's lease if it has one */
  WIRE_READ_FOLLOWER = 3 /* linear, of any member */
};

/* method "query": params [question], [question, kind], or
** [question, "stale", max_age_us, index] */
struct wire_query {
  struct wire_view question;
  enum wire_read read;
  raft_time max_age_us; /* STALE: the state is no older; 0: however old */
  raft_index index;     /* STALE: at least this is applied; 0: any */
};

RAFT_HIDDEN_BEGIN

/* Takes a whole scanned object apart.
** Errors: RAFT_EMALFORMED, RAFT_ENOMEM. */
int wire_rpc_decode (const uint8_t *data, size_t size, struct wire_rpc *rpc);

/* Encoders append one whole message. params and result are encoded values;
** an empty view stands for [] and nil. Errors: RAFT_ENOMEM. */
int wire_rpc_request (struct raft_buffer *out, uint32_t id,
                      const char *method, struct wire_view params);
int wire_rpc_result (struct raft_buffer *out, uint32_t id,
                     struct wire_view result);
/* text NULL: raft_error_text. detail: one map, or empty. */
int wire_rpc_error (struct raft_buffer *out, uint32_t id, int error,
                    const char *text, struct wire_view detail);
/* As a string: "not_leader: this member is not the leader". */
int wire_rpc_error_text (struct raft_buffer *out, uint32_t id, int error,
                         const char *text);
int wire_rpc_notification (struct raft_buffer *out, const char *method,
                           struct wire_view params);

/* The detail map of not_leader: { leader = id, address = "host:port" }, or
** what is known of it. id 0: an empty map. Errors: RAFT_ENOMEM. */
int wire_leader_detail (struct raft_buffer *out, raft_id leader,
                        const char *address);
/* Reads it; id 0 and an empty view when nothing is said.
** Errors: RAFT_EMALFORMED. */
int wire_leader_detail_decode (struct wire_view detail, raft_id *leader,
                               struct wire_view *address);

/* params of propose and query. Errors: RAFT_ENOMEM; decode:
** RAFT_EMALFORMED, with what was expected and what came in *detail. */
int wire_propose_encode (struct raft_buffer *out,
                         const struct wire_propose *propose);
int wire_propose_decode (struct wire_view params,
                         struct wire_propose *propose,
                         struct raft_detail *detail);
int wire_query_encode (struct raft_buffer *out,
                       const struct wire_query *query);
int wire_query_decode (struct wire_view params, struct wire_query *query,
                       struct raft_detail *detail);

/* A plain unsigned number as one value: results of "open_session".
** Errors: RAFT_ENOMEM; decode: RAFT_EMALFORMED. */
int wire_number_encode (struct raft_buffer *out, uint64_t number);
int wire_number_decode (struct wire_view value, uint64_t *number);

RAFT_HIDDEN_END

#endif
