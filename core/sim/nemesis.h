/* SPDX-License-Identifier: MIT
**
** nemesis.h - faults that come and go by chance.
**
** Holds:     the faults under way, and how each one ends.
** Invariant: maximum survivable damage: what was durable on a majority stays
**            readable. Any number of members may be down, for a while; fewer
**            than half are ever wiped or damaged; the other disks forget
**            only what they were never told to sync. */

#ifndef RAFT_SIM_NEMESIS_H
#define RAFT_SIM_NEMESIS_H

#include "sim/world.h"

/* Each is a weight of the options. */
#define SIM_FAULTS(X)                                                       \
  X(crash) X(crash_all) X(kill) X(split) X(isolate) X(bridge) X(ring)       \
  X(one_way) X(deaf) X(client_cut) X(pause) X(reset) X(disk_failure)        \
  X(disk_slow) X(disk_full) X(machine_death) X(memory_death) X(wipe) X(rot) \
  X(jump) X(drift) X(client_reset) X(slow_link) X(lost_entry) X(lying_sync) \
  X(change) X(transfer)

enum sim_fault {
  SIM_FAULT_NEXT = 0, /* the event that chooses the next one */
#define X(name) SIM_FAULT_##name,
  SIM_FAULTS (X)
#undef X
  SIM_FAULT_COUNT
};

#define SIM_CUTS_MAX 32 /* partitions at one time */

/* The cuts that one fault holds. */
struct sim_cut {
  bool is_held;
  unsigned count;
  struct sim_action parts[SIM_MEMBERS_MAX];
};

struct sim_nemesis {
  struct sim_world *world;
  struct sim_cut cuts[SIM_CUTS_MAX];
  unsigned losses; /* members wiped or damaged */
  bool has_changed; /* other members were asked for */
};

RAFT_HIDDEN_BEGIN

struct sim_nemesis *sim_nemesis_new (struct sim_world *world);
void sim_nemesis_free (struct sim_nemesis *nemesis);

/* The first fault is to come, if the options want any. */
void sim_nemesis_start (struct sim_nemesis *nemesis);
void sim_nemesis_handle (struct sim_nemesis *nemesis,
                         struct sim_event *event);

/* Ends every fault: cuts are mended, all members run, nothing fails. */
void sim_nemesis_end (struct sim_nemesis *nemesis);

RAFT_HIDDEN_END

#endif
