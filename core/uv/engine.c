/* SPDX-License-Identifier: MIT
**
** engine.c - the engine's thread: its loop, its turns, its end.
**
**   wait ─► bytes, completions, timers ─► replica ─► end of the turn:
**           flush proposals, act on notices, write, set the timer
**
** Rule: closing goes: stop accepting → fail waiting calls → finish or abandon
**       the sync within a bound → join → free. */

#include <stdlib.h>
#include <string.h>

#include "uv/clock.h"
#include "uv/inside.h"

/* ---- the guard --------------------------------------------------------- */

static void note_end (struct real_server *server, int status,
                      const struct raft_detail *detail) {
  if (server->end_status == RAFT_OK) {
    server->end_status = status;
    server->end_detail = *detail;
  }
}

static void on_panic (struct real_server *server, const char *what) {
  struct raft_detail detail;
  server->is_broken = true;
  note_end (server,
            raft_fail (&detail, RAFT_EPANIC, "assert: %s", what), &detail);
}

void real_server_enter (struct real_server *server,
                        void (*call) (struct real_server *server,
                                      void *argument),
                        void *argument) {
  struct raft_guard guard;
  if (server->is_broken || server->replica == NULL) {
    return;
  }
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    call (server, argument);
  } else {
    on_panic (server, guard.what);
  }
  raft_guard_leave (&guard);
}

raft_time real_server_now (struct real_server *server) {
  struct port_clock *clock = real_faults_clock (server);
  return clock->now (clock);
}

/* ---- completions ------------------------------------------------------- */

static void call_fs_done (struct real_server *server, void *argument) {
  struct fs_request *request = argument;
  (void)server;
  request->done (request);
}

static void on_disk (void *owner, struct fs_request *request) {
  real_server_enter (owner, call_fs_done, request);
}

static void call_machine_done (struct real_server *server, void *argument) {
  struct machine_request *request = argument;
  (void)server;
  request->done (request);
}

static void on_machine (void *owner, struct machine_request *request) {
  real_server_enter (owner, call_machine_done, request);
}

/* ---- what the replica tells -------------------------------------------- */

static void on_opened (void *owner, int status,
                       const struct raft_detail *detail) {
  struct real_server *server = owner;
  server->notice.is_opened = true;
  server->notice.status = status;
  if (status != RAFT_OK) {
    server->notice.detail = *detail;
  }
}

static void on_stopped (void *owner, int status,
                        const struct raft_detail *detail) {
  struct real_server *server = owner;
  server->notice.is_stopped = true;
  server->notice.status = status;
  server->notice.detail = *detail;
}

static void on_replica_closed (void *owner) {
  struct real_server *server = owner;
  server->notice.is_closed = true;
}

static void on_trace (struct raft_tracer *tracer,
                      const struct raft_trace *trace) {
  struct real_server *server
    = (struct real_server *)(void *)((char *)tracer
                                     - offsetof (struct real_server,
                                                 tracer));
  real_mailbox_put (&server->mailbox, server->clock.wall (&server->clock),
                    trace);
}

/* ---- the end ----------------------------------------------------------- */

static void on_flush_bound (uv_timer_t *timer) {
  real_connections_close (timer->data, false);
}

static raft_time time_left (struct real_server *server) {
  raft_time now = real_server_now (server);
  return server->close_at > now + REAL_END_LEAST_US ? server->close_at - now
                                                    : REAL_END_LEAST_US;
}

static void abandon (struct real_server *server,
                     const struct raft_detail *why) {
  server->is_abandoned = true;
  note_end (server, RAFT_ETIMEOUT, why);
}

/* The threads end before the handles: what they still do is not completed. */
static void end_threads (struct real_server *server) {
  struct raft_detail why;
  if (server->has_disk_thread) {
    server->has_disk_thread = false;
    if (!real_disk_end (&server->disk, time_left (server))) {
      (void)raft_fail (&why, RAFT_ETIMEOUT, "a write or sync in %s has not "
                       "returned for %llu ms: abandoned", server->dir,
                       (unsigned long long)(server->options.limits.close_us
                                            / RAFT_MILLISECOND));
      abandon (server, &why);
    }
  }
  if (server->has_apply_thread) {
    server->has_apply_thread = false;
    if (!real_apply_end (&server->apply, time_left (server))) {
      real_apply_describe (&server->apply, &why);
      abandon (server, &why);
    }
  }
}

