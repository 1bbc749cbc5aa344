/* SPDX-License-Identifier: MIT
**
** caller.c - every call into core/client stands in one place, guarded; a
** turn of the loop; what is done waits to be taken. */

#include "uv/caller.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "uv/clock.h"

#define TURN_MAX (100 * RAFT_MILLISECOND) /* so that a signal's handler of
                                             the host is soon seen */

/* ---- calls that are done ----------------------------------------------- */

static void push_done (struct real_call *call) {
  struct real_caller *caller = call->caller;
  if (call->previous != NULL) {
    call->previous->next = call->next;
  } else {
    caller->pending = call->next;
  }
  if (call->next != NULL) {
    call->next->previous = call->previous;
  }
  call->next = NULL;
  if (caller->done == NULL) {
    caller->done = call;
  } else {
    caller->done_last->next = call;
  }
  caller->done_last = call;
}

/* A result that finds no memory is lost, and what it belongs to was done. */
static void on_done (struct client_call *inner) {
  struct real_call *call = (struct real_call *)(void *)inner;
  call->result.size = 0;
  if (inner->result.size > 0
      && raft_buffer_append (&call->result, inner->result.data,
                             inner->result.size)
           != RAFT_OK
      && inner->status == RAFT_OK) {
    inner->status = RAFT_ERESULT_LOST;
  }
  inner->result.data = NULL;
  inner->result.size = 0;
  push_done (call);
}

static struct real_call *call_new (struct real_caller *caller,
                                   raft_time deadline_us) {
  struct real_call *call = caller->spare;
  if (call == NULL) {
    call = calloc (1, sizeof *call);
    if (call == NULL) {
      return NULL;
    }
    raft_buffer_init (&call->result, &raft_memory_plain);
    call->caller = caller;
  } else {
    caller->spare = call->next;
  }
  memset (&call->call, 0, sizeof call->call);
  call->call.done = on_done;
  call->call.deadline_us = deadline_us;
  call->result.size = 0;
  call->previous = NULL;
  call->next = caller->pending;
  if (call->next != NULL) {
    call->next->previous = call;
  }
  caller->pending = call;
  return call;
}

/* It was refused: as if it had never been. */
static void call_withdraw (struct real_caller *caller,
                           struct real_call *call) {
  caller->pending = call->next;
  if (call->next != NULL) {
    call->next->previous = NULL;
  }
  real_caller_give_back (caller, call);
}

struct real_call *real_caller_take (struct real_caller *caller) {
  struct real_call *call = caller->done;
  if (call != NULL) {
    caller->done = call->next;
    call->next = NULL;
  }
  return call;
}

void real_caller_give_back (struct real_caller *caller,
                            struct real_call *call) {
  if (call->result.capacity > 4096) {
    raft_buffer_free (&call->result);
  }
  call->next = caller->spare;
  caller->spare = call;
}

/* ---- under the guard --------------------------------------------------- */

enum event_kind {
  EVENT_PROPOSE,
  EVENT_QUERY,
  EVENT_ASK,
  EVENT_CANCEL,
  EVENT_CONNECTED,
  EVENT_DISCONNECTED,
  EVENT_MESSAGE,
  EVENT_TIME,
  EVENT_FREE
};

struct event {
  enum event_kind kind;
  struct client_call *call;
  struct wire_view bytes;
  const struct wire_query *query;
  unsigned endpoint;
  enum net_down why;
  const char *method;
  const char *reason;
};

static int perform (struct client *client, const struct event *event) {
  switch (event->kind) {
    case EVENT_PROPOSE:
      return client_propose (client, event->call, event->bytes);
    case EVENT_QUERY:
      return client_query (client, event->call, event->query);
    case EVENT_ASK:
      return client_ask (client, event->call, event->endpoint, event->method,
                         event->bytes);
    case EVENT_CANCEL:
      client_cancel (client, event->call);
      break;
    case EVENT_CONNECTED:
      client_on_connected (client, event->endpoint);
      break;
    case EVENT_DISCONNECTED:
      client_on_disconnected (client, event->endpoint, event->why,
                              event->reason);
      break;
    case EVENT_MESSAGE:
      client_on_message (client, event->endpoint, event->bytes.data,
                         event->bytes.size);
      break;
    case EVENT_TIME:
      client_on_time (client);
      break;
    case EVENT_FREE:
      client_free (client);
      break;
  }
  return RAFT_OK;
}

