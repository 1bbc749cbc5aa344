/* SPDX-License-Identifier: MIT
**
** connection.c - whoever dialled us: members, our clients, foreign clients.
**
** Rule: a connection has one role, from its first message: a member's
**       greeting, a client's greeting, or a request of a client that does not
**       greet.
** Rule: everything is bounded: their number, what one may send before it is
**       heard, what lies unread at its end, how long it may say nothing. */

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "uv/inside.h"
#include "uv/stream.h"
#include "wire/greeting.h"

#define ROOM_FOR_MEMBERS ((size_t)64) /* connections beside the clients' */
#define ENVELOPE_BYTES ((uint64_t)64 * 1024) /* around an entry, at most */
#define ELEMENTS_MAX ((uint64_t)1024 * 1024)

enum connection_role { ROLE_NEW, ROLE_CLIENT, ROLE_MEMBER };

struct real_connection {
  struct real_stream stream; /* first */
  struct real_server *server;
  uint64_t number;
  enum connection_role role;
  bool is_admin;             /* came through the directory */
  raft_id member;            /* ROLE_MEMBER */
  uint64_t incarnation;      /* ROLE_MEMBER */
  bool is_bulk;              /* ROLE_MEMBER: its snapshots come here */
  raft_time accepted;
  struct real_connection *next_dirty;
  bool is_dirty;
  bool is_doomed;            /* reads too slowly: ends at once */
  bool is_hung_up;           /* by the replica: ends when all is sent */
  bool is_forgotten;         /* its member is none any more */
  bool has_left;             /* the replica knows nothing of it any more */
};

static struct real_server *server_of (struct port_net *net) {
  return (struct real_server *)(void *)((char *)net
                                        - offsetof (struct real_server,
                                                    net));
}

static struct real_connection *find (struct real_server *server,
                                     uint64_t number) {
  struct real_connection *connection
    = server->slots[number % server->slot_count];
  return connection != NULL && connection->number == number
             && !connection->has_left
           ? connection
           : NULL;
}

/* ---- ending ------------------------------------------------------------ */

static void call_hang_up (struct real_server *server, void *argument) {
  const uint64_t *number = argument;
  replica_on_hang_up (server->replica, *number);
}

/* From here on it is only a stream that may have bytes to send. */
static void leave (struct real_connection *connection) {
  struct real_server *server = connection->server;
  if (connection->has_left) {
    return;
  }
  connection->has_left = true;
  connection->accepted = real_server_now (server);
  if (connection->role == ROLE_CLIENT && server->state != REAL_STATE_ENDING) {
    real_server_enter (server, call_hang_up, &connection->number);
  }
}

static void connection_close (struct real_connection *connection) {
  leave (connection);
  real_stream_close (&connection->stream);
}

static void connection_finish (struct real_connection *connection) {
  leave (connection);
  real_stream_finish (&connection->stream);
}

static void free_slot (struct real_connection *connection) {
  struct real_server *server = connection->server;
  size_t slot = (size_t)(connection->number % server->slot_count);
  if (server->slots[slot] == connection) {
    server->slots[slot] = NULL;
    server->connection_count--;
  }
}

static void on_closed (struct real_stream *stream) {
  struct real_connection *connection = (struct real_connection *)stream;
  struct real_connection **at = &connection->server->dirty;
  while (*at != NULL && *at != connection) {
    at = &(*at)->next_dirty;
  }
  if (*at == connection) {
    *at = connection->next_dirty;
  }
  free_slot (connection);
  free (connection);
}

static void call_garbage (struct real_server *server, void *argument) {
  const struct real_connection *connection = argument;
  replica_on_garbage (server->replica, connection->member);
}

static void on_end (struct real_stream *stream, int status) {
  struct real_connection *connection = stream->owner;
  if (status == UV_EPROTO && connection->role == ROLE_MEMBER
      && !connection->has_left) {
    real_server_enter (connection->server, call_garbage, connection);
  }
  connection_close (stream->owner);
}

/* ---- what comes -------------------------------------------------------- */

struct object_call {
  struct real_connection *connection;
  const uint8_t *data;
  size_t size;
  int status;
};

static void limit_member (struct real_connection *connection) {
  const struct raft_limits *limits = &connection->server->options.limits;
  struct wire_scan_limits scan;
  scan.bytes = limits->append_bytes + limits->entry_bytes + ENVELOPE_BYTES;
  scan.elements = limits->append_entries + 64;
  scan.depth = 8;
  real_stream_limit (&connection->stream, &scan);
}

