/* SPDX-License-Identifier: MIT
**
** bell.h - a thread wakes a loop.
**
** Holds:     a pipe, and the loop's watch on its end.
** Knows not: what is to be done then.
** Rule:      the loop never waits for who rings. uv_async_t makes it: when
**            the ringing thread is taken off its processor halfway, the
**            loop spins until that one is on again (libuv, uv__async_spin),
**            and on a busy computer that is longer than anything else here.
** Invariant: rung once or often, it is heard at least once after. */

#ifndef RAFT_UV_BELL_H
#define RAFT_UV_BELL_H

#include <uv.h>

#include "base/types.h"

struct real_bell {
  uv_poll_t poll;
  uv_file ends[2]; /* to hear, to ring */
  void (*heard) (struct real_bell *bell); /* on the loop's thread */
  void *owner;
};

RAFT_HIDDEN_BEGIN

/* 'heard' and 'owner' are set by the caller. Errors: RAFT_ENOMEM, also without
** descriptors. */
int real_bell_start (struct real_bell *bell, uv_loop_t *loop);
void real_bell_ring (const struct real_bell *bell); /* from any thread */
/* Nobody rings any more. It is the loop's until its handles are closed. */
void real_bell_end (struct real_bell *bell);

RAFT_HIDDEN_END

#endif
