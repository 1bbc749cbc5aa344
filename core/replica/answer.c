/* SPDX-License-Identifier: MIT
**
** answer.c - what clients are told.
**
** A call is answered once: what was counted for it on its connection is given
** back. When there is no memory for an answer, the connection is ended: a
** client that hears nothing would wait for its deadline, and one that sees
** the end asks again, or says 'unknown'. */

#include <string.h>

#include "replica/inside.h"

static struct replica_connection *answer_settle (
  struct replica *replica, const struct replica_caller *caller) {
  struct replica_connection *connection
    = replica_connection_find (&replica->calls, caller->connection);
  if (connection == NULL || connection->serial != caller->serial) {
    return NULL;
  }
  if (caller->bytes > 0) {
    raft_assert (connection->requests > 0
                 && connection->bytes >= caller->bytes);
    connection->requests--;
    connection->bytes -= caller->bytes;
  }
  return connection;
}

static void answer_send (struct replica *replica, uint64_t connection,
                         int status) {
  struct port_net *net = replica->options.net;
  struct raft_slice bytes;
  if (status == RAFT_OK) {
    status = raft_chunk_copy (&replica->chunk, replica->scratch.data,
                              replica->scratch.size, &bytes);
  }
  if (status == RAFT_OK) {
    net->reply (net, connection, bytes);
  } else {
    replica_connection_remove (&replica->calls, connection);
    net->hang_up (net, connection);
  }
}

void replica_answer_value (struct replica *replica,
                           const struct replica_caller *caller,
                           const uint8_t *data, size_t size) {
  struct wire_view result;
  if (answer_settle (replica, caller) == NULL) {
    return;
  }
  result.data = data;
  result.size = size;
  replica->scratch.size = 0;
  answer_send (replica, caller->connection,
               wire_rpc_result (&replica->scratch, caller->id, result));
}

void replica_answer_number (struct replica *replica,
                            const struct replica_caller *caller,
                            uint64_t number) {
  int status;
  replica->value.size = 0;
  status = wire_number_encode (&replica->value, number);
  if (status == RAFT_OK) {
    replica_answer_value (replica, caller, replica->value.data,
                          replica->value.size);
  } else if (answer_settle (replica, caller) != NULL) {
    answer_send (replica, caller->connection, status);
  }
}

/* { retry_ms = n } */
static int answer_retry_detail (struct raft_buffer *out) {
  int status = wire_value_map (out, 1);
  status |= wire_value_string (out, "retry_ms", 8);
  status |= wire_value_unsigned (out, REPLICA_RETRY_HINT_MS);
  return status == RAFT_OK ? RAFT_OK : RAFT_ENOMEM;
}

static int answer_detail (struct replica *replica, int error,
                          struct wire_view *detail) {
  int status = RAFT_OK;
  replica->value.size = 0;
  if (error == RAFT_ENOT_LEADER) {
    status = wire_leader_detail (
      &replica->value, replica->leader,
      replica_address_of (replica, replica->leader));
  } else if (error == RAFT_EOVERLOADED) {
    status = answer_retry_detail (&replica->value);
  }
  detail->data = replica->value.data;
  detail->size = replica->value.size;
  return status;
}

void replica_answer_error (struct replica *replica,
                           const struct replica_caller *caller, int error,
                           const char *text) {
  const struct replica_connection *connection
    = answer_settle (replica, caller);
  struct wire_view detail = { NULL, 0 };
  int status = RAFT_OK;
  if (connection == NULL) {
    return;
  }
  if (connection->greeted && !connection->text_errors) {
    status = answer_detail (replica, error, &detail);
  }
  replica->scratch.size = 0;
  if (connection->text_errors) {
    status = wire_rpc_error_text (&replica->scratch, caller->id, error, text);
  } else if (status == RAFT_OK) {
    status = wire_rpc_error (&replica->scratch, caller->id, error, text,
                             detail);
  }
  answer_send (replica, caller->connection, status);
}
