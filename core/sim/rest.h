/* SPDX-License-Identifier: MIT
**
** rest.h - what stays broken for ever when only a majority is healed.
**
** Holds:     the members that are not healed, and in which way.
** Invariant: the healed are a majority that takes part, hear each other and
**            are heard by every client.
** Rule:      decided by the seed alone, not by what the nemesis drew before,
**            so that a schedule that is replayed ends alike.
** Source:    Howard and Abraham, "Raft does not guarantee liveness in the
**            face of network faults", 2020. */

#ifndef RAFT_SIM_REST_H
#define RAFT_SIM_REST_H

#include "base/types.h"

struct sim_world;

/*  X(symbol, word, meaning) */
#define SIM_HEALS(X)                                                      \
  X(ALL, "all", "everybody is healed")                                    \
  X(DEAD, "dead", "the rest has no power")                                \
  X(PAUSED, "paused", "the rest stands still, and so do its connections") \
  X(SILENT, "silent", "the rest is cut off, from clients too")            \
  X(DEAF, "deaf", "the rest is heard, and hears no member")               \
  X(MUTE, "mute", "the rest hears, and is heard by no member")            \
  X(BRIDGED, "bridged", "each of the rest hears one healed member")       \
  X(RINGED, "ringed", "each of the rest hears its neighbours")            \
  X(FLAPPING, "flapping", "the rest is cut off and back all the time")    \
  X(SOME, "some", "by the seed: all in half of the runs, else any other")

enum sim_heal {
#define X(symbol, word, meaning) SIM_HEAL_##symbol,
  SIM_HEALS (X)
#undef X
  SIM_HEAL_COUNT
};

struct sim_rest {
  enum sim_heal heal;
  uint32_t voters;  /* bit i: member i votes, all logs say */
  uint32_t members; /* bit i: member i is not healed */
  uint32_t cut_off; /* flapping: now */
  uint32_t draws;
};

RAFT_HIDDEN_BEGIN

/* All faults have ended, all members run. */
void sim_rest_begin (struct sim_world *world);
/* Some time later: what flaps may change. */
void sim_rest_step (struct sim_world *world);

bool sim_rest_has (const struct sim_world *world, raft_id member);
/* Whether a member of the rest may lead for good, and healed members wait
** for ever behind it. */
bool sim_rest_may_lead (const struct sim_world *world);

const char *sim_heal_name (enum sim_heal heal);

RAFT_HIDDEN_END

#endif
