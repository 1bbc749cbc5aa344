/* SPDX-License-Identifier: MIT
**
** probe_story.c - the naive twin of a log. */

#include "probe_story.h"

#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "compat.h"
#include "wire/entry.h"

void raft_probe_story (lua_State *L);

#define COMMAND RAFT_ENTRY_COMMAND
#define CONFIGURATION RAFT_ENTRY_CONFIGURATION

const struct story_step story_short[] = {
  { STORY_WRITE, 2, 1, 0, 0, 0, 0 },
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 2, 1, 2, 1, 700, 0 }, /* two sectors */
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 2, 1, 3, 1, 200, 0 },
  { STORY_PEER, 0, 2, 0, 0, 0, 0 },
  { STORY_WRITE, 2, 1, 4, 1, 500, 0 },
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 3, 0, 4, 2, 90, 0 }, /* cuts 4 */
  { STORY_WRITE, 3, 2, 5, 1, 300, 0 }, /* cuts 5 of the same batch */
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_REST, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 3, 2, 6, 1, 120, CONFIGURATION },
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 3, 2, 7, 2, 900, 0 },
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 4, 0, 6, 0, 0, 0 }, /* cuts the configuration */
  { STORY_PEER, 0, 3, 0, 0, 0, 0 },
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 4, 1, 6, 1, 2400, 0 }, /* fills a segment alone */
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 4, 1, 7, 1, 2000, 0 },
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_WRITE, 5, 2, 0, 0, 0, 0 },
  { STORY_STEP, 0, 0, 0, 0, 0, 0 },
  { STORY_CLOSE, 0, 0, 0, 0, 0, 0 },
  { STORY_END, 0, 0, 0, 0, 0, 0 }
};

/* ---- entries ----------------------------------------------------------- */

static struct raft_slice make_entry (struct life *life, raft_index index,
                                     const struct story_entry *entry) {
  struct wire_entry envelope;
  struct raft_slice slice;
  uint8_t payload[4096];
  struct raft_block *block
    = raft_block_new (&life->arena.memory, WIRE_ENTRY_HEAD + entry->payload);
  raft_assert (block != NULL && entry->payload <= sizeof payload);
  for (uint32_t i = 0; i < entry->payload; i++) {
    payload[i] = (uint8_t)(raft_mix (entry->serial * 4096u + i / 8)
                           >> i % 8 * 8);
  }
  memset (&envelope, 0, sizeof envelope);
  envelope.kind = entry->kind;
  envelope.term = entry->term;
  envelope.index = index;
  envelope.time = 1000u + entry->serial;
  envelope.random = entry->serial;
  envelope.payload = payload;
  envelope.payload_size = entry->payload;
  envelope.payload_checksum = raft_checksum (payload, entry->payload, 0);
  wire_entry_encode (&envelope, block->bytes);
  slice = raft_slice_of (block, 0, block->size);
  return slice;
}

void story_begin (struct story_state *state) {
  memset (state, 0, sizeof *state);
  state->term = 1;
  state->last = 1;
  state->entries[1].serial = 1;
  state->entries[1].kind = CONFIGURATION;
  state->entries[1].term = 1;
  state->entries[1].payload = 60;
}

struct raft_slice story_first_entry (struct life *life) {
  struct story_state state;
  story_begin (&state);
  return make_entry (life, 1, &state.entries[1]);
}

/* ---- the twin ---------------------------------------------------------- */

static void add_peer (struct story_state *state, raft_id member,
                      uint64_t incarnation) {
  state->peers[state->peer_count].member = member;
  state->peers[state->peer_count].incarnation = incarnation;
  state->peer_count++;
}

void story_advance (struct story_state *state, const struct story_step *step,
                    uint8_t serial) {
  if (step->kind == STORY_PEER) {
    add_peer (state, step->vote, 1000 + step->vote);
    return;
  }
  raft_assert (step->kind == STORY_WRITE);
  state->term = step->term;
  state->vote = step->vote;
  if (step->first == 0) {
    return;
  }
  for (raft_index i = step->first; i <= STORY_ENTRIES; i++) {
    memset (&state->entries[i], 0, sizeof state->entries[i]);
  }
  for (uint32_t i = 0; i < step->count; i++) {
    struct story_entry *entry = &state->entries[step->first + i];
    entry->serial = (uint8_t)(serial + i);
    entry->kind = step->entry_kind != 0 ? step->entry_kind : COMMAND;
    entry->term = step->term;
    entry->payload = step->payload;
  }
  state->last = step->first + step->count - 1;
}

