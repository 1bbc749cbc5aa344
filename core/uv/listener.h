/* SPDX-License-Identifier: MIT
**
** listener.h - where a member listens.
**
** Rule: beyond this computer only when it was allowed: there is no
**       authentication yet. */

#ifndef RAFT_UV_LISTENER_H
#define RAFT_UV_LISTENER_H

#include <uv.h>

#include "uv/address.h"

#define REAL_BACKLOG 511 /* connections that wait to be accepted */

struct real_server;

struct real_listener {
  uv_tcp_t tcp;
  bool has_tcp;
  struct real_lookup lookup;
};

RAFT_HIDDEN_BEGIN

/* Listens at server->address; ends with real_server_on_listening or
** real_server_fail. */
void real_listener_start (struct real_server *server);
void real_listener_close (struct real_server *server);

RAFT_HIDDEN_END

#endif
