/* SPDX-License-Identifier: MIT
**
** admin.h - the door for operators: admin.sock in the member's directory.
**
** Holds: a listening unix socket, made when the member serves, gone with it.
** Rule:  who may enter the directory may administer the member; there is no
**        other check. */

#ifndef RAFT_UV_ADMIN_H
#define RAFT_UV_ADMIN_H

#include <uv.h>

#include "base/error.h"

#define REAL_ADMIN_NAME "admin.sock"
#define REAL_ADMIN_BACKLOG 16

struct real_server;

struct real_admin {
  uv_pipe_t pipe;
  bool is_open;
};

RAFT_HIDDEN_BEGIN

/* Where a socket of a directory is, whatever the length of its path: by a
** descriptor of the directory where the system has such names. 'path' has
** room for 'room' bytes. Errors: RAFT_EINVALID: it does not fit. */
int real_admin_path (int directory, const char *place, char *path,
                     size_t room);

/* Errors: said in *detail. */
int real_admin_start (struct real_server *server, struct raft_detail *detail);
void real_admin_close (struct real_server *server);

RAFT_HIDDEN_END

#endif
