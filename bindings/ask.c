/* SPDX-License-Identifier: MIT
**
** ask.c - one question to one member, waited for: what operators need.
**
**   core.ask ("data/1" | "host:port", method, params, microseconds)
**     -> value; or nil, message, code, detail
**
** A directory is asked through its admin.sock (what has a slash, or no colon,
** is one). Knows not: clients, retries, leaders.
** Rule: bytes meet the scanner, with limits, before anything else. */

#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "compat.h"
#include "uv/address.h"
#include "uv/admin.h"
#include "uv/clock.h"
#include "value.h"
#include "wal/record.h"
#include "wire/greeting.h"
#include "wire/rpc.h"
#include "wire/scan.h"

struct asking {
  struct port_clock clock;
  raft_time deadline;
  int socket;
  struct raft_detail why;
};

static int left_ms (struct asking *asking) {
  raft_time now = asking->clock.now (&asking->clock);
  return now >= asking->deadline
           ? 0
           : (int)((asking->deadline - now) / RAFT_MILLISECOND + 1);
}

/* Waits until the socket is ready. Errors: RAFT_ETIMEOUT. */
static int await (struct asking *asking, short events) {
  struct pollfd polled = { asking->socket, events, 0 };
  int count;
  do {
    count = poll (&polled, 1, left_ms (asking));
  } while (count < 0 && errno == EINTR);
  return count > 0 ? RAFT_OK : RAFT_ETIMEOUT;
}

/* ---- connecting --------------------------------------------------------- */

static int connect_to (struct asking *asking, const struct sockaddr *where,
                       socklen_t size, const char *name) {
  int failure = 0;
  socklen_t length = sizeof failure;
  asking->socket = socket (where->sa_family, SOCK_STREAM, 0);
  if (asking->socket < 0) {
    return raft_fail (&asking->why, RAFT_EIO, "%s: %s", name,
                      strerror (errno));
  }
  (void)fcntl (asking->socket, F_SETFD, FD_CLOEXEC);
  (void)fcntl (asking->socket, F_SETFL, O_NONBLOCK);
  if (connect (asking->socket, where, size) != 0) {
    failure = errno;
    if (failure == EINPROGRESS && await (asking, POLLOUT) == RAFT_OK) {
      (void)getsockopt (asking->socket, SOL_SOCKET, SO_ERROR, &failure,
                        &length);
    }
  }
  return failure == 0 ? RAFT_OK
                      : raft_fail (&asking->why, RAFT_EUNREACHABLE,
                                   "%s: %s", name, strerror (failure));
}

