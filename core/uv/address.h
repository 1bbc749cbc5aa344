/* SPDX-License-Identifier: MIT
**
** address.h - from "host:port" to where a socket connects or listens.
**
** Rule: a name is looked up off the loop's thread; a number needs no
**       lookup. */

#ifndef RAFT_UV_ADDRESS_H
#define RAFT_UV_ADDRESS_H

#include <uv.h>

#include "base/error.h"
#include "base/types.h"

#define REAL_HOST_MAX 128 /* bytes, ending zero included */
#define REAL_ADDRESS_TEXT 64 /* of a numeric one, likewise */

struct real_address {
  char host[REAL_HOST_MAX]; /* without brackets */
  uint16_t port;
};

/* A lookup; kept by its owner until 'done' or the end of the loop. */
struct real_lookup {
  uv_getaddrinfo_t request;
  struct sockaddr_storage found;
  uint16_t port;
  bool is_running;          /* then neither moved nor freed */
  void *owner;
  /* status: 0 or an error of libuv (UV_ECANCELED after a cancel). */
  void (*done) (struct real_lookup *lookup, int status);
};

RAFT_HIDDEN_BEGIN

/* "127.0.0.1:7101", "[::1]:7101", "name:7101".
** Errors: RAFT_EINVALID, said in *detail. */
int real_address_parse (const char *text, struct real_address *address,
                        struct raft_detail *detail);

/* The socket address of a numeric host; false: it is a name. */
bool real_address_numeric (const struct real_address *address,
                           struct sockaddr_storage *found);

/* Whether only this computer can reach it. */
bool real_address_is_loopback (const struct sockaddr_storage *found);

/* The other end of a connection, "127.0.0.1:45012"; unchanged: unknown. */
void real_address_of_peer (const uv_tcp_t *tcp,
                           char text[REAL_ADDRESS_TEXT]);

/* Looks a name up; ends with 'done'. Returns 0 or an error of libuv, then
** 'done' is not called. */
int real_lookup_start (struct real_lookup *lookup, uv_loop_t *loop,
                       const struct real_address *address);
void real_lookup_cancel (struct real_lookup *lookup);

RAFT_HIDDEN_END

#endif