/* From here on the host is not heard. */
static void close_wake (struct real_server *server) {
  uv_mutex_lock (&server->mailbox.mutex);
  server->is_deaf = true;
  uv_mutex_unlock (&server->mailbox.mutex);
  uv_close ((uv_handle_t *)&server->wake, NULL);
}

static void set_bound (struct real_server *server) {
  server->close_at
    = real_server_now (server) + server->options.limits.close_us;
}

static void begin_end (struct real_server *server) {
  if (server->state == REAL_STATE_ENDING) {
    return;
  }
  real_listener_close (server);
  real_admin_close (server);
  real_faults_close (server);
  if (server->state < REAL_STATE_CLOSING) {
    set_bound (server);
  }
  server->state = REAL_STATE_ENDING;
  real_connections_close (server, true);
  real_links_close (server);
  end_threads (server);
  close_wake (server);
  (void)uv_timer_stop (&server->bound);
  uv_close ((uv_handle_t *)&server->turn_end, NULL);
  uv_close ((uv_handle_t *)&server->time, NULL);
  uv_close ((uv_handle_t *)&server->sweep, NULL);
  if (server->connection_count > 0) {
    (void)uv_timer_start (&server->bound, on_flush_bound, REAL_FLUSH_MS, 0);
    uv_unref ((uv_handle_t *)&server->bound);
  }
}

static void call_close (struct real_server *server, void *argument) {
  (void)argument;
  replica_close (server->replica, on_replica_closed);
}

static void on_close_bound (uv_timer_t *timer) {
  begin_end (timer->data);
}

static void begin_close (struct real_server *server) {
  if (server->state >= REAL_STATE_CLOSING) {
    return;
  }
  real_listener_close (server);
  real_admin_close (server);
  server->state = REAL_STATE_CLOSING;
  set_bound (server);
  (void)uv_timer_start (&server->bound, on_close_bound,
                        server->options.limits.close_us / RAFT_MILLISECOND
                          + 1, 0);
  real_server_enter (server, call_close, NULL);
}

void real_server_fail (struct real_server *server, int status,
                       const struct raft_detail *detail) {
  note_end (server, status, detail);
  begin_close (server);
}

/* ---- turns ------------------------------------------------------------- */

/* Of a member that is in no configuration (yet) the log says nothing. */
static void choose_address (struct real_server *server) {
  struct replica_status status;
  const char *address = server->listen;
  if (address == NULL) {
    replica_get_status (server->replica, &status);
    address = replica_address_of (server->replica, status.identity.member);
  }
  if (address != NULL && strlen (address) < sizeof server->address) {
    memcpy (server->address, address, strlen (address) + 1);
  }
}

void real_server_on_listening (struct real_server *server) {
  struct raft_detail why;
  int status = real_admin_start (server, &why);
  if (status != RAFT_OK) {
    real_server_fail (server, status, &why);
    return;
  }
  server->state = REAL_STATE_SERVING;
  real_mailbox_set_phase (&server->mailbox, REAL_OPEN, RAFT_OK, NULL);
}

static void act_on_notices (struct real_server *server) {
  struct real_notice notice = server->notice;
  memset (&server->notice, 0, sizeof server->notice);
  if (server->is_broken) {
    begin_end (server);
  } else if ((notice.is_opened && notice.status != RAFT_OK)
             || notice.is_stopped) {
    note_end (server, notice.status, &notice.detail);
    if (server->state < REAL_STATE_CLOSING) {
      begin_end (server);
    }
  } else if (notice.is_opened && server->state == REAL_STATE_RECOVERING) {
    server->state = REAL_STATE_LISTENING;
    choose_address (server);
    real_listener_start (server);
  }
  if (notice.is_closed) {
    begin_end (server);
  }
}

static void call_flush (struct real_server *server, void *argument) {
  (void)argument;
  replica_flush (server->replica);
}

static void call_time (struct real_server *server, void *argument) {
  (void)argument;
  if (replica_deadline (server->replica) <= real_server_now (server)) {
    replica_on_time (server->replica);
  }
}

