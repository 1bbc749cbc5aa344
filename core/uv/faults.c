/* SPDX-License-Identifier: MIT
**
** faults.c - orders read, and carried out. */

#include "uv/faults.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "uv/inside.h"

#define STANDARD_INPUT 0

struct order {
  const char *name; /* of a setting */
  int64_t first;
  int64_t second;
};

/* ---- what is ordered --------------------------------------------------- */

static void do_cut (struct real_server *server, const struct order *order) {
  fault_net_cut (server->faults.net, (raft_id)order->first, true);
}

static void do_mend (struct real_server *server, const struct order *order) {
  fault_net_cut (server->faults.net, (raft_id)order->first, false);
}

static void do_deafen (struct real_server *server,
                       const struct order *order) {
  fault_net_deafen (server->faults.net, (raft_id)order->first, true);
}

static void do_hear (struct real_server *server, const struct order *order) {
  fault_net_deafen (server->faults.net, (raft_id)order->first, false);
}

static void do_slow_link (struct real_server *server,
                          const struct order *order) {
  fault_net_slow (server->faults.net, (raft_id)order->first,
                  (raft_time)order->second);
}

static void do_reset (struct real_server *server,
                      const struct order *order) {
  if (order->first == (int64_t)FAULT_NET_CLIENTS) {
    real_connections_reset (server);
  } else {
    real_link_reset (server, (raft_id)order->first);
  }
}

static void do_set (struct real_server *server, const struct order *order) {
  (void)fault_net_set (server->faults.net, order->name,
                       (uint64_t)order->second);
}

static void do_jump (struct real_server *server, const struct order *order) {
  fault_clock_jump (&server->faults.clock, order->first);
}

static void do_drift (struct real_server *server,
                      const struct order *order) {
  fault_clock_drift (&server->faults.clock, order->first);
}

static void do_sync (struct real_server *server, const struct order *order) {
  fault_disk_slow (server->faults.disk, (raft_time)order->first);
}

static void do_left (struct real_server *server, const struct order *order) {
  fault_disk_fill (server->faults.disk, order->first < 0
                                          ? FAULT_DISK_ENDLESS
                                          : (uint64_t)order->first);
}

static void do_fail (struct real_server *server, const struct order *order) {
  fault_disk_fail (server->faults.disk, (uint64_t)order->first);
}

static void do_lie (struct real_server *server, const struct order *order) {
  fault_fs_lie (server->faults.held, order->first != 0);
}

static void die (struct fs_request *request) {
  (void)request;
  (void)kill (getpid (), SIGKILL);
}

static void do_die (struct real_server *server, const struct order *order) {
  struct real_faults *faults = &server->faults;
  if (faults->last.done == NULL) {
    faults->last.done = die;
    fault_fs_spill (faults->held, order->first < 0 ? FAULT_FS_ALL
                                                   : (uint64_t)order->first,
                    &faults->last);
  }
}

static const struct {
  const char *word;
  void (*act) (struct real_server *server, const struct order *order);
} ORDERS[] = {
  { "cut", do_cut },           { "deafen", do_deafen },
  { "die", do_die },           { "drift", do_drift },
  { "fail", do_fail },         { "hear", do_hear },
  { "jump", do_jump },         { "left", do_left },
  { "lie", do_lie },           { "mend", do_mend },
  { "reset", do_reset },       { "set", do_set },
  { "slow_link", do_slow_link }, { "sync", do_sync },
};

/* What is not understood does nothing: whoever orders is of this build. */
static void call_order (struct real_server *server, void *argument) {
  const char *line = argument;
  char word[16] = "";
  char name[32] = "";
  long long first = 0;
  long long second = 0;
  struct order order = { name, 0, 0 };
  if (sscanf (line, "set %31s %lld", name, &second) == 2) {
    (void)snprintf (word, sizeof word, "set");
  } else if (sscanf (line, "%15s %lld %lld", word, &first, &second) < 2) {
    return;
  }
  order.first = first;
  order.second = second;
  for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++) {
    if (strcmp (ORDERS[i].word, word) == 0) {
      ORDERS[i].act (server, &order);
    }
  }
}

/* ---- the pipe ---------------------------------------------------------- */

static void on_room (uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  struct real_faults *faults = &((struct real_server *)handle->data)->faults;
  (void)suggested;
  *out = uv_buf_init (faults->line + faults->size,
                      (unsigned)(REAL_ORDER_BYTES - faults->size));
}

