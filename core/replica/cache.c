/* SPDX-License-Identifier: MIT
**
** cache.c - the latest entries as bytes, by index. */

#include "replica/cache.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

#define CACHE_SLOTS_FIRST 16 /* slots of the first ring */

void replica_cache_init (struct replica_cache *cache,
                         struct raft_memory *memory, raft_index first) {
  memset (cache, 0, sizeof *cache);
  cache->memory = memory;
  cache->first = first;
}

void replica_cache_free (struct replica_cache *cache) {
  replica_cache_truncate (cache, cache->first);
  raft_release (cache->memory, cache->slots,
                cache->capacity * sizeof *cache->slots);
  replica_cache_init (cache, cache->memory, cache->first);
}

static struct raft_slice *cache_slot (const struct replica_cache *cache,
                                      raft_index index) {
  return &cache->slots[index & (cache->capacity - 1)];
}

int replica_cache_reserve (struct replica_cache *cache, size_t count) {
  struct raft_slice *slots;
  raft_index i;
  size_t capacity
    = cache->capacity == 0 ? CACHE_SLOTS_FIRST : cache->capacity;
  if (count > SIZE_MAX / 4 / sizeof *slots - cache->count) {
    return RAFT_ENOMEM;
  }
  while (capacity < cache->count + count) {
    capacity *= 2;
  }
  if (capacity == cache->capacity) {
    return RAFT_OK;
  }
  slots = raft_allocate (cache->memory, capacity * sizeof *slots);
  if (slots == NULL) {
    return RAFT_ENOMEM;
  }
  for (i = cache->first; i < cache->first + cache->count; i++) {
    slots[i & (capacity - 1)] = *cache_slot (cache, i);
  }
  raft_release (cache->memory, cache->slots,
                cache->capacity * sizeof *cache->slots);
  cache->slots = slots;
  cache->capacity = capacity;
  return RAFT_OK;
}

void replica_cache_push (struct replica_cache *cache,
                         struct raft_slice entry) {
  raft_assert (cache->count < cache->capacity);
  *cache_slot (cache, cache->first + cache->count)
    = raft_slice_retain (entry);
  cache->count++;
  cache->bytes += entry.size;
}

void replica_cache_truncate (struct replica_cache *cache, raft_index from) {
  raft_assert (from <= cache->first + cache->count);
  while (cache->count > 0 && cache->first + cache->count > from) {
    struct raft_slice *slot;
    cache->count--;
    slot = cache_slot (cache, cache->first + cache->count);
    cache->bytes -= slot->size;
    raft_slice_release (slot);
  }
  if (cache->count == 0) {
    /* Below a recovered log nothing is cached: the cut moves the start. */
    cache->first = from;
  }
}

void replica_cache_restart (struct replica_cache *cache, raft_index first) {
  replica_cache_truncate (cache, cache->first);
  cache->first = first;
}

void replica_cache_evict (struct replica_cache *cache, raft_index below) {
  while (cache->count > 0 && cache->first < below) {
    struct raft_slice *slot = cache_slot (cache, cache->first);
    cache->bytes -= slot->size;
    raft_slice_release (slot);
    cache->first++;
    cache->count--;
  }
}

bool replica_cache_has (const struct replica_cache *cache, raft_index index) {
  return index >= cache->first && index < cache->first + cache->count;
}

struct raft_slice replica_cache_get (const struct replica_cache *cache,
                                     raft_index index) {
  if (!replica_cache_has (cache, index)) {
    return raft_slice_borrowed (NULL, 0);
  }
  return *cache_slot (cache, index);
}
