/* SPDX-License-Identifier: MIT
**
** server.c - a member from the host's side. */

#include "uv/server.h"

#include <stdlib.h>
#include <string.h>

#include "uv/inside.h"
#include "uv/stream.h"
#include "wire/rpc.h"

static void free_strings (struct real_server *server) {
  free (server->dir);
  free (server->listen);
}

static int copy_strings (struct real_server *server) {
  const struct real_server_options *given = &server->options;
  server->dir = strdup (given->dir);
  server->listen = given->listen != NULL ? strdup (given->listen) : NULL;
  server->options.dir = server->dir;
  server->options.listen = server->listen;
  return server->dir != NULL
             && (given->listen == NULL || server->listen != NULL)
           ? RAFT_OK
           : RAFT_ENOMEM;
}

/* Everything but the loop and the threads. */
static int make (struct real_server *server) {
  int status = copy_strings (server);
  raft_buffer_init (&server->request, &raft_memory_plain);
  if (status == RAFT_OK) {
    server->chunk = malloc (REAL_CHUNK_BYTES);
    status = server->chunk != NULL ? RAFT_OK : RAFT_ENOMEM;
  }
  if (status == RAFT_OK) {
    status = real_connections_init (server);
  }
  if (status == RAFT_OK) {
    status = real_disk_init (&server->disk, server->dir);
  }
  if (status == RAFT_OK) {
    status = real_mailbox_init (&server->mailbox);
  }
  return status;
}

static void unmake (struct real_server *server) {
  real_disk_free (&server->disk);
  real_connections_free (server);
  free (server->chunk);
  free_strings (server);
  free (server);
}

int real_server_start (struct real_server **made,
                       const struct real_server_options *options) {
  struct real_server *server = calloc (1, sizeof *server);
  int status = RAFT_ENOMEM;
  if (server == NULL) {
    options->machine->free (options->machine);
    return RAFT_ENOMEM;
  }
  server->options = *options;
  server->disk.directory = -1;
  status = make (server);
  if (status == RAFT_OK) {
    status = real_engine_init (server);
    if (status == RAFT_OK) {
      status = real_thread_start (&server->thread, real_engine_run, server);
    }
    if (status != RAFT_OK) {
      real_mailbox_free (&server->mailbox);
    }
  }
  if (status != RAFT_OK) {
    options->machine->free (options->machine);
    unmake (server);
    return status;
  }
  *made = server;
  return RAFT_OK;
}

int real_server_await (struct real_server *server,
                       struct raft_detail *detail) {
  int status;
  if (real_mailbox_await (&server->mailbox)) {
    return RAFT_OK;
  }
  (void)real_mailbox_phase (&server->mailbox, &status, detail);
  return status != RAFT_OK ? status
                           : raft_fail (detail, RAFT_ECLOSED, "%s",
                                        raft_error_text (RAFT_ECLOSED));
}

const char *real_server_address (const struct real_server *server) {
  return server->address;
}

struct real_mailbox *real_server_mailbox (struct real_server *server) {
  return &server->mailbox;
}

/* ---- asking ------------------------------------------------------------ */

static int encode (struct raft_buffer *out, uint32_t id, const char *method,
                   const uint8_t *data, size_t size) {
  struct wire_view params = { data, size };
  raft_buffer_init (out, &raft_memory_plain);
  return wire_rpc_request (out, id, method, params);
}

int real_server_ask (struct real_server *server, const char *method,
                     const uint8_t *params, size_t size) {
  struct raft_buffer request;
  uint32_t call = server->calls + 1 == 0 ? 1 : server->calls + 1;
  int status = encode (&request, call, method, params, size);
  if (status != RAFT_OK) {
    raft_buffer_free (&request);
    return status;
  }
  server->calls = call;
  (void)real_mailbox_call (&server->mailbox, call);
  uv_mutex_lock (&server->mailbox.mutex);
  raft_buffer_free (&server->request);
  server->request = request;
  if (!server->is_deaf) {
    (void)uv_async_send (&server->wake);
  }
  uv_mutex_unlock (&server->mailbox.mutex);
  return RAFT_OK;
}

/* ---- ending ------------------------------------------------------------ */

void real_server_stop (struct real_server *server) {
  uv_mutex_lock (&server->mailbox.mutex);
  server->wants_stop = true;
  if (!server->is_deaf) {
    (void)uv_async_send (&server->wake);
  }
  uv_mutex_unlock (&server->mailbox.mutex);
}

void real_server_free (struct real_server *server) {
  real_server_stop (server);
  (void)uv_thread_join (&server->thread);
  raft_buffer_free (&server->request);
  if (!server->is_abandoned) {
    real_mailbox_free (&server->mailbox);
    unmake (server);
  }
}
