/* SPDX-License-Identifier: MIT
**
** service.c - what a client may ask of a member, as MessagePack-RPC.
**
**   propose        [command] or [command, session, sequence, first] or that
**                  and a checksum
**   query          [question], [question, "linear" | "lease" | "follower" |
**                  "stale"] or [question, "stale", max_age_us, index]
**   open_session   []                  -> the session's id
**   close_session  [id]
**   status         [] or ["state_hash"]
**   first_entry    []                  -> entry 1, for one who joins
**
** and an operator, whose connection comes from the host or from the member's
** directory (admin.c):
**
**   members        []
**   set_members    [{ voters, learners, expected, lease_us, drift_ppm }]
**   transfer       [] or [id]
**   step_down      []
**   snapshot       []
**
** Rule: every limit is looked at before anything is kept; what is past one is
** refused at once, with a hint when to come again. */

#include <string.h>

#include "base/checksum.h"
#include "replica/inside.h"

struct service_request {
  struct replica_connection *connection;
  struct replica_caller caller;
  struct wire_view params;
  uint32_t size; /* bytes of the whole request */
};

/* From here on the call is waiting, and counted on its connection. */
static void service_admit (struct service_request *request) {
  request->caller.bytes = request->size;
  request->connection->requests++;
  request->connection->bytes += request->size;
}

static void service_withdraw (struct service_request *request) {
  request->connection->requests--;
  request->connection->bytes -= request->size;
  request->caller.bytes = 0;
}

/* What an entry cannot hold says what it could. */
static void service_refuse (struct replica *replica,
                            const struct service_request *request,
                            int status, size_t size) {
  struct raft_detail why;
  const char *text = NULL;
  if (status == RAFT_ETOO_LARGE) {
    (void)raft_fail (&why, status, "expected a value of at most %zu bytes,"
                     " got one of %zu",
                     (size_t)replica->options.limits.entry_bytes
                       - WIRE_ENTRY_HEAD, size);
    text = why.text;
  }
  replica_answer_error (replica, &request->caller, status, text);
}

/* ---- writes ----------------------------------------------------------- */

