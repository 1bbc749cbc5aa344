/* SPDX-License-Identifier: MIT
**
** network.c - in which network namespace this thread is.
**
**   enter_network ("/run/netns/NAME") -> true; or nil, message, code
**
** Rule: of this thread alone; sockets that are open stay where they were made,
**       and processes that are started later are there. */

#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sched.h>
#include <sys/syscall.h>
#endif

#include "base/error.h"
#include "value.h"

/* 0, or the number of an error. */
static int enter (const char *path) {
#ifdef __linux__
  int file = open (path, O_RDONLY | O_CLOEXEC);
  int reason = 0;
  if (file < 0) {
    return errno;
  }
  if (syscall (SYS_setns, file, CLONE_NEWNET) != 0) {
    reason = errno;
  }
  (void)close (file);
  return reason;
#else
  (void)path;
  return ENOTSUP;
#endif
}

static int enter_network (lua_State *L) {
  const char *path = luaL_checkstring (L, 1);
  struct raft_detail detail;
  int reason = enter (path);
  if (reason != 0) {
    (void)raft_fail (&detail, RAFT_EIO, "cannot enter %s: %s", path,
                     strerror (reason));
    return binding_push_failure (L, RAFT_EIO, &detail);
  }
  lua_pushboolean (L, 1);
  return 1;
}

void binding_network_open (lua_State *L) {
  lua_pushcfunction (L, enter_network);
  lua_setfield (L, -2, "enter_network");
}
