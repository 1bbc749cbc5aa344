/* SPDX-License-Identifier: MIT
**
** options.h - what a simulated run is made of, by name, and what it counts.
**
** Holds: two tables. Each option is a number with a default and a unit, so
**        that Lua sets them by name and a shrinker can lower them; chances
**        are in permille or in parts per million, never in floats. */

#ifndef RAFT_SIM_OPTIONS_H
#define RAFT_SIM_OPTIONS_H

#include "base/limit.h"
#include "base/types.h"

/*  X(name, default, unit, meaning) */
#define SIM_OPTIONS(X)                                                       \
  X(seed, 1, "number", "of everything")                                      \
  X(members, 3, "members", "voters of the cluster, 1 to 15")                 \
  X(spares, 0, "members", "beside them, joined and not added yet")           \
  X(clients, 3, "clients", "of the random workload")                         \
  X(start_us, RAFT_SECOND, "us", "where the clocks start")                   \
  X(duration_us, 10 * RAFT_SECOND, "us", "with faults and workload")         \
  X(settle_us, 60 * RAFT_SECOND, "us", "bound for convergence after it; "    \
    "0: not asked")                                                          \
  X(heal, 0, "enum sim_heal", "who is healed after the faults")              \
  X(calm_us, 1500000, "us", "after that nothing may change; 0: not asked")   \
  X(obey, 0, "yes or no", "then a leader is told to hand over, and does")    \
  X(events_max, 20000000, "events", "a run that needs more has failed")      \
  /* replica */                                                              \
  X(heartbeat_us, 0, "us", "0: the engine's default")                        \
  X(election_us, 0, "us", "likewise")                                        \
  X(election_spread_us, 0, "us", "likewise")                                 \
  X(check_quorum_us, 0, "us", "likewise")                                    \
  X(lease_us, 0, "us", "in the first configuration; 0: no leases")           \
  X(lease_drift_ppm, 0, "per million", "declared there; 0: the default")     \
  X(hash_interval, 16, "results", "between two compared result hashes")      \
  X(memory_bytes, 64 * RAFT_MIB, "bytes", "more in one member has failed")   \
  /* network */                                                              \
  X(delay_min_us, 200, "us", "of a message")                                 \
  X(delay_max_us, 3000, "us", "of a message")                                \
  X(tail, 0, "permille", "messages that take far longer, in order")          \
  X(tail_us, 500000, "us", "how much longer at most; twice is half as often")\
  X(loss, 0, "permille", "messages that vanish")                             \
  X(duplicate, 0, "permille", "messages that come twice")                    \
  X(reorder, 0, "permille", "messages that may be overtaken")                \
  X(reorder_us, 50000, "us", "how much later these come at most")            \
  X(corrupt, 0, "permille", "messages between members with flipped bits")    \
  X(redial_us, 50000, "us", "pause before a member dials again")             \
  X(silent_us, 3 * RAFT_SECOND, "us", "a cut link is given up after it")     \
  X(link_messages, 1024, "messages", "under way on one link; more is lost")  \
  X(backlog_messages, 1024, "messages", "waiting for a paused member")       \
  /* disk */                                                                 \
  X(write_us, 50, "us", "longest write, read or other request")              \
  X(sync_min_us, 100, "us", "of a sync")                                     \
  X(sync_max_us, 3000, "us", "of a sync")                                    \
  X(slow_sync, 0, "permille", "syncs that take much longer")                 \
  X(slow_sync_us, 400000, "us", "how long those take at most")               \
  X(sync_failure, 0, "per million", "syncs that fail")                       \
  X(write_failure, 0, "per million", "writes that fail")                     \
  X(disk_bytes, 0, "bytes", "capacity of each disk; 0: endless")             \
  /* machine */                                                              \
  X(apply_us, 300, "us", "longest request of the machine")                   \
  X(slow_apply, 0, "permille", "requests that take much longer")             \
  X(slow_apply_us, 400000, "us", "how long those take at most")              \
  X(machine_failure, 0, "per million", "requests that run out of memory")    \
  /* clocks */                                                               \
  X(skew_us, 0, "us", "wall clocks differ by up to this")                    \
  X(jump, 0, "weight", "fault: a wall clock jumps")                          \
  X(drift, 0, "weight", "fault: a monotonic clock is too fast or slow")      \
  X(drift_ppm, 50000, "per million", "by how much at most; 5 % at most")     \
  /* faults that come and go */                                              \
  X(fault_us, 0, "us", "mean time between two; 0: none")                     \
  X(fault_length_us, 1500000, "us", "longest duration of one")               \
  X(crash, 0, "weight", "fault: power lost, then a restart")                 \
  X(crash_all, 0, "weight", "fault: power lost everywhere at once")          \
  X(kill, 0, "weight", "fault: the process alone dies")                      \
  X(split, 0, "weight", "fault: a partition into two")                       \
  X(isolate, 0, "weight", "fault: one member cut off, often the leader")     \
  X(bridge, 0, "weight", "fault: two halves that share one member")          \
  X(ring, 0, "weight", "fault: each member hears its neighbours only")       \
  X(one_way, 0, "weight", "fault: one direction of one pair cut")            \
  X(deaf, 0, "weight", "fault: a member sends and hears nothing")            \
  X(client_cut, 0, "weight", "fault: no client reaches a member")            \
  X(pause, 0, "weight", "fault: a member stands still")                      \
  X(reset, 0, "weight", "fault: a connection ends")                          \
  X(client_reset, 0, "weight", "fault: a member's clients' connections end") \
  X(slow_link, 0, "weight", "fault: one direction of one pair is slow")      \
  X(slow_link_us, 200000, "us", "by how much at most")                       \
  X(disk_failure, 0, "weight", "fault: the next sync or write fails")        \
  X(disk_slow, 0, "weight", "fault: one disk is slow for a while")           \
  X(disk_full, 0, "weight", "fault: one disk is full for a while")           \
  X(machine_death, 0, "weight", "fault: a machine runs out of memory")       \
  X(memory_death, 0, "weight", "fault: one allocation of a member fails")    \
  X(lost_entry, 0, "weight", "fault: power lost with all names not synced")  \
  X(lying_sync, 0, "weight", "illegal fault: a disk says that it has synced")\
  X(wipe, 0, "weight", "fault: a member comes back with an empty disk")      \
  X(rot, 0, "weight", "fault: a file is damaged at rest")                    \
  X(change, 0, "weight", "fault: other members are asked for")               \
  X(transfer, 0, "weight", "fault: another leader is asked for")             \
  X(priorities, 0, "yes or no", "some members should lead, some should not")\
  X(losses_max, 1, "members", "wiped or damaged in one run; never half")     \
  /* workload */                                                             \
  X(operation_us, 20000, "us", "mean pause of a client; 0: no workload")     \
  X(burst, 1, "operations", "outstanding of one client at most")             \
  X(keys, 4, "keys", "that are written and read")                            \
  X(reads, 400, "permille", "operations that read")                          \
  X(stale_reads, 0, "permille", "reads that ask any member")                 \
  X(lease_reads, 0, "permille", "reads by the leader's lease")               \
  X(follower_reads, 0, "permille", "linear reads of any member")             \
  X(bounded_reads, 0, "permille", "stale reads with a bound")                \
  X(max_age_us, 300000, "us", "that bound")                                  \
  X(sessionless, 0, "permille", "clients without a session")                 \
  X(padding_bytes, 0, "bytes", "longest padding of a written value")         \
  X(deadline_us, 3 * RAFT_SECOND, "us", "of a client's call")                \
  X(retry_us, 0, "us", "first pause of a client; 0: its default")            \
  /* checks */                                                               \
  X(checks, 1, "how many",                                                   \
    "0: none, and runs do not settle: for benches; 2: no rules, only harm")  \
  X(inspect_disk, 0, "per million",                                          \
    "acknowledgements after which the durable bytes are read back")          \
  X(record, 0, "yes or no", "1: a schedule is kept; 2: of a run that fails")\
  X(redraw, 0, "yes or no", "of a schedule actions count, chance is drawn") \
  X(bits_by_time, 0, "yes or no",                                            \
    "what a process draws hangs on the time, not on how much it drew before") \
  X(starts, 1, "yes or no", "all members start when a run begins")           \
  X(keep_traces, 0, "records", "the last ones, kept; 0: only hashed")        \
  X(features, 0, "set of bits", "that members pretend to have")             \
  X(older, 0, "set of bits",                                                 \
    "bit n: member n runs an older build until it first starts again")       \
  X(bug, 0, "enum raft_bug", "that all members have")

