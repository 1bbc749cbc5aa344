/* SPDX-License-Identifier: MIT
**
** map.c - an open table, linear probing. */

#include "sim/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"

void sim_map_free (struct sim_map *map) {
  free (map->slots);
  memset (map, 0, sizeof *map);
}

static struct sim_map_slot *slot_of (const struct sim_map *map,
                                     uint64_t key) {
  size_t at = (size_t)raft_mix (key) & (map->capacity - 1);
  while (map->slots[at].is_used && map->slots[at].key != key) {
    at = (at + 1) & (map->capacity - 1);
  }
  return &map->slots[at];
}

static void grow (struct sim_map *map) {
  struct sim_map larger = { NULL, 0, map->count };
  larger.capacity = map->capacity == 0 ? 64 : map->capacity * 2;
  larger.slots = calloc (larger.capacity, sizeof *larger.slots);
  raft_assert (larger.slots != NULL);
  for (size_t i = 0; i < map->capacity; i++) {
    if (map->slots[i].is_used) {
      *slot_of (&larger, map->slots[i].key) = map->slots[i];
    }
  }
  free (map->slots);
  *map = larger;
}

uint64_t *sim_map_at (struct sim_map *map, uint64_t key) {
  struct sim_map_slot *slot;
  if (map->count * 2 >= map->capacity) {
    grow (map);
  }
  slot = slot_of (map, key);
  if (!slot->is_used) {
    slot->is_used = true;
    slot->key = key;
    map->count++;
  }
  return &slot->value;
}

uint64_t *sim_map_find (const struct sim_map *map, uint64_t key) {
  struct sim_map_slot *slot;
  if (map->capacity == 0) {
    return NULL;
  }
  slot = slot_of (map, key);
  return slot->is_used ? &slot->value : NULL;
}
