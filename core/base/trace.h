/* SPDX-License-Identifier: MIT
**
** trace.h - what happened, as typed records: the one source of logs,
** conversations, pictures, metrics and the trace hash.
**
** Holds:  the table of kinds, the record, the sink, two printers.
** Rule:   a record costs nothing when its level or room is masked out. */

#ifndef RAFT_BASE_TRACE_H
#define RAFT_BASE_TRACE_H

#include "base/buffer.h"
#include "base/types.h"

enum raft_trace_level {
  RAFT_TRACE_ERROR = 1,
  RAFT_TRACE_WARN = 2,
  RAFT_TRACE_INFO = 4,
  RAFT_TRACE_DEBUG = 8,
  RAFT_TRACE_WIRE = 16,
  RAFT_TRACE_ALL = 31
};

/*  X(symbol, name, level, fields)
**  Fields, in order: "name:type …", at most six. Types: n number, x hex,
**  b yes/no, t microseconds, e error code (a RAFT_E… cast to uint64_t), r
**  role, w reason, k message kind, m member, s the record's text (it has at
**  most one). The name of the record is also its room: "raft.role". */
#define RAFT_TRACES(X)                                                        \
  X(ROLE, "raft.role", INFO, "from:r to:r leader:m reason:w")                 \
  X(LEADER, "raft.leader", INFO, "leader:m")                                  \
  X(VOTE, "raft.vote", DEBUG, "for:m granted:b reason:w")                     \
  X(APPEND, "raft.append", DEBUG, "first:n count:n")                          \
  X(TRUNCATE, "raft.truncate", WARN, "from:n last:n")                         \
  X(COMMIT, "raft.commit", DEBUG, "index:n")                                  \
  X(SNAPSHOT, "raft.snapshot", INFO, "index:n to:m")                          \
  X(INSTALL, "raft.install", INFO, "index:n from:m")                          \
  X(CONFIGURE, "raft.configure", INFO, "index:n voters:n outgoing:n "         \
    "learners:n")                                                             \
  X(TRANSFER, "raft.transfer", INFO, "to:m reason:w")                         \
  X(SEND, "raft.send", WIRE, "kind:k to:m term:n a:n b:n c:n")                \
  X(RECEIVE, "raft.receive", WIRE, "kind:k from:m term:n a:n b:n c:n")        \
  X(OPENED, "replica.opened", INFO, "last:n vote:m")                          \
  X(STOPPED, "replica.stopped", ERROR, "code:e")                              \
  X(APPLIED, "replica.applied", DEBUG, "index:n")                             \
  X(STALL, "replica.stall", WARN, "what:w for:t")                             \
  X(LINK_UP, "replica.link_up", INFO, "peer:m")                               \
  X(LINK_DOWN, "replica.link_down", INFO, "peer:m reason:w")                  \
  X(REFUSED, "replica.refused", WARN, "peer:m code:e why:s")                  \
  X(MALFORMED, "replica.malformed", WARN, "peer:m code:e")                    \
  X(DIVERGED, "replica.diverged", ERROR, "peer:m lo:n hi:n")                  \
  X(SESSION, "replica.session", DEBUG, "session:n opened:b reason:w")         \
  X(DISK, "wal.disk", WARN, "code:e offset:n")                                \
  X(SYNC, "wal.sync", DEBUG, "bytes:n records:n took:t")                      \
  X(SEGMENT, "wal.segment", DEBUG, "first:n")                                 \
  X(RECOVERED, "wal.recovered", INFO, "last:n term:n cut:n segments:n")       \
  X(PENDING_DROPPED, "server.dropped", WARN, "calls:n")                       \
  X(REFUSED_BY, "replica.refused_by", WARN, "peer:m code:e why:s")            \
  X(MACHINE, "replica.machine", WARN, "peer:m expected:x got:x")              \
  X(CATCH_UP, "replica.catch_up", INFO, "peer:m round:n entries:n")           \
  X(SNAPSHOT_FAILED, "replica.snapshot_failed", WARN, "index:n code:e why:s") \
  X(STAYS, "raft.stays", WARN, "reason:w")

/*  What a pretended world did itself; in no trace hash, which has the events
**  that it came from. A message has a number, by which its way is followed;
**  the member of a record is who sent, or who got it. In pairs 0 is all
**  clients. */
#define RAFT_WORLD_TRACES(X)                                                  \
  X(SIM_SENT, "sim.sent", WIRE, "message:n to:m")                             \
  X(SIM_LOST, "sim.lost", WIRE, "message:n from:m to:m why:w")                \
  X(SIM_ARRIVED, "sim.arrived", WIRE, "message:n from:m")                     \
  X(SIM_START, "sim.start", INFO, "life:n")                                   \
  X(SIM_CRASH, "sim.crash", WARN, "")                                         \
  X(SIM_KILL, "sim.kill", WARN, "")                                           \
  X(SIM_STOP, "sim.stop", WARN, "code:e")                                     \
  X(SIM_PAUSE, "sim.pause", WARN, "")                                         \
  X(SIM_RESUME, "sim.resume", INFO, "")                                       \
  X(SIM_WIPE, "sim.wipe", WARN, "")                                           \
  X(SIM_ROT, "sim.rot", WARN, "")                                             \
  X(SIM_CUT, "sim.cut", WARN, "from:m to:m")                                  \
  X(SIM_MEND, "sim.mend", INFO, "from:m to:m")                                \
  X(SIM_HEAL, "sim.heal", INFO, "")                                           \
  X(SIM_RESET, "sim.reset", WARN, "from:m to:m")                              \
  X(SIM_DISK_SLOW, "sim.disk_slow", WARN, "on:b")                             \
  X(SIM_DISK_FULL, "sim.disk_full", WARN, "on:b")                             \
  X(SIM_DISK_FAILED, "sim.disk_failed", WARN, "")                             \
  X(SIM_CLOCK, "sim.clock", WARN, "back:b by:t")                              \
  X(SIM_DRIFT, "sim.drift", WARN, "slower:b by:n")                            \
  X(SIM_SLOW_LINK, "sim.slow_link", WARN, "from:m to:m by:t")                 \
  X(SIM_LIE, "sim.lie", WARN, "on:b")                                         \
  X(SIM_SETTLE, "sim.settle", INFO, "")