static int connect_directory (struct asking *asking, const char *name) {
  struct sockaddr_un where = { .sun_family = AF_UNIX };
  int directory = open (name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool is_unfinished;
  int status;
  if (directory < 0) {
    return raft_fail (&asking->why, RAFT_ENOT_FOUND, "%s: %s", name,
                      strerror (errno));
  }
  status = real_admin_path (directory, name, where.sun_path,
                            sizeof where.sun_path);
  if (status == RAFT_OK) {
    status = connect_to (asking, (struct sockaddr *)&where, sizeof where,
                         name);
  }
  is_unfinished = faccessat (directory, WAL_NAME_UNFINISHED, F_OK, 0) == 0;
  (void)close (directory);
  if (status == RAFT_EUNREACHABLE && is_unfinished) {
    return raft_fail (&asking->why, RAFT_ENOT_INITIALISED, "%s: %s", name,
                      WAL_UNFINISHED);
  } else if (status == RAFT_EUNREACHABLE) {
    return raft_fail (&asking->why, status, "no member runs in %s", name);
  }
  return status;
}

static int connect_address (struct asking *asking, const char *name) {
  struct sockaddr_storage where;
  struct real_address address;
  int status = real_address_parse (name, &address, &asking->why);
  if (status == RAFT_OK && !real_address_numeric (&address, &where)) {
    status = raft_fail (&asking->why, RAFT_EINVALID, "%s: expected a "
                        "numeric address", name);
  }
  return status == RAFT_OK
           ? connect_to (asking, (struct sockaddr *)&where,
                         where.ss_family == AF_INET6
                           ? sizeof (struct sockaddr_in6)
                           : sizeof (struct sockaddr_in),
                         name)
           : status;
}

/* ---- talking ------------------------------------------------------------ */

static int put_all (struct asking *asking, const struct raft_buffer *bytes) {
  size_t done = 0;
  while (done < bytes->size) {
    ssize_t count = send (asking->socket, bytes->data + done,
                          bytes->size - done, MSG_NOSIGNAL);
    if (count > 0) {
      done += (size_t)count;
    } else if (errno != EAGAIN && errno != EINTR) {
      return raft_fail (&asking->why, RAFT_EUNREACHABLE, "%s",
                        strerror (errno));
    } else if (await (asking, POLLOUT) != RAFT_OK) {
      return RAFT_ETIMEOUT;
    }
  }
  return RAFT_OK;
}

static int get_object (struct asking *asking, struct raft_buffer *in) {
  struct wire_scan_limits limits = { 16 * RAFT_MIB, 1024 * 1024, 64 };
  struct wire_scan scan;
  uint8_t chunk[4096];
  uint64_t object = 0;
  wire_scan_init (&scan, &limits);
  while (object == 0) {
    ssize_t count = recv (asking->socket, chunk, sizeof chunk, 0);
    if (count > 0) {
      if (wire_scan_feed (&scan, chunk, (size_t)count, &object) != RAFT_OK) {
        return RAFT_EMALFORMED;
      }
      if (raft_buffer_append (in, chunk, (size_t)count) != RAFT_OK) {
        return RAFT_ENOMEM;
      }
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      return raft_fail (&asking->why, RAFT_ECLOSED, "the member ended before "
                        "it answered: the outcome is unknown");
    } else if (await (asking, POLLIN) != RAFT_OK) {
      return RAFT_ETIMEOUT;
    }
  }
  in->size = (size_t)object;
  return RAFT_OK;
}

static int talk (struct asking *asking, const char *method,
                 struct wire_view params, struct raft_buffer *answer) {
  struct wire_greeting greeting = { .role = WIRE_ROLE_CLIENT,
                                    .protocol = WIRE_PROTOCOL };
  struct raft_buffer request;
  int status;
  raft_buffer_init (&request, &raft_memory_plain);
  status = wire_greeting_encode (&request, &greeting);
  if (status == RAFT_OK) {
    status = wire_rpc_request (&request, 1, method, params);
  }
  if (status == RAFT_OK) {
    status = put_all (asking, &request);
  }
  raft_buffer_free (&request);
  return status == RAFT_OK ? get_object (asking, answer) : status;
}

static int push_error (lua_State *L, const struct wire_rpc *rpc) {
  struct raft_detail why;
  lua_pushnil (L);
  lua_pushlstring (L, (const char *)rpc->message.data, rpc->message.size);
  lua_pushstring (L, raft_error_name (rpc->error));
  if (rpc->detail.size == 0
      || binding_value_decode (L, rpc->detail.data, rpc->detail.size, &why)
           != RAFT_OK) {
    return 3;
  }
  return 4;
}

static int push_answer (lua_State *L, const struct raft_buffer *answer) {
  struct raft_detail why = { "" };
  struct wire_rpc rpc;
  int status = wire_rpc_decode (answer->data, answer->size, &rpc);
  if (status == RAFT_OK && rpc.error != RAFT_OK) {
    return push_error (L, &rpc);
  }
  if (status == RAFT_OK) {
    status = binding_value_decode (L, rpc.result.data, rpc.result.size,
                                   &why);
  }
  return status == RAFT_OK ? 1 : binding_push_failure (L, status, &why);
}

static int ask (lua_State *L) {
  const char *target = luaL_checkstring (L, 1);
  const char *method = luaL_checkstring (L, 2);
  struct asking asking = { .socket = -1 };
  struct wire_view params;
  struct raft_buffer *answer;
  int status;
  params.data = (const uint8_t *)luaL_checklstring (L, 3, &params.size);
  real_clock_init (&asking.clock);
  asking.deadline = asking.clock.now (&asking.clock)
                    + (raft_time)luaL_checknumber (L, 4);
  answer = binding_buffer_push (L);
  status = strchr (target, '/') != NULL || strchr (target, ':') == NULL
             ? connect_directory (&asking, target)
             : connect_address (&asking, target);
  if (status == RAFT_OK) {
    status = talk (&asking, method, params, answer);
  }
  if (asking.socket >= 0) {
    (void)close (asking.socket);
  }
  return status == RAFT_OK
           ? push_answer (L, answer)
           : binding_push_failure (L, status, &asking.why);
}

void binding_ask_open (lua_State *L) {
  lua_pushcfunction (L, ask);
  lua_setfield (L, -2, "ask");
}