static void take_lines (struct real_server *server) {
  struct real_faults *faults = &server->faults;
  char *end;
  while ((end = memchr (faults->line, '\n', faults->size)) != NULL) {
    char line[REAL_ORDER_BYTES];
    size_t size = (size_t)(end - faults->line);
    memcpy (line, faults->line, size);
    line[size] = '\0';
    faults->size -= size + 1;
    memmove (faults->line, end + 1, faults->size);
    real_server_enter (server, call_order, line);
  }
  if (faults->size == REAL_ORDER_BYTES) {
    faults->size = 0;
  }
}

static void on_read (uv_stream_t *stream, ssize_t count,
                     const uv_buf_t *bytes) {
  struct real_server *server = stream->data;
  (void)bytes;
  if (count < 0) {
    die (NULL);
  } else if (count > 0) {
    server->faults.size += (size_t)count;
    take_lines (server);
  }
}

/* ---- what is late ------------------------------------------------------ */

static void call_time (struct real_server *server, void *argument) {
  (void)argument;
  fault_net_on_time (server->faults.net);
  fault_disk_on_time (server->faults.disk);
}

static void on_late (uv_timer_t *timer) {
  real_server_enter (timer->data, call_time, NULL);
}

void real_faults_turn (struct real_server *server) {
  struct real_faults *faults = &server->faults;
  raft_time now = server->clock.now (&server->clock);
  raft_time deadline;
  if (!faults->is_open) {
    return;
  }
  deadline = fault_net_deadline (faults->net);
  if (fault_disk_deadline (faults->disk) < deadline) {
    deadline = fault_disk_deadline (faults->disk);
  }
  if (deadline >= RAFT_TIME_MAX) {
    (void)uv_timer_stop (&faults->timer);
    return;
  }
  uv_update_time (&server->loop);
  (void)uv_timer_start (&faults->timer, on_late,
                        deadline <= now ? 0
                                        : (deadline - now) / RAFT_MILLISECOND
                                            + 1,
                        0);
}

/* ---- life -------------------------------------------------------------- */

static void on_lost_sync (void *owner, const struct fs_request *sync) {
  fault_fs_lose (owner, sync);
}

static int listen_for_orders (struct real_server *server) {
  struct real_faults *faults = &server->faults;
  faults->disk = fault_disk_new (fault_fs_port (faults->held),
                                 &server->clock);
  faults->net = fault_net_new (&server->net, &server->clock,
                               real_connection_is_exempt);
  if (faults->disk == NULL || faults->net == NULL) {
    return RAFT_ENOMEM;
  }
  fault_disk_tell (faults->disk, on_lost_sync, faults->held);
  (void)uv_timer_init (&server->loop, &faults->timer);
  (void)uv_pipe_init (&server->loop, &faults->pipe, 0);
  faults->timer.data = server;
  faults->pipe.data = server;
  faults->is_open = true;
  return uv_pipe_open (&faults->pipe, STANDARD_INPUT) == 0
             && uv_read_start ((uv_stream_t *)&faults->pipe, on_room, on_read)
                  == 0
           ? RAFT_OK
           : RAFT_EINVALID;
}

int real_faults_start (struct real_server *server) {
  const struct real_server_options *options = &server->options;
  struct real_faults *faults = &server->faults;
  if (!options->hold_unsynced && !options->is_controlled) {
    return RAFT_OK;
  }
  faults->held = fault_fs_new (&server->disk.port);
  if (faults->held == NULL) {
    return RAFT_ENOMEM;
  }
  return options->is_controlled ? listen_for_orders (server) : RAFT_OK;
}

void real_faults_close (struct real_server *server) {
  struct real_faults *faults = &server->faults;
  if (faults->is_open) {
    faults->is_open = false;
    uv_close ((uv_handle_t *)&faults->pipe, NULL);
    uv_close ((uv_handle_t *)&faults->timer, NULL);
  }
}

void real_faults_free (struct real_server *server) {
  struct real_faults *faults = &server->faults;
  fault_net_free (faults->net, !server->is_broken);
  fault_disk_free (faults->disk);
  fault_fs_free (faults->held);
}

/* ---- doors ------------------------------------------------------------- */

struct port_fs *real_faults_fs (struct real_server *server) {
  struct real_faults *faults = &server->faults;
  return faults->disk != NULL   ? fault_disk_port (faults->disk)
         : faults->held != NULL ? fault_fs_port (faults->held)
                                : &server->disk.port;
}

struct port_net *real_faults_net (struct real_server *server) {
  return server->faults.net != NULL ? fault_net_port (server->faults.net)
                                    : &server->net;
}

struct port_clock *real_faults_clock (struct real_server *server) {
  return &server->faults.clock.port;
}

bool real_faults_reaches (struct real_server *server, raft_id member) {
  return server->faults.net == NULL
         || fault_net_reaches (server->faults.net, member);
}

bool real_faults_hears_client (struct real_server *server) {
  return server->faults.net == NULL
         || fault_net_hears_client (server->faults.net);
}
