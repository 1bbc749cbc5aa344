/* SPDX-License-Identifier: MIT
**
** replica.h - one member: the engine, its log, its machine and its clients,
** held together.
**
** Holds:     what a world calls, and what a world is told.
** Knows not: sockets, files, threads. It has the doors of core/port.
** Invariant: a request that was accepted is answered exactly once, unless
**            its connection is gone.
** Rule:      a world calls all functions of one replica on one thread, under
**            one guard (base/panic.h), and replica_flush at the end of each
**            turn of its loop: what came in one turn is one batch.
**
**   bytes from members ──► wire ──► raft_step ──► effects ──► wal, net,
**   requests of clients ─► queue ─►                           machine
**   completions of wal, machine ──►                           clients      */

#ifndef RAFT_REPLICA_REPLICA_H
#define RAFT_REPLICA_REPLICA_H

#include "base/bug.h"
#include "base/error.h"
#include "base/limit.h"
#include "base/memory.h"
#include "base/trace.h"
#include "port/clock.h"
#include "port/fs.h"
#include "port/machine.h"
#include "port/net.h"
#include "raft/raft.h"
#include "wal/wal.h"
#include "wire/greeting.h"
#include "wire/refusal.h"

struct replica;

/* A fact of the world's own, shown in the status page beside the member's:
** read there and then, so that it costs nothing otherwise. */
struct replica_extra {
  const char *key;
  const uint64_t *numbers;
  uint32_t count;               /* 0: one number; else an array of so many */
};

struct replica_options {
  struct raft_memory *memory;   /* the member's arena */
  struct port_fs *fs;
  struct port_net *net;
  struct port_machine *machine;
  struct port_clock *clock;
  struct raft_tracer *tracer;   /* NULL: no traces */
  const char *place;            /* of the directory, see wal/wal.h */
  raft_time heartbeat_us;       /* 0: the engine's default */
  raft_time election_us;
  raft_time election_spread_us;
  raft_time check_quorum_us;
  struct raft_limits limits;
  uint64_t group;
  uint64_t hash_interval;       /* results between two hash points: 256 */
  struct wire_version version;  /* protocol 0: that of this build */
  bool mixed_vm;                /* members on another VM are not refused */
  const struct replica_extra *extras; /* outlive the member */
  uint32_t extra_count;
  enum raft_bug bug;
  void *owner;
  /* Recovery ended: the member takes part from now on; or it cannot, and
  ** 'detail' says why (file and offset, what was expected, what came). */
  void (*opened) (void *owner, int status, const struct raft_detail *detail);
  /* The member has stopped for good (failed disk, damaged log, machine out
  ** of memory, divergence); it answers nothing any more. */
  void (*stopped) (void *owner, int status, const struct raft_detail *detail);
};

struct replica_status {
  struct raft_status raft;
  struct wal_status wal;
  struct wal_identity identity;
  const char *name;              /* of the cluster */
  uint64_t result_hash;          /* running, over results up to 'applied' */
  raft_index applied;
  raft_index hash_index;         /* the last compared point */
  raft_index snapshot;           /* the newest one's; 0: none */
  raft_time snapshot_time;       /* when its last entry was made, wall */
  uint64_t snapshots_taken;      /* since the process began */
  uint64_t features_agreed;      /* that are on (agree.h) */
  uint64_t sessions;
  uint64_t session_bytes;
  uint64_t pending_proposals;
  uint64_t pending_reads;
  raft_time apply_stall;         /* age of the oldest committed, unapplied
                                    entry; 0: none */
  bool stalled;
  bool leaving;                  /* it was removed, and is about to end */
  bool ordered;                  /* a change or a transfer is under way */
};

RAFT_HIDDEN_BEGIN

/* Errors: RAFT_ENOMEM, RAFT_EINVALID. */
int replica_new (struct replica **replica,
                 const struct replica_options *options);
/* Starts recovery; ends with 'opened'. */
void replica_open (struct replica *replica);

/* ---- what happens in the world ---------------------------------------- */

/* What this member says of itself when it greets. After 'opened'. */
void replica_greeting (const struct replica *replica,
                       struct wire_greeting *greeting);

/* Where a greeting comes from. */
struct replica_origin {
  raft_id dialled;     /* the member that we dialled; 0: it dialled us */
  const char *address; /* as people read it */
};

