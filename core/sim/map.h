/* SPDX-License-Identifier: MIT
**
** map.h - numbers by number: an open table for the checks.
**
** Rule: never walked, so that no order of a hash can reach a result. */

#ifndef RAFT_SIM_MAP_H
#define RAFT_SIM_MAP_H

#include "base/types.h"

struct sim_map_slot {
  uint64_t key;
  uint64_t value;
  bool is_used;
};

struct sim_map {
  struct sim_map_slot *slots;
  size_t capacity; /* a power of two, or 0 */
  size_t count;
};

RAFT_HIDDEN_BEGIN

void sim_map_free (struct sim_map *map);
/* The value of a key, 0 at first; to be read or set before the next call. */
uint64_t *sim_map_at (struct sim_map *map, uint64_t key);
/* NULL when the key was never asked for. */
uint64_t *sim_map_find (const struct sim_map *map, uint64_t key);

RAFT_HIDDEN_END

#endif
