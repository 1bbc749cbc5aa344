/* SPDX-License-Identifier: MIT
**
** contents.c - the sum of all batches. */

#include "wal/contents.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

void wal_contents_init (struct wal_contents *contents,
                        struct raft_memory *memory) {
  memset (contents, 0, sizeof *contents);
  contents->memory = memory;
}

static void pop_configuration (struct wal_contents *contents) {
  contents->configuration_count--;
  raft_slice_release (
    &contents->configurations[contents->configuration_count].entry);
}

void wal_contents_forget_runs (struct wal_contents *contents) {
  raft_release (contents->memory, contents->runs,
                contents->run_capacity * sizeof *contents->runs);
  contents->runs = NULL;
  contents->run_count = 0;
  contents->run_capacity = 0;
  contents->keeps_runs = false;
}

void wal_contents_free (struct wal_contents *contents) {
  while (contents->configuration_count > 0) {
    pop_configuration (contents);
  }
  raft_release (contents->memory, contents->configurations,
                contents->configuration_capacity
                  * sizeof *contents->configurations);
  raft_release (contents->memory, contents->places,
                contents->place_capacity * sizeof *contents->places);
  raft_release (contents->memory, contents->peers,
                contents->peer_capacity * sizeof *contents->peers);
  wal_contents_forget_runs (contents);
  wal_contents_init (contents, contents->memory);
}

/* Each array keeps what it grew to, also when a later one cannot grow. */
#define RESERVE(contents, array, capacity, needed, status)                   \
  if ((status) == RAFT_OK) {                                                 \
    void *grown = (contents)->array;                                         \
    (status) = raft_reserve ((contents)->memory, &grown,                     \
                             &(contents)->capacity, (needed),                \
                             sizeof *(contents)->array);                     \
    (contents)->array = grown;                                               \
  }

int wal_contents_reserve (struct wal_contents *contents,
                          const struct wal_room *room) {
  int status = RAFT_OK;
  RESERVE (contents, places, place_capacity,
           contents->place_count + room->places, status)
  RESERVE (contents, configurations, configuration_capacity,
           contents->configuration_count + room->configurations, status)
  RESERVE (contents, peers, peer_capacity,
           contents->peer_count + room->peers, status)
  RESERVE (contents, runs, run_capacity,
           contents->run_count + (contents->keeps_runs ? room->runs : 0),
           status)
  return status;
}

/*   places   1        4     6           cut from 5 on: 6 goes, 4 stays and
**   index    1  2  3  4  5  6  7        holds 4 alone: its end is the end
**                        x  x  x        of the log                        */
void wal_contents_truncate (struct wal_contents *contents, raft_index first) {
  raft_assert (first > contents->base_index
               && first <= contents->last_index + 1);
  while (contents->place_count > 0
         && contents->places[contents->place_count - 1].first >= first) {
    contents->place_count--;
  }
  while (contents->configuration_count > 0
         && contents->configurations[contents->configuration_count - 1].index
              >= first) {
    pop_configuration (contents);
  }
  while (contents->run_count > 0
         && contents->runs[contents->run_count - 1].first >= first) {
    contents->run_count--;
  }
  contents->last_index = first - 1;
}

static void add_place (struct wal_contents *contents,
                       const struct wal_place *place, raft_index index) {
  const struct wal_place *last
    = contents->place_count > 0
        ? &contents->places[contents->place_count - 1]
        : NULL;
  if (last != NULL && last->segment == place->segment
      && last->offset == place->offset) {
    return;
  }
  raft_assert (contents->place_count < contents->place_capacity);
  contents->places[contents->place_count] = *place;
  contents->places[contents->place_count].first = index;
  contents->place_count++;
}

static void add_run (struct wal_contents *contents, raft_index index,
                     raft_term term) {
  struct raft_term_run *run;
  if (!contents->keeps_runs
      || (contents->run_count > 0
          && contents->runs[contents->run_count - 1].term == term)) {
    return;
  }
  raft_assert (contents->run_count < contents->run_capacity);
  run = &contents->runs[contents->run_count];
  run->first = index;
  run->term = term;
  contents->run_count++;
}

