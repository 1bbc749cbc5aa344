/* SPDX-License-Identifier: MIT
**
** inside.h - a server from the inside, on the engine's thread.
**
** Holds:     struct real_server and what the files of this room call of one
**            another.
** Rule:      calls into the replica go through real_server_enter, which sets
**            the guard. The doors (port/net.h) are called under it: they only
**            note, and what they noted is done at the end of the turn. */

#ifndef RAFT_UV_INSIDE_H
#define RAFT_UV_INSIDE_H

#include <uv.h>

#include "base/panic.h"
#include "port/net.h"
#include "replica/replica.h"
#include "uv/admin.h"
#include "uv/apply.h"
#include "uv/disk.h"
#include "uv/faults.h"
#include "uv/listener.h"
#include "uv/mailbox.h"
#include "uv/server.h"
#include "uv/turn.h"
#include "wire/configuration.h"

#define REAL_END_LEAST_US (100 * RAFT_MILLISECOND) /* for a thread to end */
#define REAL_FLUSH_MS 1000              /* for last answers to be taken */
#define REAL_SWEEP_MS 1000              /* between looks at who is silent */
#define REAL_GREETING_US (10 * RAFT_SECOND) /* for a first whole object */
#define REAL_HOST_CONNECTION ((uint64_t)1 << 52) /* of the host's own calls */
#define REAL_DESCRIPTORS_KEPT 64        /* for files, links and the host */

struct real_link;
struct real_connection;

enum real_state {
  REAL_STATE_RECOVERING,
  REAL_STATE_LISTENING, /* is about to: its address is looked up */
  REAL_STATE_SERVING,
  REAL_STATE_CLOSING,   /* the replica finishes */
  REAL_STATE_ENDING     /* handles are being closed */
};

/* What the replica told; acted upon at the end of the turn. */
struct real_notice {
  bool is_opened;
  bool is_stopped;
  bool is_closed;
  int status;
  struct raft_detail detail;
};

#define REAL_EXTRAS 16 /* facts of the world in a status, at most */

struct real_server {
  struct real_server_options options; /* its strings are owned */
  char *dir;
  char *listen;                       /* NULL: not given */
  char address[WIRE_ADDRESS_MAX];     /* where it listens */
  uv_thread_t thread;
  struct real_mailbox mailbox;

  /* Between the threads, under the mailbox's lock. */
  bool wants_stop;
  bool is_deaf;                       /* 'wake' is closed */
  uint32_t calls;                     /* numbers given out */
  struct raft_buffer request;         /* plain; size 0: none */

  /* The engine's thread only. */
  uv_loop_t loop;
  uv_async_t wake;                    /* by the host */
  uv_prepare_t turn_end;
  uv_timer_t time;                    /* the replica's deadline */
  uv_timer_t sweep;
  uv_timer_t bound;                   /* of closing, then of ending */
  struct real_turns turns;
  struct port_clock clock;
  struct raft_tracer tracer;
  struct port_net net;
  struct raft_arena arena;
  struct real_disk disk;
  struct real_faults faults;
  struct real_apply apply;
  bool has_disk_thread;
  bool has_apply_thread;
  bool is_abandoned;                  /* a thread did not end */
  struct replica *replica;
  enum real_state state;
  bool is_broken;                     /* an assertion failed */
  raft_time close_at;                 /* what is not done then is abandoned */
  struct real_notice notice;
  int end_status;
  struct raft_detail end_detail;
  uint8_t *chunk;                     /* one read */
  struct real_listener listener;
  struct real_admin admin;
  struct real_link *links;
  uint64_t links_up;
  uint64_t bulk_up;                   /* beside them, for snapshots */
  struct real_connection **slots;     /* by number % slot_count */
  size_t slot_count;
  uint64_t connection_count;
  uint64_t connections_refused;
  uint64_t writes;                    /* to sockets */
  uint64_t next_number;
  struct real_connection *dirty;      /* to be flushed */
  struct replica_extra extras[REAL_EXTRAS];
};

RAFT_HIDDEN_BEGIN

/* Calls into the replica under the guard; nothing when it is broken. */
void real_server_enter (struct real_server *server,
                        void (*call) (struct real_server *server,
                                      void *argument),
                        void *argument);

/* The member cannot go on in this world (its address is taken). */
void real_server_fail (struct real_server *server, int status,
                       const struct raft_detail *detail);
void real_server_on_listening (struct real_server *server);

raft_time real_server_now (struct real_server *server);

/* ---- engine.c: the thread ----------------------------------------------- */
/* The loop and its handles; wake may be sent from then on.
** Errors: RAFT_ENOMEM. */
int real_engine_init (struct real_server *server);
void real_engine_run (void *server);

/* ---- link.c ------------------------------------------------------------- */
void real_link_door (struct port_net *net);
void real_links_flush (struct real_server *server);
void real_links_close (struct real_server *server);
/* The connection to a member ends, as if its process did. */
void real_link_reset (struct real_server *server, raft_id member);

/* ---- connection.c ------------------------------------------------------- */
int real_connections_init (struct real_server *server);
void real_connections_free (struct real_server *server);
void real_connection_door (struct port_net *net);
/* Someone dialled 'listener'; an operator, or anybody. */
void real_connection_accept (struct real_server *server,
                             uv_stream_t *listener, bool is_admin);
void real_connections_forget (struct real_server *server, raft_id member,
                              bool yes);
void real_connections_flush (struct real_server *server);
void real_connections_sweep (struct real_server *server);
/* Those of clients end at once. */
void real_connections_reset (struct real_server *server);
/* Whether a connection is the host's or an operator's. */
bool real_connection_is_exempt (struct port_net *net, uint64_t number);
/* finish: what was answered is sent first. */
void real_connections_close (struct real_server *server, bool finish);

RAFT_HIDDEN_END

#endif