/* Judges another member's greeting. 0: the link may be used.
** Errors: RAFT_EWRONG_CLUSTER, RAFT_EWIPED, RAFT_EUNSUPPORTED (protocol, VM),
** RAFT_EREMOVED (a committed configuration has dropped it),
** RAFT_ENOT_FOUND (not in the configuration, or not the one dialled),
** RAFT_ECLOSED. A refusal with a code is sent back to one who dialled us. */
int replica_judge (struct replica *replica,
                   const struct wire_greeting *greeting,
                   const struct replica_origin *origin,
                   struct wire_refusal *refusal);

/* The member that we dialled refuses us. One whom nobody can make use of any
** more stops: a directory made anew (RAFT_EWIPED), a member that was removed
** (RAFT_EREMOVED), or a mistake that leaves no majority with it
** (RAFT_EWRONG_CLUSTER, RAFT_EUNSUPPORTED). */
void replica_on_refused (struct replica *replica,
                         const struct replica_origin *origin,
                         const struct wire_refusal *refusal);

/* A greeted link to 'member' is there, or has ended. */
void replica_on_link_up (struct replica *replica, raft_id member,
                         uint64_t incarnation);
void replica_on_link_down (struct replica *replica, raft_id member,
                           enum net_down why);

/* One whole scanned object from a greeted member. Returns 0, or why it is
** refused (the world ends the connection): RAFT_EMALFORMED, RAFT_ECORRUPT. */
int replica_on_message (struct replica *replica, raft_id from,
                        const uint8_t *data, size_t size);

/* A greeted member sent bytes that the scanner refused. */
void replica_on_garbage (struct replica *replica, raft_id from);

/* One whole scanned object from a client's connection; 'connection' is the
** world's number for it, never 0, never used again. Answered through
** port_net.reply. Errors: RAFT_EMALFORMED: not RPC, end the connection. */
int replica_on_request (struct replica *replica, uint64_t connection,
                        const uint8_t *data, size_t size);
/* The same from an operator: from the host, or through a socket in the
** member's directory. Both kinds of connections share their numbers. */
int replica_on_admin (struct replica *replica, uint64_t connection,
                      const uint8_t *data, size_t size);
/* The connection is gone: its calls need no answer. */
void replica_on_hang_up (struct replica *replica, uint64_t connection);

/* The deadline has come (early is harmless). */
void replica_on_time (struct replica *replica);
raft_time replica_deadline (const struct replica *replica);

/* The end of a turn: proposals and reads that came in it become events. */
void replica_flush (struct replica *replica);

/* Takes a snapshot of what is applied, and lets the log be compacted, whatever
** its size. It is done when replica_status.snapshot says so; a failure is
** traced. Errors: RAFT_ENO_METHOD: the machine takes none; RAFT_ECLOSED. */
int replica_snapshot (struct replica *replica);

/* ---- ending ----------------------------------------------------------- */

/* Fails waiting calls ('closed' for those never proposed, 'unknown' else),
** finishes the log, closes the machine, then 'done'. Also after 'stopped',
** where requests to disk and machine may still be under way. */
void replica_close (struct replica *replica, void (*done) (void *owner));
/* After 'done', or when no request will complete any more. */
void replica_free (struct replica *replica);

/* ---- looking in ------------------------------------------------------- */

void replica_get_status (const struct replica *replica,
                         struct replica_status *status);
/* The engine, for checks after every simulated event. NULL before opened. */
const struct raft *replica_raft (const struct replica *replica);
/* Whether the disk of its log is full, as far as the log knows. */
bool replica_is_full (const struct replica *replica);

/* Where a member of the configuration listens; NULL: there is none of that
** id. After 'opened'; valid until the next call. */
const char *replica_address_of (const struct replica *replica, raft_id id);

/* The cached bytes of an entry, empty when it is not in the cache. */
struct raft_slice replica_entry (const struct replica *replica,
                                 raft_index index);

/* Makes a member's directory: 'value' is the whole cluster, 'id' one of its
** members. Draws the incarnation. The group is 0. 'done' is called once.
** Errors (also given to done): those of wal_init, RAFT_EINVALID: said in
** *detail of done. */
struct wire_configuration;
int replica_init (const struct wal_options *options, raft_id id,
                  const struct wire_configuration *value,
                  void (*done) (void *owner, int status,
                                const struct raft_detail *detail));

/* The same for a member that is added later: 'first' is entry 1, as the
** cluster has it (copied); 'id' is above all in it.
** Errors (also given to done): those of wal_init, RAFT_EMALFORMED,
** RAFT_EINVALID: said in *detail of done. */
int replica_join (const struct wal_options *options, raft_id id,
                  struct raft_slice first,
                  void (*done) (void *owner, int status,
                                const struct raft_detail *detail));

RAFT_HIDDEN_END

#endif
