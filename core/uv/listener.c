/* SPDX-License-Identifier: MIT
**
** listener.c - looking up, binding, listening. */

#include "uv/inside.h"

static void fail (struct real_server *server, int status,
                  const char *what, int number) {
  struct raft_detail detail;
  (void)raft_fail (&detail, status, "%s %s: %s", what, server->address,
                   uv_strerror (number));
  real_server_fail (server, status, &detail);
}

static void on_connection (uv_stream_t *listener, int status) {
  if (status == 0) {
    real_connection_accept (listener->data, listener, false);
  }
}

static void listen_at (struct real_server *server,
                       const struct sockaddr_storage *found) {
  struct real_listener *listener = &server->listener;
  struct raft_detail detail;
  int status;
  if (!real_address_is_loopback (found) && !server->options.insecure) {
    (void)raft_fail (&detail, RAFT_EDENIED, "listen: expected a loopback "
                     "address such as 127.0.0.1, or insecure = true, got %s",
                     server->address);
    real_server_fail (server, RAFT_EDENIED, &detail);
    return;
  }
  status = uv_tcp_init (&server->loop, &listener->tcp);
  if (status == 0) {
    listener->has_tcp = true;
    listener->tcp.data = server;
    status = uv_tcp_bind (&listener->tcp, (const struct sockaddr *)found, 0);
  }
  if (status == 0) {
    status = uv_listen ((uv_stream_t *)&listener->tcp, REAL_BACKLOG,
                        on_connection);
  }
  if (status == 0) {
    real_server_on_listening (server);
  } else {
    fail (server,
          status == UV_EADDRINUSE                      ? RAFT_EADDRESS_IN_USE
          : status == UV_EACCES || status == UV_EPERM ? RAFT_EDENIED
                                                       : RAFT_EINVALID,
          "cannot listen at", status);
  }
}

static void on_found (struct real_lookup *lookup, int status) {
  struct real_server *server = lookup->owner;
  if (server->state != REAL_STATE_LISTENING) {
    return; /* closed meanwhile */
  }
  if (status == 0) {
    listen_at (server, &lookup->found);
  } else {
    fail (server, RAFT_EINVALID, "cannot find", status);
  }
}

void real_listener_start (struct real_server *server) {
  struct real_lookup *lookup = &server->listener.lookup;
  struct sockaddr_storage found;
  struct real_address address;
  struct raft_detail detail;
  int status = real_address_parse (server->address, &address, &detail);
  if (status != RAFT_OK) {
    real_server_fail (server, status, &detail);
  } else if (real_address_numeric (&address, &found)) {
    listen_at (server, &found);
  } else {
    lookup->owner = server;
    lookup->done = on_found;
    status = real_lookup_start (lookup, &server->loop, &address);
    if (status != 0) {
      fail (server, RAFT_EINVALID, "cannot find", status);
    }
  }
}

void real_listener_close (struct real_server *server) {
  struct real_listener *listener = &server->listener;
  real_lookup_cancel (&listener->lookup);
  if (listener->has_tcp) {
    listener->has_tcp = false;
    uv_close ((uv_handle_t *)&listener->tcp, NULL);
  }
}
