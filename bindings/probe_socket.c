/* SPDX-License-Identifier: MIT
**
** probe_socket.c - a plain TCP connection, for specs that say what no client
** would.
**
** Holds: socket_connect (host, port) -> descriptor, or nil; socket_send
**        (descriptor, bytes) -> whether all was taken; socket_receive
**        (descriptor, milliseconds) -> bytes, "" at the end, nil: nothing
**        came in time; socket_close (descriptor). All wait. */

#include "compat.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void raft_probe_socket (lua_State *L);

static int socket_connect (lua_State *L) {
  struct sockaddr_in where;
  int descriptor = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset (&where, 0, sizeof where);
  where.sin_family = AF_INET;
  where.sin_port = htons ((uint16_t)luaL_checkinteger (L, 2));
  if (inet_pton (AF_INET, luaL_checkstring (L, 1), &where.sin_addr) != 1
      || descriptor < 0
      || connect (descriptor, (struct sockaddr *)&where, sizeof where) != 0) {
    if (descriptor >= 0) {
      (void)close (descriptor);
    }
    lua_pushnil (L);
    return 1;
  }
  lua_pushinteger (L, descriptor);
  return 1;
}

/* socket_listen (host, port) -> descriptor: the kernel connects whoever
** dials, and nobody answers. */
static int socket_listen (lua_State *L) {
  struct sockaddr_in where;
  int descriptor = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset (&where, 0, sizeof where);
  where.sin_family = AF_INET;
  where.sin_port = htons ((uint16_t)luaL_checkinteger (L, 2));
  if (inet_pton (AF_INET, luaL_checkstring (L, 1), &where.sin_addr) != 1
      || bind (descriptor, (struct sockaddr *)&where, sizeof where) != 0
      || listen (descriptor, 16) != 0) {
    return luaL_error (L, "cannot listen");
  }
  lua_pushinteger (L, descriptor);
  return 1;
}

/* socket_accept (descriptor, ms) -> descriptor, or nil */
static int socket_accept (lua_State *L) {
  struct pollfd polled = { (int)luaL_checkinteger (L, 1), POLLIN, 0 };
  if (poll (&polled, 1, (int)luaL_checkinteger (L, 2)) <= 0) {
    lua_pushnil (L);
    return 1;
  }
  lua_pushinteger (L, accept (polled.fd, NULL, NULL));
  return 1;
}

static int socket_send (lua_State *L) {
  int descriptor = (int)luaL_checkinteger (L, 1);
  size_t size;
  const char *bytes = luaL_checklstring (L, 2, &size);
  while (size > 0) {
    ssize_t sent = send (descriptor, bytes, size, MSG_NOSIGNAL);
    if (sent <= 0) {
      break;
    }
    bytes += sent;
    size -= (size_t)sent;
  }
  lua_pushboolean (L, size == 0);
  return 1;
}

static int socket_receive (lua_State *L) {
  struct pollfd polled = { (int)luaL_checkinteger (L, 1), POLLIN, 0 };
  char bytes[4096];
  ssize_t size;
  if (poll (&polled, 1, (int)luaL_checkinteger (L, 2)) <= 0) {
    lua_pushnil (L);
    return 1;
  }
  size = recv (polled.fd, bytes, sizeof bytes, 0);
  lua_pushlstring (L, bytes, size > 0 ? (size_t)size : 0);
  return 1;
}

static int socket_close (lua_State *L) {
  struct linger at_once = { 1, 0 }; /* by a reset: no port stays taken */
  int descriptor = (int)luaL_checkinteger (L, 1);
  (void)setsockopt (descriptor, SOL_SOCKET, SO_LINGER, &at_once,
                    sizeof at_once);
  (void)close (descriptor);
  return 0;
}

/* is_readable (descriptor, ms) -> whether it is, or becomes so. */
static int is_readable (lua_State *L) {
  struct pollfd polled = { (int)luaL_checkinteger (L, 1), POLLIN, 0 };
  lua_pushboolean (L, poll (&polled, 1, (int)luaL_checkinteger (L, 2)) > 0);
  return 1;
}

static const luaL_Reg FUNCTIONS[] = {
  { "is_readable", is_readable },
  { "socket_connect", socket_connect },
  { "socket_listen", socket_listen },
  { "socket_accept", socket_accept },
  { "socket_send", socket_send },
  { "socket_receive", socket_receive },
  { "socket_close", socket_close },
  { NULL, NULL },
};

void raft_probe_socket (lua_State *L) {
  luaL_setfuncs (L, FUNCTIONS, 0);
}