static void limit_client (struct real_connection *connection) {
  const struct raft_limits *limits = &connection->server->options.limits;
  struct wire_scan_limits scan;
  /* A request that is merely larger than an entry is answered too_large. */
  scan.bytes = (limits->connection_bytes > limits->entry_bytes
                  ? limits->connection_bytes
                  : limits->entry_bytes)
               + ENVELOPE_BYTES;
  scan.elements = ELEMENTS_MAX;
  scan.depth = WIRE_DEPTH_MAX;
  real_stream_limit (&connection->stream, &scan);
}

static void send_refusal (struct real_connection *connection,
                          const struct wire_refusal *refusal) {
  struct raft_buffer bytes;
  raft_buffer_init (&bytes, &raft_memory_plain);
  if (wire_refusal_encode (&bytes, refusal) == RAFT_OK) {
    (void)real_stream_send_bytes (&connection->stream, bytes.data,
                                  bytes.size);
  }
  raft_buffer_free (&bytes);
}

/* A member that dials again has lost its connection before we did, and hears
** nothing of what is said on it. A process that hears it is another one. */
static void replace (struct real_connection *older,
                     const struct wire_greeting *ours) {
  struct wire_refusal refusal;
  memset (&refusal, 0, sizeof refusal);
  refusal.code = RAFT_EEXISTS;
  refusal.cluster = ours->cluster;
  refusal.member = ours->member;
  (void)raft_fail (&refusal.why, refusal.code, "another process has the id "
                   "%llu and the incarnation %016llx of this member, and has "
                   "taken its place: is its directory a copy?",
                   (unsigned long long)older->member,
                   (unsigned long long)older->incarnation);
  send_refusal (older, &refusal);
  connection_finish (older);
}

static void call_greeting (struct real_server *server, void *argument) {
  replica_greeting (server->replica, argument);
}

static void close_older (struct real_connection *connection) {
  struct real_server *server = connection->server;
  struct wire_greeting ours;
  memset (&ours, 0, sizeof ours);
  real_server_enter (server, call_greeting, &ours);
  for (size_t i = 0; i < server->slot_count; i++) {
    struct real_connection *other = server->slots[i];
    if (other != NULL && other != connection && !other->has_left
        && other->role == ROLE_MEMBER
        && other->member == connection->member
        && other->is_bulk == connection->is_bulk) {
      replace (other, &ours);
    }
  }
}

static int greet_back (struct real_connection *connection) {
  struct wire_greeting greeting;
  struct raft_buffer bytes;
  int status;
  raft_buffer_init (&bytes, &raft_memory_plain);
  replica_greeting (connection->server->replica, &greeting);
  status = wire_greeting_encode (&bytes, &greeting);
  if (status == RAFT_OK) {
    status = real_stream_send_bytes (&connection->stream, bytes.data,
                                     bytes.size);
  }
  raft_buffer_free (&bytes);
  return status;
}

static bool is_hello (const struct wire_rpc *rpc) {
  size_t size = strlen (WIRE_GREETING_METHOD);
  return rpc->type == WIRE_NOTIFICATION && rpc->method.size == size
         && memcmp (rpc->method.data, WIRE_GREETING_METHOD, size) == 0;
}

static int judge_member (struct real_connection *connection,
                         const struct wire_greeting *greeting) {
  char address[REAL_ADDRESS_TEXT] = "?";
  struct replica_origin origin = { RAFT_ID_NONE, address };
  struct wire_refusal refusal;
  int status;
  real_address_of_peer (&connection->stream.tcp, address);
  status = replica_judge (connection->server->replica, greeting, &origin,
                          &refusal);
  if (status == RAFT_OK) {
    connection->role = ROLE_MEMBER;
    connection->member = greeting->member;
    connection->incarnation = greeting->incarnation;
    connection->is_bulk = greeting->bulk;
    return greet_back (connection);
  }
  if (refusal.code != RAFT_OK) {
    send_refusal (connection, &refusal);
  }
  return status;
}

/* The first object decides who it is. */
static int take_role (struct object_call *call) {
  struct real_connection *connection = call->connection;
  struct wire_greeting greeting = { 0 };
  struct wire_rpc rpc;
  int status = wire_rpc_decode (call->data, call->size, &rpc);
  if (status == RAFT_OK && is_hello (&rpc)) {
    status = call->size > WIRE_GREETING_MAX
               ? RAFT_ETOO_LARGE
               : wire_greeting_decode (rpc.params, &greeting, NULL);
  }
  if (status == RAFT_OK && greeting.role == WIRE_ROLE_MEMBER) {
    status = judge_member (connection, &greeting);
  } else if (status == RAFT_OK) {
    connection->role = ROLE_CLIENT;
  }
  return status;
}