void wal_contents_reset (struct wal_contents *contents, raft_index index) {
  while (contents->configuration_count > 0) {
    pop_configuration (contents);
  }
  contents->place_count = 0;
  contents->run_count = 0;
  contents->base_index = index;
  contents->last_index = index;
}

void wal_contents_shorten (struct wal_contents *contents, raft_index index) {
  raft_assert (index < contents->base_index);
  while (contents->configuration_count > 0
         && contents->configurations[contents->configuration_count - 1].index
              > index) {
    pop_configuration (contents);
  }
  contents->place_count = 0;
  contents->run_count = 0;
  contents->base_index = index;
  contents->last_index = index;
}

/* How many places are in segments before 'segment'. */
static size_t places_before (const struct wal_contents *contents,
                             uint64_t segment) {
  size_t count = 0;
  while (count < contents->place_count
         && contents->places[count].segment < segment) {
    count++;
  }
  return count;
}

raft_index wal_contents_last_in (const struct wal_contents *contents,
                                 uint64_t segment) {
  size_t count = places_before (contents, segment + 1);
  return count < contents->place_count ? contents->places[count].first - 1
                                       : contents->last_index;
}

void wal_contents_compact (struct wal_contents *contents, uint64_t segment) {
  size_t gone = places_before (contents, segment);
  contents->base_index = wal_contents_last_in (contents, segment - 1);
  contents->place_count -= gone;
  memmove (contents->places, contents->places + gone,
           contents->place_count * sizeof *contents->places);
  while (contents->configuration_count > 2
         && contents->configurations[1].index <= contents->base_index) {
    raft_slice_release (&contents->configurations[0].entry);
    contents->configuration_count--;
    memmove (contents->configurations, contents->configurations + 1,
             contents->configuration_count
               * sizeof *contents->configurations);
  }
}

void wal_contents_configure (struct wal_contents *contents, raft_index index,
                             struct raft_slice entry) {
  struct wal_configuration *configuration
    = &contents->configurations[contents->configuration_count];
  raft_assert (contents->configuration_count
               < contents->configuration_capacity);
  configuration->index = index;
  configuration->entry = raft_slice_retain (entry);
  contents->configuration_count++;
}

void wal_contents_append (struct wal_contents *contents,
                          const struct wal_place *place,
                          const struct wal_new_entry *entry) {
  raft_assert (entry->index == contents->last_index + 1);
  add_place (contents, place, entry->index);
  add_run (contents, entry->index, entry->term);
  if (entry->is_configuration) {
    wal_contents_configure (contents, entry->index, entry->bytes);
  }
  if (entry->time > contents->last_time) {
    contents->last_time = entry->time;
  }
  contents->last_index = entry->index;
}

void wal_contents_peer (struct wal_contents *contents,
                        const struct wal_peer *peer) {
  for (size_t i = 0; i < contents->peer_count; i++) {
    if (contents->peers[i].member == peer->member) {
      contents->peers[i] = *peer;
      return;
    }
  }
  raft_assert (contents->peer_count < contents->peer_capacity);
  contents->peers[contents->peer_count] = *peer;
  contents->peer_count++;
}

const struct wal_place *wal_contents_find (
  const struct wal_contents *contents, raft_index index, raft_index *end) {
  size_t lo = 0;
  size_t hi = contents->place_count;
  raft_assert (index > contents->base_index
               && index <= contents->last_index && hi > 0);
  while (hi - lo > 1) {
    size_t middle = lo + (hi - lo) / 2;
    if (contents->places[middle].first <= index) {
      lo = middle;
    } else {
      hi = middle;
    }
  }
  *end = lo + 1 < contents->place_count ? contents->places[lo + 1].first
                                        : contents->last_index + 1;
  return &contents->places[lo];
}

const struct wal_configuration *wal_contents_configuration (
  const struct wal_contents *contents) {
  return contents->configuration_count > 0
           ? &contents->configurations[contents->configuration_count - 1]
           : NULL;
}