/* Nobody knows what became of the calls under way. */
static void become_broken (struct real_caller *caller, const char *what) {
  caller->is_broken = true;
  caller->client = NULL;
  memcpy (caller->what, what, sizeof caller->what);
  while (caller->pending != NULL) {
    struct real_call *call = caller->pending;
    call->call.status = RAFT_EUNKNOWN;
    (void)raft_fail (&call->call.detail, RAFT_EUNKNOWN,
                     "the client failed: %s", caller->what);
    call->result.size = 0;
    push_done (call);
  }
}

static int guarded (struct real_caller *caller, const struct event *event) {
  struct raft_guard guard;
  volatile int status = RAFT_ECLOSED;
  if (caller->client == NULL) {
    return RAFT_ECLOSED;
  }
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    status = perform (caller->client, event);
  } else {
    become_broken (caller, guard.what);
    status = RAFT_EUNKNOWN;
  }
  raft_guard_leave (&guard);
  return status;
}

/* ---- what happens in the loop ------------------------------------------ */

static void on_connected (void *owner, unsigned endpoint) {
  struct event event = { .kind = EVENT_CONNECTED, .endpoint = endpoint };
  (void)guarded (owner, &event);
}

static void on_disconnected (void *owner, unsigned endpoint,
                             enum net_down why, const char *reason) {
  struct event event = { .kind = EVENT_DISCONNECTED, .endpoint = endpoint,
                         .why = why, .reason = reason };
  (void)guarded (owner, &event);
}

static void on_received (void *owner, unsigned endpoint, const uint8_t *data,
                         size_t size) {
  struct event event = { .kind = EVENT_MESSAGE, .endpoint = endpoint,
                         .bytes = { data, size } };
  (void)guarded (owner, &event);
}

static void on_timer (uv_timer_t *timer) {
  (void)timer; /* a turn looks at the clock itself */
}

static void on_wake (uv_async_t *wake) {
  (void)wake;
}

/* ---- a turn ------------------------------------------------------------ */

raft_time real_caller_wait (struct real_caller *caller) {
  raft_time deadline, now;
  if (caller->client == NULL) {
    return RAFT_TIME_MAX;
  }
  deadline = client_deadline (caller->client);
  if (deadline == RAFT_TIME_MAX) {
    return deadline;
  }
  now = caller->clock.now (&caller->clock);
  return deadline > now ? deadline - now : 0;
}

/* What is due is done, and what is to be sent leaves. */
static void settle (struct real_caller *caller) {
  struct event time = { .kind = EVENT_TIME };
  real_dialer_tell (&caller->dialer);
  if (real_caller_wait (caller) == 0) {
    (void)guarded (caller, &time);
  }
  if (caller->is_broken) {
    real_dialer_close (&caller->dialer);
  }
  real_dialer_flush (&caller->dialer);
}

static void run_for (struct real_caller *caller, raft_time wait_us) {
  raft_time due = real_caller_wait (caller);
  uint64_t wait_ms;
  wait_us = wait_us < TURN_MAX ? wait_us : TURN_MAX;
  wait_us = wait_us < due ? wait_us : due;
  if (wait_us == 0 || caller->dialer.has_refused || caller->done != NULL) {
    (void)uv_run (&caller->loop, UV_RUN_NOWAIT);
    return;
  }
  /* Repeating: libuv runs timers before it waits, too; one that was over by
  ** then would leave a wait without end. */
  wait_ms = (wait_us + RAFT_MILLISECOND - 1) / RAFT_MILLISECOND;
  uv_update_time (&caller->loop);
  (void)uv_timer_start (&caller->timer, on_timer, wait_ms, wait_ms);
  (void)uv_run (&caller->loop, UV_RUN_ONCE);
  (void)uv_timer_stop (&caller->timer);
}

void real_caller_turn (struct real_caller *caller, raft_time wait_us) {
  if (!caller->has_loop) {
    return;
  }
  settle (caller);
  caller->dialer.has_news = false;
  run_for (caller, wait_us);
  settle (caller);
  if (caller->dialer.has_news || caller->dialer.has_refused) {
    (void)uv_async_send (&caller->wake);
  }
}

int real_caller_descriptor (const struct real_caller *caller) {
  return caller->has_loop ? uv_backend_fd (&caller->loop) : -1;
}

/* ---- calls ------------------------------------------------------------- */

static int start (struct real_caller *caller, struct event *event,
                  raft_time deadline_us, uint64_t *number) {
  struct real_call *call;
  int status;
  if (caller->client == NULL) {
    return RAFT_ECLOSED;
  }
  call = call_new (caller, deadline_us);
  if (call == NULL) {
    return RAFT_ENOMEM;
  }
  call->number = caller->calls + 1;
  event->call = &call->call;
  status = guarded (caller, event);
  if (status != RAFT_OK && !caller->is_broken) {
    call_withdraw (caller, call);
    return status;
  }
  caller->calls++;
  *number = call->number;
  (void)uv_async_send (&caller->wake);
  return RAFT_OK;
}