static void on_time (uv_timer_t *timer) {
  real_server_enter (timer->data, call_time, NULL);
}

static void set_timer (struct real_server *server) {
  raft_time deadline = replica_deadline (server->replica);
  raft_time now = real_server_now (server);
  uint64_t wait = deadline <= now
                    ? 0
                    : (deadline - now + RAFT_MILLISECOND - 1)
                        / RAFT_MILLISECOND;
  if (deadline >= RAFT_TIME_MAX) {
    (void)uv_timer_stop (&server->time);
  } else {
    uv_update_time (&server->loop);
    (void)uv_timer_start (&server->time, on_time, wait, 0);
  }
}

static void on_turn_end (uv_prepare_t *prepare) {
  struct real_server *server = prepare->data;
  if (server->state == REAL_STATE_LISTENING
      || server->state == REAL_STATE_SERVING) {
    real_server_enter (server, call_flush, NULL);
  }
  act_on_notices (server);
  if (server->state == REAL_STATE_ENDING) {
    return;
  }
  real_links_flush (server);
  real_connections_flush (server);
  if (server->is_broken) {
    begin_end (server);
    return;
  }
  set_timer (server);
  real_faults_turn (server);
  real_turns_end (&server->turns, &server->loop);
}

static void on_sweep (uv_timer_t *timer) {
  real_connections_sweep (timer->data);
}

/* ---- the host ---------------------------------------------------------- */

static void call_request (struct real_server *server, void *argument) {
  const struct raft_buffer *request = argument;
  (void)replica_on_admin (server->replica, REAL_HOST_CONNECTION,
                          request->data, request->size);
}

static void on_wake (uv_async_t *wake) {
  struct real_server *server = wake->data;
  struct raft_buffer request;
  bool wants_stop;
  uv_mutex_lock (&server->mailbox.mutex);
  wants_stop = server->wants_stop;
  request = server->request;
  raft_buffer_init (&server->request, &raft_memory_plain);
  uv_mutex_unlock (&server->mailbox.mutex);
  if (request.size > 0) {
    real_server_enter (server, call_request, &request);
  }
  raft_buffer_free (&request);
  if (wants_stop) {
    begin_close (server);
  }
}

/* ---- starting ---------------------------------------------------------- */

static int start_threads (struct real_server *server) {
  int status;
  server->disk.owner = server;
  server->disk.complete = on_disk;
  status = real_disk_start (&server->disk, &server->loop);
  if (status == RAFT_OK) {
    server->has_disk_thread = true;
    server->apply.owner = server;
    server->apply.complete = on_machine;
    server->apply.machine = server->options.machine;
    status = real_apply_start (&server->apply, &server->loop);
  }
  if (status == RAFT_OK) {
    server->has_apply_thread = true;
    server->options.machine = NULL; /* the apply thread's now */
  }
  return status;
}

static void add_extra (struct real_server *server, const char *key,
                       const uint64_t *numbers, uint32_t count) {
  struct replica_extra *extra = server->extras;
  while (extra->key != NULL) {
    extra++;
    raft_assert (extra < server->extras + REAL_EXTRAS);
  }
  extra->key = key;
  extra->numbers = numbers;
  extra->count = count;
}

static void fill_options (struct real_server *server,
                          struct replica_options *options) {
  const struct real_server_options *given = &server->options;
  memset (options, 0, sizeof *options);
  add_extra (server, "turn_us", server->turns.work.buckets,
             RAFT_DURATION_BUCKETS);
  add_extra (server, "turn_total_us", &server->turns.work.total, 0);
  add_extra (server, "turn_longest_us", &server->turns.work.longest, 0);
  add_extra (server, "turn_longest_cpu_us", &server->turns.longest_cpu, 0);
  add_extra (server, "sockets", &server->connection_count, 0);
  add_extra (server, "sockets_refused", &server->connections_refused, 0);
  add_extra (server, "writes", &server->writes, 0);
  add_extra (server, "links_up", &server->links_up, 0);
  add_extra (server, "bulk_links_up", &server->bulk_up, 0);
  options->extras = server->extras;
  while (options->extra_count < REAL_EXTRAS
         && server->extras[options->extra_count].key != NULL) {
    options->extra_count++;
  }
  options->memory = &server->arena.memory;
  options->fs = real_faults_fs (server);
  options->net = real_faults_net (server);
  options->machine = &server->apply.port;
  options->clock = real_faults_clock (server);
  options->place = server->disk.path;
  options->tracer = given->trace_levels != 0 ? &server->tracer : NULL;
  options->heartbeat_us = given->heartbeat_us;
  options->election_us = given->election_us;
  options->election_spread_us = given->election_spread_us;
  options->check_quorum_us = given->check_quorum_us;
  options->limits = given->limits;
  options->mixed_vm = given->mixed_vm;
  options->bug = given->bug;
  options->owner = server;
  options->opened = on_opened;
  options->stopped = on_stopped;
}

