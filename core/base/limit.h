/* SPDX-License-Identifier: MIT
**
** limit.h - the limits of one member, by name, with unit and reason.
**
** Rule: a limit on everything. Past one, callers get RAFT_EOVERLOADED (or
**       RAFT_ETOO_LARGE for a single thing that can never fit), never growth.
**       Specs set them to 2 to 4, so that every wrap-around is exercised. */

#ifndef RAFT_BASE_LIMIT_H
#define RAFT_BASE_LIMIT_H

#include "base/types.h"

#define RAFT_MEMBERS_MAX 15 /* in one configuration: on the stack, as arrays */

#define RAFT_KIB ((uint64_t)1024)
#define RAFT_MIB ((uint64_t)1024 * 1024)

/*  X(name, default, unit, reason) */
#define RAFT_LIMITS(X)                                                       \
  X(entry_bytes, RAFT_MIB, "bytes", "one command, envelope included")        \
  X(append_bytes, RAFT_MIB, "bytes", "entries of one AppendEntries")         \
  X(append_entries, 4096, "entries", "entries of one AppendEntries")         \
  X(inflight_messages, 64, "messages", "unacknowledged to one follower")     \
  X(inflight_bytes, 8 * RAFT_MIB, "bytes", "unacknowledged to one follower") \
  X(unapplied_bytes, 64 * RAFT_MIB, "bytes",                                 \
    "appended and not yet applied: the leader refuses beyond it")            \
  X(cached_bytes, 64 * RAFT_MIB, "bytes", "entries kept in memory")          \
  X(snapshot_bytes, 64 * RAFT_MIB, "bytes",                                  \
    "applied since the last snapshot: then another one is taken")            \
  X(snapshot_rate, 64 * RAFT_MIB, "bytes/s",                                 \
    "of a snapshot being written; of those being sent, together")            \
  X(snapshot_window, 16, "blocks",                                           \
    "of 64 KiB of a snapshot, unacknowledged to one follower")               \
  X(retained_entries, 65536, "entries",                                      \
    "kept behind a snapshot, for members that lag")                          \
  X(apply_bytes, RAFT_MIB, "bytes", "entries of one apply call")             \
  X(apply_entries, 4096, "entries", "entries of one apply call")             \
  X(reads, 16384, "reads", "linear reads waiting in the engine")             \
  X(connections, 1024, "connections", "client connections of one member")    \
  X(connection_requests, 1024, "requests", "unanswered on one connection")   \
  X(connection_bytes, 8 * RAFT_MIB, "bytes", "unanswered on one connection") \
  X(sessions, 10000, "sessions", "open client sessions")                     \
  X(session_bytes, 64 * RAFT_MIB, "bytes", "kept results of all sessions")   \
  X(session_expire_us, 3600 * RAFT_SECOND, "microseconds",                   \
    "without a command, by the times in the log: a session expires")         \
  X(segment_bytes, 16 * RAFT_MIB, "bytes", "one preallocated log segment")   \
  X(batch_bytes, 4 * RAFT_MIB, "bytes", "one write and sync of the log")     \
  X(apply_stall_us, 10 * RAFT_SECOND, "microseconds",                        \
    "age of the oldest committed, unapplied entry that counts as a stall")   \
  X(sync_stall_us, RAFT_SECOND, "microseconds",                              \
    "age of the oldest unfinished sync that counts as a stall")              \
  X(priority_settle_us, 5 * RAFT_SECOND, "microseconds",                     \
    "well without a break: then a member of higher priority is to lead")     \
  X(catch_up_us, 30 * RAFT_SECOND, "microseconds",                           \
    "without progress of a new voter: the change is given up")               \
  X(close_us, 5 * RAFT_SECOND, "microseconds",                               \
    "for what is under way when a member ends; then it is abandoned")

struct raft_limits {
#define X(name, value, unit, reason) uint64_t name;
  RAFT_LIMITS (X)
#undef X
};

RAFT_HIDDEN_BEGIN

void raft_limits_default (struct raft_limits *limits);

/* Sets one limit by its name. Errors: RAFT_ENOT_FOUND. */
int raft_limits_set (struct raft_limits *limits, const char *name,
                     uint64_t value);

RAFT_HIDDEN_END

#endif
