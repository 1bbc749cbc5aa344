/* SPDX-License-Identifier: MIT
**
** bell.c - a thread wakes a loop. */

#include "uv/bell.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"

static void close_ends (struct real_bell *bell) {
  (void)close (bell->ends[0]);
  (void)close (bell->ends[1]);
}

static void on_readable (uv_poll_t *poll, int status, int events) {
  struct real_bell *bell = poll->data;
  char rung[64];
  (void)status;
  (void)events;
  while (read (bell->ends[0], rung, sizeof rung) == (ssize_t)sizeof rung) {
  }
  bell->heard (bell);
}

int real_bell_start (struct real_bell *bell, uv_loop_t *loop) {
  if (uv_pipe (bell->ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) != 0) {
    return RAFT_ENOMEM;
  }
  if (uv_poll_init (loop, &bell->poll, bell->ends[0]) != 0) {
    close_ends (bell);
    return RAFT_ENOMEM;
  }
  bell->poll.data = bell;
  (void)uv_poll_start (&bell->poll, UV_READABLE, on_readable);
  return RAFT_OK;
}

/* A pipe that is full has been rung. */
void real_bell_ring (const struct real_bell *bell) {
  while (write (bell->ends[1], "", 1) < 0 && errno == EINTR) {
  }
}

void real_bell_end (struct real_bell *bell) {
  (void)uv_poll_stop (&bell->poll);
  uv_close ((uv_handle_t *)&bell->poll, NULL);
  close_ends (bell);
}
