/* SPDX-License-Identifier: MIT
**
** bug.h - the bugs of other implementations, each behind a switch.
**
** Holds:  one row per known bug that our code could have. In the build of
**         its own (RAFT_WITH_BUGS) a member whose options name a bug behaves
**         as that bug says; a run that still passes means our checks are
**         blind there. In every other build raft_bug() is the constant 0.
** Rule:   this is the only file in core/ that knows about that build. */

#ifndef RAFT_BASE_BUG_H
#define RAFT_BASE_BUG_H

#include "base/types.h"

/*  X(symbol, name, where it was seen, what it does) */
#define RAFT_BUGS(X)                                                        \
  X(STALE_VOTE, "stale_vote", "Xraft#33",                                   \
    "votes of an earlier term are counted")                                 \
  X(STEP_DOWN_FORGETS_VOTE, "step_down_forgets_vote", "CCF#5891",           \
    "becoming follower in the same term clears the vote")                   \
  X(PRE_STEP_DOWN_FORGETS_VOTE, "pre_step_down_forgets_vote", "CCF#8094",   \
    "a pre-candidate that becomes follower clears the vote")                \
  X(VOTE_ERROR_IGNORED, "vote_error_ignored", "sofa-jraft#1243",            \
    "a failed write of the vote is taken for a success")                    \
  X(CAMPAIGN_BEFORE_SYNC, "campaign_before_sync", "sofa-jraft#1245",        \
    "vote requests leave before term and vote are durable")                 \
  X(VOTE_BEFORE_SYNC, "vote_before_sync", "sofa-jraft#1245",                \
    "a granted vote leaves before it is durable")                           \
  X(VOTE_FOR_ZERO, "vote_for_zero", "willemt@fe60545",                      \
    "member 1 doubles as nobody: a vote for it does not bind")              \
  X(LAST_TERM_IS_CURRENT, "last_term_is_current", "willemt@74f27d8",        \
    "a vote request names the current term as that of its last entry")      \
  X(LEADER_VOTES, "leader_votes", "DaosRaft#70",                            \
    "the leader grants votes like a follower that lost contact")            \
  X(PRE_VOTE_STALE_TERM, "pre_vote_stale_term", "canonical@da1ee05",        \
    "a granted pre-vote carries the voter's own, older term")               \
  X(PRE_VOTE_BOUND_BY_VOTE, "pre_vote_bound_by_vote", "canonical@9c70d96",  \
    "an old real vote refuses every pre-vote of others")                    \
  X(LATE_STEP_DOWN, "late_step_down", "hashicorp#695",                      \
    "a higher term is taken over while the member stays leader")            \
  X(CAMPAIGN_FORGETS_VOTE, "campaign_forgets_vote", "akka-raft#56",         \
    "a candidate forgets its own vote and votes again")                     \
  X(CAMPAIGN_NOT_PERSISTED, "campaign_not_persisted", "raft-java#57",       \
    "a candidate's new term and vote are not written")                      \
  X(COMMIT_OLD_TERM, "commit_old_term", "LogCabin#44",                      \
    "entries of older terms are committed by counting")                     \
  X(COMMIT_STOPS_AT_OLD_TERM, "commit_stops_at_old_term", "RaftOS#30",      \
    "an uncommitted entry of an older term stops commits for ever")         \
  X(MATCH_ASSIGNED, "match_assigned", "RaftOS#25",                          \
    "a late acknowledgement moves matchIndex back")                         \
  X(QUORUM_UNSORTED, "quorum_unsorted", "openraft#1802",                    \
    "the commit index is read from unsorted progress")                      \
  X(TRUNCATE_ALWAYS, "truncate_always", "RaftOS#26",                        \
    "an AppendEntries that agrees still cuts the log after it")             \
  X(ACK_OWN_LAST, "ack_own_last", "CCF#6016",                               \
    "a follower acknowledges its own last index")                           \
  X(REJECT_TRUNCATES, "reject_truncates", "willemt@396f7b7",                \
    "a rejected AppendEntries deletes from its previous index on")          \
  X(NEXT_NOT_MOVED, "next_not_moved", "PySyncObj#167",                      \
    "an acknowledgement moves matchIndex and leaves nextIndex")             \
  X(CONFLICT_OUTSIDE_LOG, "conflict_outside_log", "etcd-raft@0c22de0",      \
    "the conflict search does not stay inside the log")                     \
  X(COMMIT_CAPPED_BY_PAGE, "commit_capped_by_page", "etcd-raft@8ecce32",    \
    "paging of applied entries moves the commit index back")                \
  X(STABLE_BY_INDEX, "stable_by_index", "etcd append aba race",             \
    "a finished write makes a since rewritten index durable")               \
  X(APPLY_BEFORE_TRUNCATE, "apply_before_truncate", "canonical#355",        \
    "the commit index moves before the conflicting tail is cut")            \
  X(COMMIT_UNSYNCED, "commit_unsynced", "etcd#14370",                       \
    "the leader counts its own entries before they are durable")            \
  X(ACK_BEFORE_SYNC, "ack_before_sync", "cowsql@e514f78f",                  \
    "a follower acknowledges entries before they are durable")              \
  X(COMMIT_PAST_MATCH, "commit_past_match", "CCF#5991",                     \
    "a follower commits past what it compared with the leader")             \
  X(READ_BEFORE_NOOP, "read_before_noop", "RedisRaft#18",                   \
    "reads are served before the term's first commit")                      \
  X(READ_WITHOUT_ROUND, "read_without_round", "etcd#20418",                 \
    "a leader serves reads without asking its followers")                   \
  X(READ_OLD_ROUND, "read_old_round", "etcd-raft#397",                      \
    "an answer to an earlier heartbeat confirms a read")                    \
  X(STALE_ACK, "stale_ack", "tarantool#9138",                               \
    "acknowledgements of an earlier term are counted")                      \
  X(LEASE_IGNORES_DRIFT, "lease_ignores_drift", "NuRaft lease",             \
    "a leader counts a lease as if all clocks ran alike")                   \
  X(LEASE_THROUGH_TRANSFER, "lease_through_transfer", "Diss. 6.4.1",        \
    "a leader keeps its lease while it hands leadership over")              \
  X(LEASE_BEFORE_NOOP, "lease_before_noop", "RedisRaft#18",                 \
    "a lease serves reads before the term's first commit")                  \
  X(LEASE_FORGOTTEN, "lease_forgotten", "Diss. 6.4.1",                      \
    "a voter that starts forgets the lease that it acknowledged")           \
  X(LEASE_GONE_WITH_LINK, "lease_gone_with_link", "fast failover",          \
    "a voter whose link to the leader is refused votes within a lease")     \
  X(FOLLOWER_READ_UNASKED, "follower_read_unasked", "etcd#741",             \
    "a follower serves a linear read without asking the leader")            \
  X(READ_BEFORE_APPLIED, "read_before_applied", "Diss. 6.4",                \
    "a read is served before its index is applied")                         \
  X(CHANGE_BEFORE_NOOP, "change_before_noop", "Ongaro 2015",                \
    "a leader changes the members before its term has committed anything")  \
  X(CHANGES_OVERLAP, "changes_overlap", "NuRaft#67",                        \
    "a change begins while the one before is not committed")                \
  X(CHANGE_TOO_WIDE, "change_too_wide", "CCF#3837",                         \
    "any change of voters is made in one step, without joint consensus")    \
  X(JOINT_NEW_HALF, "joint_new_half", "RedisRaft#17",                       \
    "in a joint configuration the new half alone decides what is committed")\
  X(LEAVES_ON_APPEND, "leaves_on_append", "CCF#5919",                       \
    "a leader that a change leaves out does not wait for its commit")       \
  X(LEARNER_REFUSES, "learner_refuses", "etcd@bd3c759",                     \
    "who is no voter in its own log refuses to vote")                       \
  X(PURGED_IS_CONFLICT, "purged_is_conflict", "openraft@71a290cd",          \
    "a previous entry that is compacted here is taken for a conflict")      \
  X(FIRST_APPEND_UNCHECKED, "first_append_unchecked", "WRaft#118.1",        \
    "the very first entries are appended again when they come late")        \
  X(COMPACTED_TERM_ZERO, "compacted_term_zero", "etcd-raft@76f1249",        \
    "the term of a compacted index is 0 and no error")                      \
  X(INSTALL_TAKES_TERM, "install_takes_term", "WRaft#118.4",                \
    "installing a snapshot sets the current term to the snapshot's")        \
  X(INSTALL_STALE, "install_stale", "RedisRaft@dcc2fea",                    \
    "a snapshot of what is committed already is installed again")           \
  X(INSTALL_KEEPS_MEMBERS, "install_keeps_members", "RedisRaft#44",         \
    "the configuration of an installed snapshot is not taken over")         \
  X(TRANSFER_REFUSED, "transfer_refused", "braft@3cfb1f1",                  \
    "voters that hear the leader refuse the one it hands over to")          \
  X(TRANSFER_FOR_EVER, "transfer_for_ever", "Diss. 3.10",                   \
    "a transfer that does not succeed never ends")                          \
  X(TIME_32_BIT, "time_32_bit", "NuRaft#660",                               \
    "deadlines are kept as 32-bit milliseconds")                            \
  X(APPLY_PROPOSES, "apply_proposes", "RedisRaft#13",                       \
    "applying an entry proposes it again")                                  \
  X(WIPED_ACCEPTED, "wiped_accepted", "standard-raft README",               \
    "a member that came back wiped keeps its vote")                         \
  X(NO_DEDUPLICATION, "no_deduplication", "Diss. 6.3",                      \
    "a retried command is applied again")                                   \
  X(PRIORITY_IGNORES_LOG, "priority_ignores_log", "NuRaft",                 \
    "a member of higher priority is voted for whatever its log")            \
  X(EXPIRE_BY_CLOCK, "expire_by_clock", "Diss. 6.3",                        \
    "sessions expire by the member's own clock")                            \
  X(SKIP_SYNC, "skip_sync", "sofa-jraft#480",                               \
    "the log is written and not synced")                                    \
  X(SKIP_DIRECTORY_SYNC, "skip_directory_sync", "sofa-jraft#481",           \
    "a renamed segment's directory is not synced")                          \
  X(RETRY_SYNC, "retry_sync", "ATC'20",                                     \
    "a failed sync is tried again and believed")                            \
  X(TRUNCATE_AT_ROT, "truncate_at_rot", "FAST'18",                          \
    "recovery cuts at the first bad checksum, proven or not")               \
  X(ACCEPT_SHORT_SEGMENT, "accept_short_segment", "braft@93d248b",          \
    "a segment shorter than its head declares is accepted")                 \
  X(ACCEPT_GAP, "accept_gap", "FAST'18",                                    \
    "the log ends before a missing segment, or begins after it")            \
  X(SKIP_CHECKSUM, "skip_checksum", "FAST'18",                              \
    "stored batches are not checked")                                       \
  X(BELIEVE_PAGE_CACHE, "believe_page_cache", "ATC'20",                     \
    "recovery does not sync what it read before it is believed")            \
  X(SNAPSHOT_NOT_SYNCED, "snapshot_not_synced", "sofa-jraft#480",           \
    "a snapshot gets its name before its bytes are durable")                \
  X(SNAPSHOT_FORGETS_SESSIONS, "snapshot_forgets_sessions", "Diss. 6.3",    \
    "the sessions are left out of a snapshot")                              \
  X(SNAPSHOT_DROPS_JOINT, "snapshot_drops_joint", "etcd@e515a67",           \
    "a snapshot holds the new half of a joint configuration only")          \
  X(COMPACT_BEFORE_SNAPSHOT, "compact_before_snapshot", "Paper 7",          \
    "the log is cut before the snapshot that covers it is durable")         \
  X(SKIP_MESSAGE_CHECKSUM, "skip_message_checksum", "UDP of old",           \
    "messages are not checked")

enum raft_bug {
  RAFT_BUG_NONE = 0,
#define X(symbol, name, seen, text) RAFT_BUG_##symbol,
  RAFT_BUGS (X)
#undef X
  RAFT_BUG_COUNT
};

/* Whether 'holder' (any struct with a field 'bug') shall have that bug. */
#ifdef RAFT_WITH_BUGS
#define raft_bug(holder, symbol) ((holder)->bug == RAFT_BUG_##symbol)
#else
#define raft_bug(holder, symbol) ((void)(holder), false)
#endif

#endif