static void call_object (struct real_server *server, void *argument) {
  struct object_call *call = argument;
  struct real_connection *connection = call->connection;
  if (connection->role == ROLE_NEW) {
    call->status = take_role (call);
    if (call->status != RAFT_OK || connection->role == ROLE_MEMBER) {
      return;
    }
  }
  call->status
    = connection->role == ROLE_MEMBER
        ? replica_on_message (server->replica, connection->member,
                              call->data, call->size)
      : connection->is_admin
        ? replica_on_admin (server->replica, connection->number, call->data,
                            call->size)
        : replica_on_request (server->replica, connection->number,
                              call->data, call->size);
}

static void mark_dirty (struct real_connection *connection) {
  if (!connection->is_dirty) {
    connection->is_dirty = true;
    connection->next_dirty = connection->server->dirty;
    connection->server->dirty = connection;
  }
}

static void on_object (struct real_stream *stream, const uint8_t *data,
                       size_t size) {
  struct real_connection *connection = stream->owner;
  struct object_call call = { connection, data, size, RAFT_ECLOSED };
  bool was_new = connection->role == ROLE_NEW;
  if (connection->has_left || connection->is_hung_up
      || connection->is_doomed
      || (connection->role == ROLE_CLIENT && !connection->is_admin
          && !real_faults_hears_client (connection->server))) {
    return;
  }
  real_server_enter (connection->server, call_object, &call);
  if (call.status != RAFT_OK) {
    connection_finish (connection);
  } else if (was_new && connection->role == ROLE_MEMBER) {
    limit_member (connection);
    close_older (connection);
    mark_dirty (connection);
  }
}

/* ---- accepting --------------------------------------------------------- */

int real_connections_init (struct real_server *server) {
  struct rlimit files;
  uint64_t most = server->options.limits.connections;
  if (getrlimit (RLIMIT_NOFILE, &files) == 0
      && files.rlim_cur != RLIM_INFINITY) {
    uint64_t left = files.rlim_cur > 2 * REAL_DESCRIPTORS_KEPT
                      ? files.rlim_cur - REAL_DESCRIPTORS_KEPT
                      : REAL_DESCRIPTORS_KEPT;
    most = left < most ? left : most;
  }
  server->options.limits.connections = most + 1; /* the host's own */
  server->slot_count = (size_t)most + ROOM_FOR_MEMBERS;
  server->slots = calloc (server->slot_count, sizeof (void *));
  server->next_number = 1;
  return server->slots != NULL ? RAFT_OK : RAFT_ENOMEM;
}

void real_connections_free (struct real_server *server) {
  free (server->slots);
}

/* Who has said nothing yet makes room, the oldest first. */
static void make_room (struct real_server *server) {
  struct real_connection *oldest = NULL;
  for (size_t i = 0; i < server->slot_count; i++) {
    struct real_connection *one = server->slots[i];
    if (one != NULL && one->role == ROLE_NEW && !one->has_left
        && (oldest == NULL || one->number < oldest->number)) {
      oldest = one;
    }
  }
  if (oldest != NULL) {
    server->connections_refused++;
    connection_close (oldest);
    free_slot (oldest);
  }
}

static void take_slot (struct real_connection *connection) {
  struct real_server *server = connection->server;
  while (server->slots[server->next_number % server->slot_count] != NULL) {
    server->next_number++;
  }
  connection->number = server->next_number++;
  server->slots[connection->number % server->slot_count] = connection;
  server->connection_count++;
}

static struct real_connection *connection_new (struct real_server *server,
                                               bool is_admin) {
  struct real_connection *connection = calloc (1, sizeof *connection);
  int status;
  if (connection == NULL) {
    return NULL;
  }
  connection->is_admin = is_admin;
  connection->role = is_admin ? ROLE_CLIENT : ROLE_NEW;
  connection->server = server;
  connection->accepted = real_server_now (server);
  connection->stream.chunk = server->chunk;
  connection->stream.writes = &server->writes;
  connection->stream.is_broken = &server->is_broken;
  connection->stream.owner = connection;
  connection->stream.on_object = on_object;
  connection->stream.on_end = on_end;
  connection->stream.closed = on_closed;
  status = is_admin
             ? real_stream_init_pipe (&connection->stream, &server->loop)
             : real_stream_init (&connection->stream, &server->loop);
  if (status != 0) {
    free (connection);
    return NULL;
  }
  return connection;
}

