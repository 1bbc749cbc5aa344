/* SPDX-License-Identifier: MIT
**
** choice.c - matters counted, outcomes drawn. */

#include "sim/choice.h"

#include <stdlib.h>

#include "base/checksum.h"
#include "base/panic.h"

#define PAIR_BITS 4 /* members 0 to 15 */

bool sim_choices_init (struct sim_choices *choices, uint64_t seed) {
  choices->salt = raft_mix (seed);
  choices->counts = calloc ((size_t)SIM_MATTER_KINDS * SIM_WHOM_MAX,
                            sizeof *choices->counts);
  return choices->counts != NULL;
}

void sim_choices_free (struct sim_choices *choices) {
  free (choices->counts);
  choices->counts = NULL;
}

uint32_t sim_whom_pair (raft_id from, raft_id to) {
  return (uint32_t)(from << PAIR_BITS | to);
}

uint32_t sim_whom_client (uint32_t client, raft_id member) {
  return 256 + (client << PAIR_BITS | (uint32_t)member);
}

uint32_t sim_whom_member (raft_id member) {
  return (uint32_t)member;
}

struct sim_matter sim_matter_of (enum sim_matter_kind kind, uint32_t whom,
                                 uint32_t number) {
  return (struct sim_matter){ (uint64_t)kind << 48 | (uint64_t)whom << 32
                              | number };
}

struct sim_matter sim_matter_next (struct sim_choices *choices,
                                   enum sim_matter_kind kind,
                                   uint32_t whom) {
  uint32_t *count;
  raft_assert (kind < SIM_MATTER_KINDS && whom < SIM_WHOM_MAX);
  count = &choices->counts[(size_t)kind * SIM_WHOM_MAX + whom];
  (*count)++;
  return sim_matter_of (kind, whom, *count);
}

uint64_t sim_choices_bits (const struct sim_choices *choices,
                           enum sim_choice_kind kind,
                           struct sim_matter matter) {
  return raft_mix (raft_mix (matter.code ^ choices->salt) + kind);
}