int real_caller_propose (struct real_caller *caller, struct wire_view command,
                         raft_time deadline_us, uint64_t *number) {
  struct event event = { .kind = EVENT_PROPOSE, .bytes = command };
  return start (caller, &event, deadline_us, number);
}

int real_caller_query (struct real_caller *caller,
                       const struct wire_query *query, raft_time deadline_us,
                       uint64_t *number) {
  struct event event = { .kind = EVENT_QUERY, .query = query };
  return start (caller, &event, deadline_us, number);
}

int real_caller_ask (struct real_caller *caller, unsigned endpoint,
                     const char *method, struct wire_view params,
                     raft_time deadline_us, uint64_t *number) {
  struct event event = { .kind = EVENT_ASK, .endpoint = endpoint,
                         .method = method, .bytes = params };
  return start (caller, &event, deadline_us, number);
}

bool real_caller_cancel (struct real_caller *caller, uint64_t number) {
  struct real_call *call = caller->pending;
  struct event event = { .kind = EVENT_CANCEL };
  while (call != NULL && call->number != number) {
    call = call->next;
  }
  if (call == NULL) {
    return false;
  }
  event.call = &call->call;
  (void)guarded (caller, &event);
  return true;
}

/* ---- life -------------------------------------------------------------- */

static int start_loop (struct real_caller *caller) {
  if (uv_loop_init (&caller->loop) != 0) {
    return RAFT_EIO;
  }
  if (uv_async_init (&caller->loop, &caller->wake, on_wake) != 0) {
    (void)uv_loop_close (&caller->loop);
    return RAFT_EIO;
  }
  (void)uv_timer_init (&caller->loop, &caller->timer);
  caller->has_loop = true;
  /* The kernel learns in a turn what to watch: before the first one the loop's
  ** own descriptor would never be readable, whatever is asked. */
  (void)uv_run (&caller->loop, UV_RUN_NOWAIT);
  return RAFT_OK;
}

int real_caller_init (struct real_caller *caller,
                      const struct real_caller_options *options) {
  struct real_dialer *dialer = &caller->dialer;
  struct client_options inner;
  int status = start_loop (caller);
  raft_arena_init (&caller->arena);
  real_clock_init (&caller->clock);
  dialer->loop = &caller->loop;
  dialer->owner = caller;
  dialer->is_broken = &caller->is_broken;
  dialer->connected = on_connected;
  dialer->disconnected = on_disconnected;
  dialer->received = on_received;
  if (status == RAFT_OK) {
    status = real_dialer_init (dialer);
  }
  if (status != RAFT_OK) {
    return status;
  }
  memset (&inner, 0, sizeof inner);
  inner.memory = &caller->arena.memory;
  inner.dial = &dialer->dial;
  inner.clock = &caller->clock;
  inner.addresses = options->addresses;
  inner.address_count = options->address_count;
  inner.deadline_us = options->deadline_us;
  inner.retry_us = options->retry_us;
  inner.no_session = options->no_session;
  inner.begins_at_first = options->begins_at_first;
  inner.bug = options->bug;
  return client_new (&caller->client, &inner);
}

void real_caller_close (struct real_caller *caller) {
  struct event event = { .kind = EVENT_FREE };
  (void)guarded (caller, &event);
  caller->client = NULL;
  real_dialer_close (&caller->dialer);
}

/* The handles of connections are closed by real_caller_close. */
static void end_loop (struct real_caller *caller) {
  if (caller->has_loop) {
    uv_close ((uv_handle_t *)&caller->timer, NULL);
    uv_close ((uv_handle_t *)&caller->wake, NULL);
    (void)uv_run (&caller->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close (&caller->loop);
    caller->has_loop = false;
  }
}

static void free_calls (struct real_call *call) {
  while (call != NULL) {
    struct real_call *next = call->next;
    raft_buffer_free (&call->result);
    free (call);
    call = next;
  }
}

void real_caller_free (struct real_caller *caller) {
  real_caller_close (caller);
  end_loop (caller);
  real_dialer_free (&caller->dialer);
  raft_arena_clear (&caller->arena);
  free_calls (caller->pending);
  free_calls (caller->done);
  free_calls (caller->spare);
  caller->pending = caller->done = caller->spare = NULL;
}
