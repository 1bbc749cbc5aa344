/* SPDX-License-Identifier: MIT
**
** error.h - every operating error, once.
**
** Holds:  the table of codes. A C function returns 0 or one of them; Lua
**         gets the name as its third value, the wire gets number and text.
** Rule:   a number is never given to another meaning: it is on the wire. */

#ifndef RAFT_BASE_ERROR_H
#define RAFT_BASE_ERROR_H

#include "base/types.h"

/*  X(symbol, number, name, text) */
#define RAFT_ERRORS(X)                                                     \
  X(NOMEM, 1, "no_memory", "out of memory")                                \
  X(INVALID, 2, "invalid", "invalid argument")                             \
  X(NOT_LEADER, 3, "not_leader", "this member is not the leader")          \
  X(OVERLOADED, 4, "overloaded", "a limit is reached, try again later")    \
  X(TOO_LARGE, 5, "too_large", "larger than the limit")                    \
  X(CLOSED, 6, "closed", "closed before it could be done")                 \
  X(UNKNOWN, 7, "unknown", "the outcome is unknown")                       \
  X(TIMEOUT, 8, "timeout", "the deadline passed, the outcome is unknown")  \
  X(CANCELLED, 9, "cancelled", "cancelled, the outcome is unknown")        \
  X(DISK_FULL, 10, "disk_full", "no space left on the disk")               \
  X(IO, 11, "io", "the disk failed")                                       \
  X(CORRUPT, 12, "corrupt", "stored bytes are damaged")                    \
  X(MALFORMED, 13, "malformed", "received bytes are malformed")            \
  X(NOT_INITIALISED, 14, "not_initialised", "the directory has no log")    \
  X(NOT_EMPTY, 15, "not_empty", "the directory is not empty")              \
  X(LOCKED, 16, "locked", "the directory is in use")                       \
  X(WIPED, 17, "wiped", "a known member came back with another directory") \
  X(WRONG_CLUSTER, 18, "wrong_cluster", "another cluster")                 \
  X(UNSUPPORTED, 19, "unsupported", "a version or kind not known here")    \
  X(SESSION_EXPIRED, 20, "session_expired", "the session has expired")     \
  X(RESULT_LOST, 21, "result_lost", "applied once, its result is gone")    \
  X(DIVERGED, 22, "diverged", "members computed different results")        \
  X(APPLY_FAILED, 23, "apply_failed", "the machine raised an error")       \
  X(MACHINE, 24, "machine", "the machine cannot go on")                    \
  X(NOT_REPRESENTABLE, 25, "not_representable",                            \
    "a value that this Lua cannot hold")                                   \
  X(NO_METHOD, 26, "no_method", "no such method")                          \
  X(EXISTS, 27, "exists", "already there")                                 \
  X(NOT_FOUND, 28, "not_found", "not there")                               \
  X(UNREACHABLE, 29, "unreachable", "no member could be reached")          \
  X(DENIED, 30, "denied", "permission denied")                             \
  X(ADDRESS_IN_USE, 31, "address_in_use", "the address is in use")         \
  X(PANIC, 32, "panic", "an internal check failed")                        \
  X(BUSY, 33, "busy", "another change is under way, try again later")      \
  X(CONFLICT, 34, "conflict", "the configuration has changed meanwhile")   \
  X(REMOVED, 35, "removed", "this member was removed from the cluster")   \
  X(TOO_STALE, 36, "too_stale", "no member knows a state that is fresh enough")

enum {
  RAFT_OK = 0,
#define X(symbol, number, name, text) RAFT_E##symbol = -(number),
  RAFT_ERRORS(X)
#undef X
};

RAFT_HIDDEN_BEGIN

/* The short name of a code ("not_leader"); "ok" for 0, "unknown_code" for a
** number that is not in the table. Never NULL. */
const char *raft_error_name (int code);

/* The text of a code, for people. Never NULL. */
const char *raft_error_text (int code);

/* The code of a name; 0 if there is none. */
int raft_error_of_name (const char *name, size_t size);

/* Where an error explains itself: "expected …, got …, at …".
** 'text' is always zero-terminated, and cut when too long. */
struct raft_detail {
  char text[256];
};

/* Writes a detail (NULL is allowed and ignored) and returns 'code', so that
**   return raft_fail (detail, RAFT_ECORRUPT, "%s: ...", name);
** is one line. Not for ring 0, which has no text. */
int raft_fail (struct raft_detail *detail, int code, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

RAFT_HIDDEN_END

#endif