static void call_open (struct real_server *server, void *argument) {
  (void)argument;
  replica_open (server->replica);
}

static int start_replica (struct real_server *server) {
  struct replica_options options;
  int status = real_faults_start (server);
  if (status == RAFT_OK) {
    fill_options (server, &options);
    status = replica_new (&server->replica, &options);
  }
  if (status == RAFT_OK) {
    real_server_enter (server, call_open, NULL);
  }
  return status;
}

/* The loop's handles were made by real_server_start: only what may be done on
** this thread is done here. */
static void start (struct real_server *server) {
  struct raft_detail detail;
  int status;
  (void)uv_prepare_start (&server->turn_end, on_turn_end);
  (void)uv_timer_start (&server->sweep, on_sweep, REAL_SWEEP_MS,
                        REAL_SWEEP_MS);
  status = start_threads (server);
  if (status == RAFT_OK) {
    status = start_replica (server);
  }
  if (status != RAFT_OK) {
    note_end (server,
              raft_fail (&detail, status, "the member cannot start: %s",
                         raft_error_text (status)),
              &detail);
    begin_end (server);
  }
}

static void call_free (struct real_server *server, void *argument) {
  (void)argument;
  replica_free (server->replica);
}

/* Nothing else runs, unless a thread was abandoned: then all it may touch
** stays. */
static void clean_up (struct real_server *server) {
  if (server->is_abandoned) {
    return;
  }
  real_server_enter (server, call_free, NULL);
  server->replica = NULL;
  real_faults_free (server);
  raft_arena_clear (&server->arena);
  if (server->options.machine != NULL) {
    server->options.machine->free (server->options.machine);
  }
  real_disk_free (&server->disk);
}

static int init_handles (struct real_server *server) {
  uv_loop_t *loop = &server->loop;
  int status = uv_async_init (loop, &server->wake, on_wake);
  if (status == 0) {
    (void)uv_prepare_init (loop, &server->turn_end);
    (void)uv_timer_init (loop, &server->time);
    (void)uv_timer_init (loop, &server->sweep);
    (void)uv_timer_init (loop, &server->bound);
    server->wake.data = server;
    server->turn_end.data = server;
    server->time.data = server;
    server->sweep.data = server;
    server->bound.data = server;
  }
  return status;
}

int real_engine_init (struct real_server *server) {
  if (uv_loop_init (&server->loop) != 0) {
    return RAFT_ENOMEM;
  }
  if (real_turns_start (&server->turns, &server->loop) != 0
      || init_handles (server) != 0) {
    (void)uv_loop_close (&server->loop);
    return RAFT_ENOMEM;
  }
  real_clock_init (&server->clock);
  fault_clock_init (&server->faults.clock, &server->clock);
  real_link_door (&server->net);
  real_connection_door (&server->net);
  server->tracer.levels = server->options.trace_levels;
  server->tracer.emit = on_trace;
  raft_arena_init (&server->arena);
  return RAFT_OK;
}

void real_engine_run (void *argument) {
  struct real_server *server = argument;
  start (server);
  (void)uv_run (&server->loop, UV_RUN_DEFAULT);
  uv_close ((uv_handle_t *)&server->bound, NULL);
  real_connections_close (server, false);
  (void)uv_run (&server->loop, UV_RUN_DEFAULT);
  (void)uv_loop_close (&server->loop);
  clean_up (server);
  real_mailbox_set_phase (&server->mailbox, REAL_ENDED, server->end_status,
                          &server->end_detail);
}