struct sim_schedule;

struct sim_options {
#define X(name, value, unit, meaning) uint64_t name;
  SIM_OPTIONS (X)
#undef X
  struct raft_limits limits;
  struct sim_schedule *replay; /* instead of chance; NULL: none. The world
                                  frees it */
};

/*  X(name, meaning): what a run has seen; all of them end up in Lua. */
#define SIM_COUNTERS(X)                                      \
  X(events, "handled")                                       \
  X(messages, "delivered between members")                   \
  X(requests, "delivered from clients")                      \
  X(lost, "messages lost by chance")                         \
  X(cut, "messages lost at a cut")                           \
  X(overflowed, "messages lost at a full link or backlog")   \
  X(duplicated, "messages")                                  \
  X(reordered, "messages")                                   \
  X(corrupted, "messages with flipped bits that arrived")    \
  X(refused, "messages that a member refused")               \
  X(strangers, "messages without a greeted link")            \
  X(dials, "links dialled")                                  \
  X(links, "links greeted")                                  \
  X(judged, "greetings that a member refused")               \
  X(resets, "links ended by a fault")                        \
  X(client_resets, "connections of clients ended by a fault")\
  X(slow_links, "that were made slow")                       \
  X(tails, "messages that took far longer")                  \
  X(crashes, "power losses")                                 \
  X(kills, "process deaths")                                 \
  X(restarts, "of members")                                  \
  X(pauses, "of members")                                    \
  X(partitions, "of any kind")                               \
  X(heals, "ends of partitions")                             \
  X(partial_heals, "runs that ended with a majority healed") \
  X(stops, "members that stopped themselves")                \
  X(wipes, "directories made anew")                          \
  X(wiped_refused, "greetings of wiped members refused")     \
  X(rots, "segments damaged at rest")                        \
  X(rots_refused, "damaged logs that refused to open")       \
  X(jumps, "of wall clocks")                                 \
  X(drifts, "monotonic clocks that went wrong")              \
  X(sectors_lost, "written, not synced, and lost with power")\
  X(names_lost, "made, not synced, and lost with power")     \
  X(lies, "syncs that did nothing and said so to nobody")    \
  X(orders, "changes and transfers asked for")               \
  X(orders_done, "of these, answered as done")               \
  X(configurations, "made by leaders")                       \
  X(removed, "members that ended because they were removed") \
  X(agreements, "members that came to agreed features")      \
  X(syncs, "completed")                                      \
  X(slow_syncs, "long ones")                                 \
  X(disk_failures, "writes and syncs that failed")           \
  X(disk_fulls, "disks that were full")                      \
  X(machine_failures, "requests that ran out of memory")     \
  X(memory_failures, "allocations that failed")              \
  X(inspections, "durable images read back")                 \
  X(claims, "votes and acknowledgements checked")            \
  X(snapshots_taken, "of the own machine")                   \
  X(snapshots_sent, "to followers: begun")                   \
  X(snapshots_installed, "from leaders: begun")              \
  X(snapshots_restored, "logs that began after a snapshot")  \
  X(elections, "candidacies")                                \
  X(leaders, "members that became leader")                   \
  X(rivals, "new leaders while an older one still leads")    \
  X(terms, "highest term")                                   \
  X(truncations, "logs that lost entries")                   \
  X(committed, "highest committed index")                    \
  X(applied, "commands applied, all members")                \
  X(invoked, "operations of clients")                        \
  X(acknowledged, "writes acknowledged")                     \
  X(reads_done, "linear reads answered")                     \
  X(stale_done, "stale reads answered")                      \
  X(lease_done, "reads by lease answered")                   \
  X(follower_done, "reads of any member answered")           \
  X(bounded_done, "stale reads with a bound answered")       \
  X(too_stale, "bounds that nobody could keep")              \
  X(refusals, "operations that certainly did nothing")       \
  X(unknowns, "operations of unknown outcome")

struct sim_counters {
#define X(name, meaning) uint64_t name;
  SIM_COUNTERS (X)
#undef X
};

RAFT_HIDDEN_BEGIN

void sim_options_default (struct sim_options *options);
/* Sets one by its name. Errors: RAFT_ENOT_FOUND. */
int sim_options_set (struct sim_options *options, const char *name,
                     uint64_t value);
/* The names, in order; NULL past the end. */
const char *sim_option_name (size_t at);
const char *sim_counter_name (size_t at);
uint64_t sim_counter_value (const struct sim_counters *counters, size_t at);

RAFT_HIDDEN_END

#endif
