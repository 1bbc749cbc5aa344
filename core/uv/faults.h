/* SPDX-License-Identifier: MIT
**
** faults.h - what can go wrong inside one member, and the pipe on which that
** is ordered.
**
** Holds:     the decorators of core/fault around this member's doors; lines
**            of orders from standard input.
** Knows not: why something is ordered (lua/raft/chaos*.lua).
** Invariant: without options.is_controlled there is no pipe and, but for
**            hold_unsynced, no decorator: a member that serves cannot be
**            ordered to fail.
** Rule:      the end of the pipe is the end of whoever orders: the process
**            kills itself, so that nothing is left behind.
**
** Orders, one a line; P is a member, 0 all clients; US microseconds:
**   cut P, mend P           nothing goes to P; it does again
**   deafen P, hear P        nothing comes from P; it does again
**   slow_link P US          each message to P takes longer; 0: not
**   reset P                 the connection to P ends
**   set NAME N              a share or time of all messages, fault/net.h
**   jump US, drift PPM      of the clocks, fault/clock.h
**   sync US                 each sync takes so much longer
**   left BYTES              on the disk; below 0: endless
**   fail N                  the Nth write or sync; 0: none
**   lie N                   1: syncs do nothing
**   die BITS                power is lost: what is not synced is partly on
**                           the disk, as BITS say; below 0: all of it is,
**                           but for names */

#ifndef RAFT_UV_FAULTS_H
#define RAFT_UV_FAULTS_H

#include <uv.h>

#include "fault/clock.h"
#include "fault/disk.h"
#include "fault/fs.h"
#include "fault/net.h"

#define REAL_ORDER_BYTES 128 /* of a line; a longer one is nonsense */

struct real_server;

struct real_faults {
  struct fault_clock clock;
  struct fault_fs *held;   /* NULL: not asked for */
  struct fault_disk *disk; /* NULL: not controlled */
  struct fault_net *net;
  uv_pipe_t pipe;
  uv_timer_t timer;        /* of what is late */
  bool is_open;            /* pipe and timer */
  char line[REAL_ORDER_BYTES];
  size_t size;             /* of what is in 'line' */
  struct fs_request last;  /* of a life */
};

RAFT_HIDDEN_BEGIN

/* Makes what the options ask for. Errors: RAFT_ENOMEM, RAFT_EINVALID
** (standard input is no pipe). */
int real_faults_start (struct real_server *server);
/* No orders any more; what is late stays so. */
void real_faults_close (struct real_server *server);
void real_faults_free (struct real_server *server);

/* The doors that the replica gets. */
struct port_fs *real_faults_fs (struct real_server *server);
struct port_net *real_faults_net (struct real_server *server);
struct port_clock *real_faults_clock (struct real_server *server);

/* At the end of a turn: when something late is due. */
void real_faults_turn (struct real_server *server);

/* Whether a member can be greeted, and whether a request arrives. */
bool real_faults_reaches (struct real_server *server, raft_id member);
bool real_faults_hears_client (struct real_server *server);

RAFT_HIDDEN_END

#endif
