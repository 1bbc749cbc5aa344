/* SPDX-License-Identifier: MIT
**
** admin.c - binding and accepting at admin.sock.
**
** Rule: the directory is locked by this process, so a socket that is there
**       already is what an earlier one left. */

#include "uv/admin.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "uv/inside.h"

#define OWNER_ONLY 0600

int real_admin_path (int directory, const char *place, char *path,
                     size_t room) {
  int size = access ("/proc/self/fd", X_OK) == 0
               ? snprintf (path, room, "/proc/self/fd/%d/" REAL_ADMIN_NAME,
                           directory)
               : snprintf (path, room, "%s/" REAL_ADMIN_NAME, place);
  return size > 0 && (size_t)size < room ? RAFT_OK : RAFT_EINVALID;
}

static void on_operator (uv_stream_t *listener, int status) {
  if (status == 0) {
    real_connection_accept (listener->data, listener, true);
  }
}

static int bind_here (struct real_server *server) {
  struct real_admin *admin = &server->admin;
  char path[sizeof ((struct sockaddr_un *)NULL)->sun_path];
  int directory = server->disk.directory;
  int status;
  if (real_admin_path (directory, server->dir, path, sizeof path)
      != RAFT_OK) {
    return UV_ENAMETOOLONG;
  }
  (void)unlinkat (directory, REAL_ADMIN_NAME, 0);
  status = uv_pipe_bind (&admin->pipe, path);
  if (status == 0) {
    (void)fchmodat (directory, REAL_ADMIN_NAME, OWNER_ONLY, 0);
    status = uv_listen ((uv_stream_t *)&admin->pipe, REAL_ADMIN_BACKLOG,
                        on_operator);
  }
  return status;
}

int real_admin_start (struct real_server *server,
                      struct raft_detail *detail) {
  struct real_admin *admin = &server->admin;
  int status = uv_pipe_init (&server->loop, &admin->pipe, 0);
  if (status == 0) {
    admin->is_open = true;
    admin->pipe.data = server;
    status = bind_here (server);
  }
  return status == 0 ? RAFT_OK
                     : raft_fail (detail, RAFT_EIO, "cannot listen at "
                                  "%s/" REAL_ADMIN_NAME ": %s", server->dir,
                                  uv_strerror (status));
}

void real_admin_close (struct real_server *server) {
  struct real_admin *admin = &server->admin;
  if (admin->is_open) {
    admin->is_open = false;
    (void)unlinkat (server->disk.directory, REAL_ADMIN_NAME, 0);
    uv_close ((uv_handle_t *)&admin->pipe, NULL);
  }
}