/* Whether a command would be taken now. */
static int propose_is_allowed (const struct replica *replica,
                               uint64_t payload_size) {
  const struct raft_limits *limits = &replica->options.limits;
  if (WIRE_ENTRY_HEAD + payload_size > limits->entry_bytes) {
    return RAFT_ETOO_LARGE;
  }
  if (replica->role != RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (replica->is_diverged) {
    return RAFT_EDIVERGED;
  }
  if (replica->calls.payloads.size > 0
      && replica->calls.payloads.size + payload_size
           > limits->unapplied_bytes) {
    return RAFT_EOVERLOADED;
  }
  return RAFT_OK;
}

static void propose (struct replica *replica,
                     struct service_request *request,
                     struct replica_proposal *proposal,
                     struct wire_view payload) {
  int status = propose_is_allowed (replica, payload.size);
  if (status == RAFT_OK) {
    service_admit (request);
    proposal->caller = request->caller;
    proposal->size = (uint32_t)payload.size;
    status = replica_calls_propose (&replica->calls, proposal, payload.data);
    if (status != RAFT_OK) {
      service_withdraw (request);
    }
  }
  if (status != RAFT_OK) {
    service_refuse (replica, request, status, payload.size);
  }
}

static void serve_propose (struct replica *replica,
                           struct service_request *request) {
  struct wire_propose asked;
  struct replica_proposal proposal;
  struct raft_detail why;
  int status = wire_propose_decode (request->params, &asked, &why);
  if (status != RAFT_OK) {
    replica_answer_error (replica, &request->caller, status, why.text);
    return;
  }
  memset (&proposal, 0, sizeof proposal);
  proposal.kind = RAFT_ENTRY_COMMAND;
  proposal.session = asked.session;
  proposal.sequence = asked.sequence;
  proposal.first_unacknowledged = asked.first_unacknowledged;
  proposal.checksum = asked.checksum;
  propose (replica, request, &proposal, asked.command);
}

static void propose_session (struct replica *replica,
                             struct service_request *request, uint8_t kind,
                             uint64_t session) {
  struct replica_proposal proposal;
  struct wire_view nothing = { NULL, 0 };
  memset (&proposal, 0, sizeof proposal);
  proposal.kind = kind;
  proposal.session = session;
  proposal.checksum = raft_checksum (NULL, 0, 0);
  propose (replica, request, &proposal, nothing);
}

static void serve_open_session (struct replica *replica,
                                struct service_request *request) {
  propose_session (replica, request, RAFT_ENTRY_SESSION_OPEN, 0);
}

static void serve_close_session (struct replica *replica,
                                 struct service_request *request) {
  struct wire_cursor cursor = { request->params.data, request->params.size,
                                0 };
  struct wire_value array, id;
  if (wire_cursor_next (&cursor, &array) != RAFT_OK
      || array.type != WIRE_ARRAY || array.count != 1
      || wire_cursor_next (&cursor, &id) != RAFT_OK
      || id.type != WIRE_INTEGER || id.integer <= 0
      || (uint64_t)id.integer > RAFT_INDEX_MAX) {
    replica_answer_error (replica, &request->caller, RAFT_EMALFORMED,
                          "close_session: expected [id], a number from 1");
    return;
  }
  propose_session (replica, request, RAFT_ENTRY_SESSION_CLOSE,
                   (uint64_t)id.integer);
}

/* ---- reads ------------------------------------------------------------ */

/* NULL: it was refused. */
static struct replica_read *add_read (struct replica *replica,
                                      struct service_request *request,
                                      enum read_state state,
                                      struct wire_view question) {
  struct raft_slice bytes;
  uint32_t slot = 0;
  int status = RAFT_OK;
  if (replica_reads_waiting (&replica->reads)
      >= replica->options.limits.reads) {
    status = RAFT_EOVERLOADED;
  } else if (question.size + WIRE_ENTRY_HEAD
             > replica->options.limits.entry_bytes) {
    status = RAFT_ETOO_LARGE;
  } else {
    status = raft_chunk_copy (&replica->chunk, question.data, question.size,
                              &bytes);
  }
  if (status == RAFT_OK) {
    service_admit (request);
    slot = replica_reads_add (&replica->reads, state, &request->caller, bytes);
    if (slot == 0) {
      service_withdraw (request);
      raft_slice_release (&bytes);
      status = RAFT_ENOMEM;
    }
  }
  if (status != RAFT_OK) {
    service_refuse (replica, request, status, question.size);
    return NULL;
  }
  return replica_reads_at (&replica->reads, slot);
}

static void serve_stale (struct replica *replica,
                         struct service_request *request,
                         const struct wire_query *asked) {
  struct replica_read *read;
  struct raft_detail why;
  if (asked->index > replica->applied) {
    (void)raft_fail (&why, RAFT_ETOO_STALE, "expected index %llu to be "
                     "applied, this member has %llu",
                     (unsigned long long)asked->index,
                     (unsigned long long)replica->applied);
    replica_answer_error (replica, &request->caller, RAFT_ETOO_STALE,
                          why.text);
    return;
  }
  read = add_read (replica, request,
                   asked->max_age_us > 0 ? READ_INTAKE : READ_READY,
                   asked->question);
  if (read != NULL) {
    read->kind = RAFT_READ_STALE;
    read->max_age_us = asked->max_age_us;
    replica->reads.served[RAFT_READ_STALE] += asked->max_age_us == 0;
  }
}

static void serve_linear (struct replica *replica,
                          struct service_request *request,
                          const struct wire_query *asked) {
  bool may_follow = asked->read == WIRE_READ_FOLLOWER;
  struct replica_read *read;
  if (may_follow ? replica->leader == RAFT_ID_NONE
                 : replica->role != RAFT_LEADER) {
    replica_answer_error (replica, &request->caller, RAFT_ENOT_LEADER, NULL);
    return;
  }
  read = add_read (replica, request, READ_INTAKE, asked->question);
  if (read != NULL) {
    read->kind = may_follow ? RAFT_READ_FOLLOWER
                 : asked->read == WIRE_READ_LEASE ? RAFT_READ_LEASE
                                                  : RAFT_READ_LINEAR;
  }
}

static void serve_query (struct replica *replica,
                         struct service_request *request) {
  struct wire_query asked;
  struct raft_detail why;
  int status = wire_query_decode (request->params, &asked, &why);
  if (status != RAFT_OK) {
    replica_answer_error (replica, &request->caller, status, why.text);
  } else if (asked.read == WIRE_READ_STALE) {
    serve_stale (replica, request, &asked);
  } else {
    serve_linear (replica, request, &asked);
  }
}

static void serve_status (struct replica *replica,
                          struct service_request *request) {
  static const uint8_t with_state[]
    = { 0x91, 0xaa, 's', 't', 'a', 't', 'e', '_', 'h', 'a', 's', 'h' };
  struct wire_view nothing = { NULL, 0 };
  int status;
  if (request->params.size == sizeof with_state
      && memcmp (request->params.data, with_state, sizeof with_state) == 0) {
    struct replica_read *read
      = add_read (replica, request, READ_READY, nothing);
    if (read != NULL) {
      read->is_digest = true;
    }
    return;
  }
  if (request->params.size != 1) {
    replica_answer_error (replica, &request->caller, RAFT_EMALFORMED,
                          "status: expected [] or [\"state_hash\"]");
    return;
  }
  replica->value.size = 0;
  status = replica_status_encode (replica, &replica->value, NULL);
  if (status == RAFT_OK) {
    replica_answer_value (replica, &request->caller, replica->value.data,
                          replica->value.size);
  } else {
    replica_answer_error (replica, &request->caller, status, NULL);
  }
}

/* ---- who joins -------------------------------------------------------- */

static void serve_first_entry (struct replica *replica,
                               struct service_request *request) {
  replica_first_answer (replica, &request->caller);
}

/* ---- the door --------------------------------------------------------- */

struct service_method {
  const char *name;
  void (*serve) (struct replica *replica, struct service_request *request);
  void (*administer) (struct replica *replica,
                      const struct replica_caller *caller,
                      struct wire_view params);
};

static const struct service_method methods[] = {
  { "propose", serve_propose, NULL },
  { "query", serve_query, NULL },
  { "open_session", serve_open_session, NULL },
  { "close_session", serve_close_session, NULL },
  { "status", serve_status, NULL },
  { "first_entry", serve_first_entry, NULL },
  { "members", NULL, replica_admin_members },
  { "set_members", NULL, replica_admin_set },
  { "transfer", NULL, replica_admin_transfer },
  { "step_down", NULL, replica_admin_step_down },
  { "snapshot", NULL, replica_admin_snapshot },
};

static const struct service_method *find_method (struct wire_view name) {
  size_t i;
  for (i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strlen (methods[i].name) == name.size
        && memcmp (methods[i].name, name.data, name.size) == 0) {
      return &methods[i];
    }
  }
  return NULL;
}

