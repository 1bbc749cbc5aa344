/* SPDX-License-Identifier: MIT
**
** rest.c - who is left, and how. */

#include "sim/rest.h"

#include "sim/check.h"
#include "sim/member.h"

#define WHOM_REST 1 /* of SIM_MATTER_RUN; the nemesis has 0 */
#define FLAP_ONE_IN 8
#define FLAP_MEAN_US (400 * RAFT_MILLISECOND) /* that many looks, of run.c */

static uint64_t draw (struct sim_world *world, uint64_t bound) {
  struct sim_matter matter
    = sim_matter_of (SIM_MATTER_RUN, WHOM_REST, ++world->rest.draws);
  return sim_choices_bits (&world->choices, SIM_CHOICE_FAULT, matter)
         % bound;
}

const char *sim_heal_name (enum sim_heal heal) {
  static const char *const names[] = {
#define X(symbol, word, meaning) word,
    SIM_HEALS (X)
#undef X
  };
  raft_assert (heal < SIM_HEAL_COUNT);
  return names[heal];
}

bool sim_rest_has (const struct sim_world *world, raft_id member) {
  return (world->rest.members >> member & 1) != 0;
}

bool sim_rest_may_lead (const struct sim_world *world) {
  return world->rest.heal == SIM_HEAL_BRIDGED
         || world->rest.heal == SIM_HEAL_RINGED;
}

/* What was damaged may still refuse to open. */
static bool is_sound (const struct sim_member *member) {
  return !member->is_wiped && !member->is_damaged;
}

static uint32_t voters_of (const struct raft_configuration *value) {
  uint32_t voters = 0;
  for (uint32_t i = 0; i < value->voters.count; i++) {
    voters |= 1u << value->voters.ids[i];
  }
  return voters;
}

static bool is_ordered (const struct sim_member *member) {
  struct replica_status status;
  if (!sim_member_is_up (member)) {
    return false;
  }
  replica_get_status (member->replica, &status);
  return status.ordered;
}

/* The voters, where all logs have the same ones, and no other are asked for;
** else none: nobody knows what a majority will be. */
static uint32_t settled_voters (const struct sim_world *world) {
  uint32_t voters = 0;
  for (raft_id id = 1; id <= world->member_count; id++) {
    const struct check_member *own = &world->checks->members[id];
    if (world->members[id]->has_left || own->configuration.voters.count == 0
        || (voters != 0 && (voters >> id & 1) == 0)) {
      continue; /* a spare, or one who was removed */
    }
    if (own->configuration.outgoing.count > 0
        || is_ordered (world->members[id])
        || (voters != 0 && voters != voters_of (&own->configuration))) {
      return 0;
    }
    voters = voters_of (&own->configuration);
  }
  return voters;
}

/* The voters, less a majority of the sound. */
static uint32_t draw_members (struct sim_world *world) {
  uint32_t rest = world->rest.voters;
  unsigned missing = 0;
  unsigned sound = 0;
  for (unsigned id = 1; id <= world->member_count; id++) {
    bool votes = (rest >> id & 1) != 0;
    missing += votes;
    sound += votes && is_sound (world->members[id]);
  }
  missing = missing / 2 + 1;
  for (unsigned id = 1; id <= world->member_count; id++) {
    if ((world->rest.voters >> id & 1) != 0
        && is_sound (world->members[id])) {
      if (draw (world, sound) < missing) {
        rest &= ~(1u << id);
        missing--;
      }
      sound--;
    }
  }
  return rest;
}

/* ---- links ------------------------------------------------------------- */

static void cut (struct sim_world *world, raft_id from, raft_id to,
                 bool is_cut) {
  if (is_cut) {
    sim_net_cut (world->net, from, to);
  } else {
    sim_net_mend (world->net, from, to);
  }
}

/* One of the rest towards each other member; 0 is all clients. */
static void cut_off (struct sim_world *world, raft_id one, raft_id first,
                     bool is_cut) {
  for (raft_id other = first; other <= world->member_count; other++) {
    if (other != one) {
      cut (world, one, other, is_cut);
      cut (world, other, one, is_cut);
    }
  }
}

static void cut_one_way (struct sim_world *world, raft_id one, bool hears) {
  for (raft_id other = 1; other <= world->member_count; other++) {
    if (other != one) {
      cut (world, hears ? one : other, hears ? other : one, true);
    }
  }
}

static void cut_bridged (struct sim_world *world, raft_id one) {
  raft_id bridge;
  cut_off (world, one, 1, true);
  do {
    bridge = 1 + draw (world, world->member_count);
  } while (sim_rest_has (world, bridge)
           || (world->rest.voters >> bridge & 1) == 0);
  cut (world, one, bridge, false);
  cut (world, bridge, one, false);
}

static void cut_ringed (struct sim_world *world, raft_id one) {
  raft_id count = world->member_count;
  for (raft_id other = 1; other <= count; other++) {
    raft_id apart = other > one ? other - one : one - other;
    if (apart > 1 && apart != count - 1) {
      cut (world, one, other, true);
      cut (world, other, one, true);
    }
  }
}

/* ---- beginning, and going on ------------------------------------------- */

static void leave (struct sim_world *world, raft_id id) {
  switch (world->rest.heal) {
    case SIM_HEAL_DEAD:
      sim_member_crash (world->members[id]);
      break;
    case SIM_HEAL_PAUSED:
      sim_member_pause (world->members[id]);
      break;
    case SIM_HEAL_SILENT:
      cut_off (world, id, 0, true);
      break;
    case SIM_HEAL_DEAF:
      cut_one_way (world, id, false);
      break;
    case SIM_HEAL_MUTE:
      cut_one_way (world, id, true);
      break;
    case SIM_HEAL_BRIDGED:
      cut_bridged (world, id);
      break;
    case SIM_HEAL_RINGED:
      cut_ringed (world, id);
      break;
    default: /* flapping begins later */
      break;
  }
}

void sim_rest_begin (struct sim_world *world) {
  struct sim_rest *rest = &world->rest;
  rest->heal = (enum sim_heal)world->options.heal;
  if (rest->heal == SIM_HEAL_SOME) {
    rest->heal = draw (world, 2) == 0
                   ? SIM_HEAL_ALL
                   : (enum sim_heal)(1 + draw (world, SIM_HEAL_SOME - 1));
  }
  /* Who flaps would lead on as long as its check quorum outlasts its cuts,
  ** and serve badly: it stays away. */
  if (rest->heal == SIM_HEAL_FLAPPING
      && world->options.check_quorum_us > FLAP_MEAN_US) {
    rest->heal = SIM_HEAL_SILENT;
  }
  rest->voters = settled_voters (world);
  if (rest->heal == SIM_HEAL_ALL || rest->voters == 0) {
    rest->heal = SIM_HEAL_ALL;
    return;
  }
  rest->members = draw_members (world);
  rest->cut_off = 0;
  world->counters.partial_heals += rest->members != 0;
  for (unsigned id = 1; id <= world->member_count; id++) {
    if (sim_rest_has (world, id)) {
      leave (world, id);
    }
  }
}

void sim_rest_step (struct sim_world *world) {
  struct sim_rest *rest = &world->rest;
  if (rest->heal != SIM_HEAL_FLAPPING) {
    return;
  }
  for (unsigned id = 1; id <= world->member_count; id++) {
    if (sim_rest_has (world, id) && draw (world, FLAP_ONE_IN) == 0) {
      rest->cut_off ^= 1u << id;
      cut_off (world, id, 0, (rest->cut_off >> id & 1) != 0);
    }
  }
}
