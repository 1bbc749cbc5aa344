/* SPDX-License-Identifier: MIT
**
** dialer.h - a client's connections: port_dial over sockets.
**
** Holds:     one attempt per endpoint: lookup, connect, greeting, stream.
** Knows not: calls, retries, time.
** Invariant: what became of an attempt is told later, from the loop or from
**            real_dialer_tell, never from inside the three functions of the
**            door; an attempt that was disconnected tells nothing.
** Rule:      one thread: that of the loop. */

#ifndef RAFT_UV_DIALER_H
#define RAFT_UV_DIALER_H

#include <uv.h>

#include "client/client.h"
#include "uv/address.h"
#include "uv/stream.h"

/* One attempt; freed when its handle is closed and its lookup over. */
struct real_attempt {
  struct real_dialer *dialer;
  unsigned endpoint;
  struct real_lookup lookup;
  uv_connect_t connecting;
  struct real_stream stream;
  bool is_closed;  /* the stream may be freed */
  int refused;     /* an error of libuv that is still to be told */
};

struct real_dialer {
  struct port_dial dial;       /* first */
  uv_loop_t *loop;             /* set by the caller, as are the next five */
  void *owner;
  const bool *is_broken;       /* see stream.h */
  void (*connected) (void *owner, unsigned endpoint);
  void (*disconnected) (void *owner, unsigned endpoint, enum net_down why,
                        const char *reason);
  void (*received) (void *owner, unsigned endpoint, const uint8_t *data,
                    size_t size);
  uint8_t *chunk;
  struct raft_buffer greeting; /* what is said first, encoded once */
  struct real_attempt *attempts[CLIENT_ENDPOINTS_MAX]; /* NULL: none */
  bool has_refused;            /* real_dialer_tell has work */
  bool has_news;               /* handles that the loop has not seen yet */
};

RAFT_HIDDEN_BEGIN

/* Errors: RAFT_ENOMEM. */
int real_dialer_init (struct real_dialer *dialer);

/* Tells of attempts that failed at once. */
void real_dialer_tell (struct real_dialer *dialer);

/* The end of a turn: one write per connection. */
void real_dialer_flush (struct real_dialer *dialer);

/* Ends all attempts. Then the loop runs until its handles are closed, and
** real_dialer_free frees the rest. */
void real_dialer_close (struct real_dialer *dialer);
void real_dialer_free (struct real_dialer *dialer);

RAFT_HIDDEN_END

#endif
