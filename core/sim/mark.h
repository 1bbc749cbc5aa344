/* SPDX-License-Identifier: MIT
**
** mark.h - what runs must sometimes reach: rare paths, counted by name, and
** the changes of roles by their causes.
**
** Holds:     the table; where each is seen.
** Knows not: rings 0 and 1 have nothing for it: marks are read from traces,
**            states, requests of ports and messages, so that they cost
**            nothing in production.
** Invariant: marks decide nothing and are in no hash.
** Rule:      a mark that no run of the general profiles reaches is a hole in
**            the profiles (spec/sim/marks_spec.lua). */

#ifndef RAFT_SIM_MARK_H
#define RAFT_SIM_MARK_H

#include "base/trace.h"
#include "base/types.h"
#include "port/fs.h"
#include "port/net.h"

/*  X(symbol, word, meaning) */
#define SIM_MARKS(X)                                                         \
  X(HINT_USED, "hint_used", "a rejection takes next back by more than one")  \
  X(HINT_STEP, "hint_step", "a rejection takes next back by one")            \
  X(TRUNCATED, "truncated", "a follower's tail is cut for a new leader's")   \
  X(VOTE_GRANTED, "vote_granted", "a vote, or a pre-vote")                   \
  X(LEADER_ALIVE, "leader_alive", "one refused: the leader is alive")        \
  X(VOTED_OTHER, "voted_other", "one refused: the vote is given")            \
  X(LOG_BEHIND, "log_behind", "one refused: the log is behind")              \
  X(STALE_TERM, "stale_term", "one refused: the term is old")                \
  X(LATE_MESSAGE, "late_message", "a message of an earlier term")            \
  X(REJECTED, "rejected", "a follower refuses entries that do not fit")      \
  X(PROBED, "probed", "a follower is probed: its log is a guess")            \
  X(REPLICATED, "replicated", "and is followed closely from then on")        \
  X(LOST_TOUCH, "lost_touch", "it was, and is probed again")                 \
  X(WINDOW_CLOSED, "window_closed", "as much is under way as may be")        \
  X(WINDOW_BYTES, "window_bytes", "by bytes, not by messages")               \
  X(PEER_STALLED, "peer_stalled", "a follower says that it is stalled")      \
  X(SYNC_STALL, "sync_stall", "a sync takes too long")                       \
  X(APPLY_STALL, "apply_stall", "the machine takes too long")                \
  X(READS_BATCHED, "reads_batched", "several reads by one round")            \
  X(READ_WAITS, "read_waits", "a read that waits for the leader's no-op")    \
  X(OLD_ENTRIES, "old_entries", "entries read back from the log")            \
  X(DUPLICATE, "duplicate", "a command that is not applied a second time")   \
  X(RESULT_LOST, "result_lost", "the answer to one is gone")                 \
  X(SESSION_EXPIRED, "session_expired", "a session that is not there")       \
  X(SESSION_EVICTED, "session_evicted", "one too many: the idlest goes")     \
  X(SESSION_UNUSED, "session_unused", "one without a command for long goes") \
  X(OVERLOADED, "overloaded", "a request refused at a limit")                \
  X(NOT_LEADER, "not_leader", "a request refused, with a hint or without")   \
  X(REFUSED_FULL, "refused_full", "a request refused: the disk is full")     \
  X(DISK_FULL, "disk_full", "a log has no more room")                        \
  X(PEER_FULL, "peer_full", "a follower says that its disk is full")         \
  X(DISK_FREE, "disk_free", "and has it again, in the same life")            \
  X(TAIL_CUT, "tail_cut", "a torn tail is cut at the start")                 \
  X(SEGMENT, "segment", "a log goes on in the next segment")                 \
  X(ROT_REFUSED, "rot_refused", "a damaged log is refused")                  \
  X(WIPED_REFUSED, "wiped_refused", "a wiped member is refused")             \
  X(MALFORMED, "malformed", "bytes that are no message")                     \
  X(LINK_ENDED, "link_ended", "a connection ends")                           \
  X(LINK_REFUSED, "link_refused", "nobody listens")                          \
  X(LINK_SILENT, "link_silent", "nothing comes back")                        \
  X(TRANSFER, "transfer", "a leader hands over")                             \
  X(STALL_TRANSFER, "stall_transfer", "a stalled leader hands over")         \
  X(PRIORITY_TRANSFER, "priority_transfer", "a leader hands over to another" \
    " that should lead")                                                     \
  X(JOINT, "joint", "two majorities at once")                                \
  X(LEARNER, "learner", "a member that has no vote")                         \
  X(SNAPSHOT, "snapshot", "one is taken")                                    \
  X(SNAPSHOT_SENT, "snapshot_sent", "one is sent")                           \
  X(INSTALLED, "installed", "one is taken over")

enum sim_mark {
#define X(symbol, word, meaning) SIM_MARK_##symbol,
  SIM_MARKS (X)
#undef X
  SIM_MARK_COUNT
};

#define SIM_ROLES 5 /* enum raft_role, from 1 */

struct sim_world;
struct sim_member;
struct raft_status;
struct machine_request;

/* What a leader believed of one follower after the event before. */
struct sim_mark_peer {
  raft_index next;
  bool is_probed;
};

struct sim_marks {
  uint64_t counts[SIM_MARK_COUNT];
  uint64_t moves[SIM_ROLES][SIM_ROLES][RAFT_REASON_COUNT];
  raft_term terms[16];               /* that 'peers' are of, by member */
  struct sim_mark_peer peers[16][16];
  bool is_full[16];
  raft_index applied[16];
  uint64_t query_event;              /* the event of the last query */
};

RAFT_HIDDEN_BEGIN

void sim_mark (struct sim_world *world, enum sim_mark mark);
const char *sim_mark_name (unsigned mark);

/* ---- where they are seen ----------------------------------------------- */

void sim_mark_trace (struct sim_world *world, struct sim_member *member,
                     const struct raft_trace *trace);
/* After each event of a member that is up. */
void sim_mark_status (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status);
void sim_mark_file (struct sim_world *world, const struct sim_member *member,
                    enum fs_operation operation);
void sim_mark_link_down (struct sim_world *world, enum net_down why);
void sim_mark_request (struct sim_world *world,
                       const struct machine_request *request);
void sim_mark_reply (struct sim_world *world, const uint8_t *data,
                     size_t size);

RAFT_HIDDEN_END

#endif