void real_connection_accept (struct real_server *server,
                             uv_stream_t *listener, bool is_admin) {
  struct real_connection *connection = connection_new (server, is_admin);
  if (connection == NULL) {
    return; /* stays in the backlog */
  }
  if (server->connection_count >= server->slot_count) {
    make_room (server);
  }
  if (uv_accept (listener, (uv_stream_t *)&connection->stream.tcp) != 0
      || server->connection_count >= server->slot_count
      || server->state != REAL_STATE_SERVING) {
    server->connections_refused++;
    real_stream_close (&connection->stream);
    return;
  }
  take_slot (connection);
  limit_client (connection);
  if (real_stream_start (&connection->stream) != 0) {
    connection_close (connection);
  }
}

/* ---- the doors --------------------------------------------------------- */

static void answer_host (struct real_server *server,
                         struct raft_slice *message) {
  struct wire_rpc rpc;
  if (wire_rpc_decode (message->data, message->size, &rpc) == RAFT_OK
      && rpc.type == WIRE_RESPONSE) {
    real_mailbox_answer (&server->mailbox, rpc.id, message->data,
                         message->size);
  }
  raft_slice_release (message);
}

bool real_connection_is_exempt (struct port_net *net, uint64_t number) {
  const struct real_connection *connection = find (server_of (net), number);
  return number == REAL_HOST_CONNECTION
         || (connection != NULL && connection->is_admin);
}

static void reply (struct port_net *net, uint64_t number,
                   struct raft_slice message) {
  struct real_server *server = server_of (net);
  struct real_connection *connection = find (server, number);
  if (number == REAL_HOST_CONNECTION) {
    answer_host (server, &message);
    return;
  }
  if (connection == NULL || connection->is_doomed) {
    raft_slice_release (&message);
    return;
  }
  if (real_stream_send (&connection->stream, message) != RAFT_OK
      || real_stream_unsent (&connection->stream)
           > server->options.limits.connection_bytes
               + server->options.limits.entry_bytes) {
    connection->is_doomed = true;
  }
  mark_dirty (connection);
}

static void hang_up (struct port_net *net, uint64_t number) {
  struct real_connection *connection = find (server_of (net), number);
  if (connection != NULL) {
    connection->is_hung_up = true;
    mark_dirty (connection);
  }
}

/* What it dialled ends after this turn, unless the address comes first: it
** dials again, and is told why it is not welcome. */
void real_connections_forget (struct real_server *server, raft_id member,
                              bool yes) {
  for (size_t i = 0; i < server->slot_count; i++) {
    struct real_connection *connection = server->slots[i];
    if (connection != NULL && connection->role == ROLE_MEMBER
        && connection->member == member) {
      connection->is_forgotten = yes;
      mark_dirty (connection);
    }
  }
}

void real_connection_door (struct port_net *net) {
  net->reply = reply;
  net->hang_up = hang_up;
}

/* ---- turns ------------------------------------------------------------- */

void real_connections_flush (struct real_server *server) {
  while (server->dirty != NULL) {
    struct real_connection *connection = server->dirty;
    server->dirty = connection->next_dirty;
    connection->is_dirty = false;
    if (connection->is_doomed) {
      connection_close (connection);
    } else if (connection->is_hung_up || connection->is_forgotten) {
      connection_finish (connection);
    } else {
      real_stream_flush (&connection->stream);
    }
  }
}

void real_connections_sweep (struct real_server *server) {
  raft_time now = real_server_now (server);
  for (size_t i = 0; i < server->slot_count; i++) {
    struct real_connection *connection = server->slots[i];
    if (connection != NULL
        && (connection->role == ROLE_NEW || connection->has_left)
        && now - connection->accepted > REAL_GREETING_US) {
      connection_close (connection);
    }
  }
}

void real_connections_reset (struct real_server *server) {
  for (size_t i = 0; i < server->slot_count; i++) {
    struct real_connection *connection = server->slots[i];
    if (connection != NULL && connection->role == ROLE_CLIENT
        && !connection->is_admin) {
      connection_close (connection);
    }
  }
}

void real_connections_close (struct real_server *server, bool finish) {
  for (size_t i = 0; i < server->slot_count; i++) {
    struct real_connection *connection = server->slots[i];
    if (connection != NULL && finish) {
      connection_finish (connection);
    } else if (connection != NULL) {
      connection_close (connection);
    }
  }
}
