/* SPDX-License-Identifier: MIT
**
** caller.h - a client in the real world: core/client over a loop of its own,
** without a thread.
**
** Holds:     the loop, the client, the calls under way, those that are done.
** Knows not: Lua, and who asks.
** Invariant: each accepted call is handed out exactly once by
**            real_caller_take, also when the caller was closed or broke.
** Rule:      nothing of the user's runs inside the loop or under the guard:
**            what is done waits in a list. One thread at a time. */

#ifndef RAFT_UV_CALLER_H
#define RAFT_UV_CALLER_H

#include <uv.h>

#include "client/client.h"
#include "uv/dialer.h"

struct real_call {
  struct client_call call;   /* first */
  struct real_caller *caller;
  struct real_call *next;    /* pending, done or spare */
  struct real_call *previous; /* pending */
  uint64_t number;           /* from 1, never given twice */
  struct raft_buffer result; /* one encoded value */
};

struct real_caller_options {
  const char *const *addresses;
  unsigned address_count;
  raft_time deadline_us; /* 0: the client's default */
  raft_time retry_us;
  bool no_session;
  bool begins_at_first;
  enum raft_bug bug;
};

struct real_caller {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_async_t wake;           /* makes the descriptor readable */
  struct raft_arena arena;
  struct port_clock clock;
  struct real_dialer dialer;
  struct client *client;     /* NULL: closed */
  struct real_call *pending; /* newest first */
  struct real_call *done;    /* oldest first */
  struct real_call *done_last;
  struct real_call *spare;
  uint64_t calls;            /* ever accepted */
  bool has_loop;
  bool is_broken;            /* an assertion failed: never called again */
  char what[200];            /* which */
};

RAFT_HIDDEN_BEGIN

/* 'caller' is all 0; after an error real_caller_free frees what was made.
** Errors: RAFT_ENOMEM, RAFT_EINVALID, RAFT_EIO (no loop). */
int real_caller_init (struct real_caller *caller,
                      const struct real_caller_options *options);

/* Each starts one call and gives its number. deadline 0: the client's.
** Errors: those of client_propose; RAFT_ECLOSED when closed or broken. */
int real_caller_propose (struct real_caller *caller, struct wire_view command,
                         raft_time deadline_us, uint64_t *number);
int real_caller_query (struct real_caller *caller,
                       const struct wire_query *query, raft_time deadline_us,
                       uint64_t *number);
/* One request to one endpoint. */
int real_caller_ask (struct real_caller *caller, unsigned endpoint,
                     const char *method, struct wire_view params,
                     raft_time deadline_us, uint64_t *number);
/* False: no such call is under way. */
bool real_caller_cancel (struct real_caller *caller, uint64_t number);

/* One turn: waits for something to happen, 0 … wait_us, and handles it. */
void real_caller_turn (struct real_caller *caller, raft_time wait_us);

/* The oldest call that is done, to be given back; NULL: none. */
struct real_call *real_caller_take (struct real_caller *caller);
void real_caller_give_back (struct real_caller *caller,
                            struct real_call *call);

/* Readable when a turn has work, but for time: see real_caller_wait. */
int real_caller_descriptor (const struct real_caller *caller);
/* How long until a turn has work because of time; RAFT_TIME_MAX: never. */
raft_time real_caller_wait (struct real_caller *caller);

/* Completes what is under way, as client_free says. */
void real_caller_close (struct real_caller *caller);
/* Closes, and frees all but the struct. */
void real_caller_free (struct real_caller *caller);

RAFT_HIDDEN_END

#endif