int story_submit (struct life *life, const struct story_step *step,
                  uint64_t ticket, const struct story_state *state) {
  struct raft_slice slices[STORY_ENTRIES];
  struct wal_write write = { 0 };
  int status;
  if (step->kind == STORY_PEER) {
    return wal_persist_peer (life->wal, ticket,
                             &state->peers[state->peer_count - 1]);
  }
  for (uint32_t i = 0; i < step->count; i++) {
    slices[i] = make_entry (life, step->first + i,
                            &state->entries[step->first + i]);
  }
  write.ticket = ticket;
  write.term = step->term;
  write.vote = step->vote;
  write.first = step->first;
  write.entries = slices;
  write.count = step->count;
  status = wal_persist (life->wal, &write);
  for (uint32_t i = 0; i < step->count; i++) {
    raft_slice_release (&slices[i]);
  }
  return status;
}

/* ---- judging ----------------------------------------------------------- */

static raft_index latest_configuration (const struct story_state *state) {
  for (raft_index i = state->last; i > 0; i--) {
    if (state->entries[i].kind == CONFIGURATION) {
      return i;
    }
  }
  return 0;
}

static raft_term term_at (const struct life *life, raft_index index) {
  raft_term term = 0;
  for (uint32_t i = 0; i < life->run_count; i++) {
    if (life->runs[i].first <= index) {
      term = life->runs[i].term;
    }
  }
  return term;
}

static bool peers_agree (const struct life *life,
                         const struct story_state *state) {
  if (life->peer_count != state->peer_count) {
    return false;
  }
  for (uint32_t i = 0; i < life->peer_count; i++) {
    if (life->peers[i].member != state->peers[i].member
        || life->peers[i].incarnation != state->peers[i].incarnation) {
      return false;
    }
  }
  return true;
}

static bool told_agrees (struct life *life, const struct story_state *state,
                         struct raft_detail *why) {
  if (life->term != state->term || life->vote != state->vote
      || life->last_index != state->last) {
    (void)raft_fail (why, 0, "term %d vote %d last %d, expected %d %d %d",
                     (int)life->term, (int)life->vote, (int)life->last_index,
                     (int)state->term, (int)state->vote, (int)state->last);
    return false;
  }
  if (!peers_agree (life, state)
      || life->configuration_index != latest_configuration (state)) {
    (void)raft_fail (why, 0, "peers or configuration differ at last %d",
                     (int)state->last);
    return false;
  }
  for (raft_index i = 1; i <= state->last; i++) {
    if (term_at (life, i) != state->entries[i].term) {
      (void)raft_fail (why, 0, "index %d has another term", (int)i);
      return false;
    }
  }
  return true;
}

/* Compares every entry, read back, byte by byte. */
static bool entries_agree (struct life *life,
                           const struct story_state *state,
                           struct raft_detail *why) {
  struct wal_load load;
  bool agree;
  life_read (life, &load, 1, (uint32_t)state->last);
  agree = load.status == RAFT_OK && load.loaded == state->last;
  if (!agree) {
    (void)raft_fail (why, 0, "read back %d of %d: %.150s", (int)load.loaded,
                     (int)state->last, load.detail.text);
  }
  for (uint32_t i = 0; agree && i < load.loaded; i++) {
    struct raft_slice expected
      = make_entry (life, i + 1, &state->entries[i + 1]);
    agree = expected.size == load.entries[i].size
            && memcmp (expected.data, load.entries[i].data, expected.size)
                 == 0;
    raft_slice_release (&expected);
    if (!agree) {
      (void)raft_fail (why, 0, "entry %d has other bytes", (int)i + 1);
    }
  }
  wal_load_free (&load);
  return agree;
}

const struct story_state *story_judge (struct life *life,
                                       const struct story_set *set,
                                       struct raft_detail *why) {
  for (uint32_t i = 0; i < set->count; i++) {
    if (told_agrees (life, set->states[i], why)
        && entries_agree (life, set->states[i], why)) {
      return set->states[i];
    }
  }
  return NULL;
}

void raft_probe_story (lua_State *L) {
  (void)L;
}
