/* SPDX-License-Identifier: MIT
**
** server.h - one member in the real world: a process's sockets, files and
** threads around one replica.
**
** Holds:     what a host may do with a member: start, look, ask, end.
** Knows not: Lua.
** Invariant: the engine's thread runs a loop of its own; it never waits for
**            the disk, for the machine or for the host.
** Rule:      all functions here are called on the host's thread. */

#ifndef RAFT_UV_SERVER_H
#define RAFT_UV_SERVER_H

#include "base/bug.h"
#include "base/error.h"
#include "base/limit.h"
#include "port/machine.h"
#include "uv/mailbox.h"

struct real_server;

struct real_server_options {
  const char *dir;              /* made by real_directory_make */
  const char *listen;           /* "host:port"; NULL: the member's own */
  bool insecure;                /* listen where other computers reach it */
  bool hold_unsynced;           /* as if power were lost at each kill */
  bool is_controlled;           /* faults are ordered on standard input */
  bool mixed_vm;
  raft_time heartbeat_us;       /* 0: the engine's defaults */
  raft_time election_us;
  raft_time election_spread_us;
  raft_time check_quorum_us;
  struct raft_limits limits;
  unsigned trace_levels;        /* a set of enum raft_trace_level */
  enum raft_bug bug;
  struct machine *machine;      /* taken over, also when starting fails */
};

RAFT_HIDDEN_BEGIN

/* Starts the engine's thread, which recovers, then listens.
** Errors: RAFT_ENOMEM. */
int real_server_start (struct real_server **server,
                       const struct real_server_options *options);

/* Waits until the member is open; or has ended: then it says why.
** Errors: those of replica_options.opened, RAFT_EADDRESS_IN_USE,
** RAFT_EDENIED (not loopback), RAFT_EINVALID (no such address). */
int real_server_await (struct real_server *server,
                       struct raft_detail *detail);

/* Where it listens, "host:port"; after real_server_await. */
const char *real_server_address (const struct real_server *server);

/* Records, phase and descriptor. */
struct real_mailbox *real_server_mailbox (struct real_server *server);

/* Asks the member, as a client on a connection of its own would: one whole
** request with 'call' as its id; ended by real_mailbox_wait.
** Errors: RAFT_ENOMEM. */
int real_server_ask (struct real_server *server, const char *method,
                     const uint8_t *params, size_t size);

/* Asks it to end: stops accepting, answers who waits, finishes the log. */
void real_server_stop (struct real_server *server);
/* Stops it, joins its threads, frees it. A sync or an apply that does not end
** within limits.close_us is abandoned with all it touches, and the member
** has ended with RAFT_ETIMEOUT. */
void real_server_free (struct real_server *server);

RAFT_HIDDEN_END

#endif