static void serve_request (struct replica *replica,
                           struct replica_connection *connection,
                           const struct wire_rpc *rpc, size_t size) {
  const struct raft_limits *limits = &replica->options.limits;
  const struct service_method *method = find_method (rpc->method);
  struct service_request request;
  request.connection = connection;
  request.caller.connection = connection->number;
  request.caller.serial = connection->serial;
  request.caller.id = rpc->id;
  request.caller.bytes = 0;
  request.params = rpc->params;
  request.size = (uint32_t)size;
  if (method == NULL) {
    replica_answer_error (replica, &request.caller, RAFT_ENO_METHOD, NULL);
  } else if (size > UINT32_MAX) {
    replica_answer_error (replica, &request.caller, RAFT_ETOO_LARGE, NULL);
  } else if (connection->requests >= limits->connection_requests
             || (connection->requests > 0
                 && connection->bytes + size > limits->connection_bytes)) {
    replica_answer_error (replica, &request.caller, RAFT_EOVERLOADED, NULL);
  } else if (method->serve != NULL) {
    method->serve (replica, &request);
  } else if (connection->is_admin) {
    method->administer (replica, &request.caller, request.params);
  } else {
    replica_answer_error (replica, &request.caller, RAFT_EDENIED,
                          "expected a connection through admin.sock in the "
                          "member's directory");
  }
}

static int serve_hello (struct replica *replica,
                        struct replica_connection *connection,
                        struct wire_view params) {
  struct wire_greeting greeting;
  int status = wire_greeting_decode (params, &greeting, NULL);
  if (status != RAFT_OK) {
    return status;
  }
  if (greeting.role != WIRE_ROLE_CLIENT) {
    return RAFT_EMALFORMED; /* a connection has one role */
  }
  if (greeting.cluster != 0
      && greeting.cluster != replica->identity.cluster) {
    return RAFT_EWRONG_CLUSTER;
  }
  connection->greeted = true;
  connection->text_errors = greeting.text_errors;
  return RAFT_OK;
}

static bool is_hello (struct wire_view method) {
  return method.size == 5 && memcmp (method.data, "hello", 5) == 0;
}

static int serve (struct replica *replica, uint64_t number,
                  const struct wire_view *bytes, bool is_admin) {
  struct replica_connection *connection;
  struct wire_rpc rpc;
  int status = wire_rpc_decode (bytes->data, bytes->size, &rpc);
  if (status != RAFT_OK || rpc.type == WIRE_RESPONSE) {
    return status == RAFT_ENOMEM ? status : RAFT_EMALFORMED;
  }
  if (replica_connection_find (&replica->calls, number) == NULL
      && replica->calls.connection_count
           >= replica->options.limits.connections) {
    return RAFT_EOVERLOADED;
  }
  connection = replica_connection_make (&replica->calls, number);
  if (connection == NULL) {
    return RAFT_ENOMEM;
  }
  connection->is_admin = is_admin;
  if (rpc.type == WIRE_REQUEST) {
    serve_request (replica, connection, &rpc, bytes->size);
  } else if (is_hello (rpc.method)) {
    return serve_hello (replica, connection, rpc.params);
  }
  return RAFT_OK;
}

static int on_request (struct replica *replica, uint64_t connection,
                       const struct wire_view *bytes, bool is_admin) {
  int status = RAFT_ECLOSED;
  replica_enter (replica);
  if (replica->life == REPLICA_OPEN) {
    status = serve (replica, connection, bytes, is_admin);
  }
  if (status != RAFT_OK) {
    replica_connection_remove (&replica->calls, connection);
  }
  replica_leave (replica);
  return status;
}

int replica_on_request (struct replica *replica, uint64_t connection,
                        const uint8_t *data, size_t size) {
  struct wire_view bytes = { data, size };
  return on_request (replica, connection, &bytes, false);
}

int replica_on_admin (struct replica *replica, uint64_t connection,
                      const uint8_t *data, size_t size) {
  struct wire_view bytes = { data, size };
  return on_request (replica, connection, &bytes, true);
}

void replica_on_hang_up (struct replica *replica, uint64_t connection) {
  replica_enter (replica);
  replica_connection_remove (&replica->calls, connection);
  replica_leave (replica);
}