enum raft_trace_kind {
  RAFT_TRACE_NONE = 0,
#define X(symbol, name, level, fields) RAFT_TRACE_##symbol,
  RAFT_TRACES (X)
  RAFT_WORLD_TRACES (X)
#undef X
  RAFT_TRACE_COUNT
};

/*  Why something happened. X(symbol, text) */
#define RAFT_REASONS(X)                                         \
  X(NONE, "")                                                   \
  X(START, "started")                                           \
  X(ELECTION_TIMEOUT, "no leader was heard in time")            \
  X(PRE_VOTES, "a majority would vote")                         \
  X(VOTES, "a majority voted")                                  \
  X(HIGHER_TERM, "a higher term was seen")                      \
  X(LEADER_HEARD, "a leader of this term was heard")            \
  X(QUORUM_LOST, "no majority answered in time")                \
  X(LOST_VOTE, "a majority refused")                            \
  X(STOPPED, "stopped")                                         \
  X(GRANTED, "granted")                                         \
  X(LEADER_ALIVE, "the leader is alive")                        \
  X(VOTED, "voted for another")                                 \
  X(LOG_BEHIND, "the candidate's log is behind")                \
  X(STALE_TERM, "the candidate's term is old")                  \
  X(APPLY, "apply")                                             \
  X(SYNC, "sync")                                               \
  X(ENDED, "ended")                                             \
  X(REFUSED, "refused")                                         \
  X(SILENT, "silent")                                           \
  X(LIMIT, "a limit was reached")                               \
  X(ASKED, "asked to")                                          \
  X(DIVERGED, "results differ")                                 \
  X(DISK_FULL, "the disk is full")                              \
  X(TRANSFER, "leadership was handed over")                     \
  X(STALLED, "its disk or machine is stalled")                  \
  X(REMOVED, "no voter any more")                               \
  X(LOST, "lost")                                               \
  X(CUT, "the way is cut")                                      \
  X(NO_LINK, "there is no connection")                          \
  X(NOBODY, "nobody listens")                                   \
  X(LEASED, "a lease of the leader runs")                       \
  X(UNUSED, "not used for long")                                \
  X(PRIORITY, "another one should lead")

enum raft_reason {
#define X(symbol, text) RAFT_REASON_##symbol,
  RAFT_REASONS (X)
#undef X
  RAFT_REASON_COUNT
};

struct raft_trace {
  raft_time time;     /* monotonic, microseconds */
  raft_id member;
  uint64_t group;
  raft_term term;
  enum raft_trace_kind kind;
  uint64_t fields[6]; /* as the table says; unused ones are 0 */
  const char *text;   /* of a field of type s; NULL: none. Borrowed: whoever
                         keeps a record copies it. Not in the trace hash */
};

/* Where records go. A holder calls emit only for levels in 'levels'. */
struct raft_tracer {
  unsigned levels; /* a set of enum raft_trace_level */
  void (*emit) (struct raft_tracer *tracer, const struct raft_trace *trace);
};

RAFT_HIDDEN_BEGIN

unsigned raft_trace_level_of (enum raft_trace_kind kind);
const char *raft_trace_name (enum raft_trace_kind kind);
const char *raft_reason_text (enum raft_reason reason);

/* One readable line without newline: "raft.role from=follower to=leader
** leader=1 reason="a majority voted"". Time, member and term stand before it
** as the reader of the line likes. Errors: RAFT_ENOMEM. */
int raft_trace_text (const struct raft_trace *trace, struct raft_buffer *out);

/* The same as one JSON object: {"time":7,"member":1,"group":0,"term":2,
** "kind":"raft.role","level":"info","fields":{"from":"follower",…}}; numbers
** from 2^53 on are strings. Errors: RAFT_ENOMEM. */
int raft_trace_json (const struct raft_trace *trace, struct raft_buffer *out);

/* One field of a record. */
struct raft_trace_field {
  const char *name; /* not ended by a zero */
  size_t name_size;
  char type;        /* see RAFT_TRACES */
  uint64_t value;
  const char *word; /* of types that are words, and texts; NULL: a number */
};

/* The field at 'position', from 0. False: the kind has no more. */
bool raft_trace_field (const struct raft_trace *trace, unsigned position,
                       struct raft_trace_field *out);
const char *raft_trace_level_name (enum raft_trace_kind kind);

/* Chains a record into a trace hash. */
uint64_t raft_trace_hash (uint64_t hash, const struct raft_trace *trace);

RAFT_HIDDEN_END

#endif
