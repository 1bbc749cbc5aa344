/* SPDX-License-Identifier: MIT
**
** memo.c - the configurations that a search has seen; see memo.h. */

#include "check/memo.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"

#define PLACES_FIRST 256
#define BLOCK_FIRST 4096 /* bytes; each block is twice as large as the last */
#define BLOCK_MOST ((size_t)1 << 20)

struct memo_block {
  struct memo_block *next;
  size_t size; /* all of it, in bytes */
  uint64_t bytes[];
};

void memo_init (struct memo *memo, struct raft_memory *memory,
                size_t key_words, size_t words) {
  raft_assert (key_words > 0 && key_words <= words);
  memset (memo, 0, sizeof *memo);
  memo->memory = memory;
  memo->key_words = key_words;
  memo->words = words;
}

void memo_free (struct memo *memo) {
  while (memo->blocks != NULL) {
    struct memo_block *block = memo->blocks;
    memo->blocks = block->next;
    raft_release (memo->memory, block, block->size);
  }
  raft_release (memo->memory, memo->places,
                memo->place_count * sizeof *memo->places);
  memset (memo, 0, sizeof *memo);
}

static int grow_places (struct memo *memo) {
  size_t count = memo->place_count == 0 ? PLACES_FIRST
                                        : memo->place_count * 2;
  struct memo_entry **places;
  size_t i;
  if (memo->count < memo->place_count) {
    return RAFT_OK;
  }
  places = raft_allocate_zeroed (memo->memory, count * sizeof *places);
  if (places == NULL) {
    return RAFT_ENOMEM;
  }
  for (i = 0; i < memo->place_count; i++) {
    while (memo->places[i] != NULL) {
      struct memo_entry *entry = memo->places[i];
      struct memo_entry **place = &places[entry->hash & (count - 1)];
      memo->places[i] = entry->next;
      entry->next = *place;
      *place = entry;
    }
  }
  raft_release (memo->memory, memo->places,
                memo->place_count * sizeof *places);
  memo->places = places;
  memo->place_count = count;
  return RAFT_OK;
}

static struct memo_entry *cut_entry (struct memo *memo) {
  size_t size = sizeof (struct memo_entry)
                + memo->words * sizeof (uint64_t);
  struct memo_block *block = memo->blocks;
  struct memo_entry *entry;
  if (block == NULL || block->size - memo->used < size) {
    size_t room = block == NULL ? BLOCK_FIRST : block->size * 2;
    room = room > BLOCK_MOST ? BLOCK_MOST : room;
    if (room < sizeof *block + size) {
      room = sizeof *block + size;
    }
    block = raft_allocate (memo->memory, room);
    if (block == NULL) {
      return NULL;
    }
    block->next = memo->blocks;
    block->size = room;
    memo->blocks = block;
    memo->used = sizeof *block;
  }
  entry = (struct memo_entry *)(void *)((uint8_t *)block + memo->used);
  memo->used += size;
  return entry;
}

/* Whether 'seen' has used no open operation that 'words' has not. */
static bool uses_no_more (const struct memo *memo, const uint64_t *seen,
                          const uint64_t *words) {
  size_t i;
  for (i = memo->key_words; i < memo->words; i++) {
    if ((seen[i] & ~words[i]) != 0) {
      return false;
    }
  }
  return true;
}

static bool is_seen (const struct memo *memo, const uint64_t *words,
                     uint64_t hash) {
  const struct memo_entry *entry
    = memo->places[hash & (memo->place_count - 1)];
  for (; entry != NULL; entry = entry->next) {
    if (entry->hash == hash
        && memcmp (entry->words, words, memo->key_words * sizeof *words) == 0
        && uses_no_more (memo, entry->words, words)) {
      return true;
    }
  }
  return false;
}

int memo_add (struct memo *memo, const uint64_t *words,
              const struct memo_entry *parent, uint32_t operation,
              struct memo_entry **entry) {
  uint64_t hash = raft_checksum (words, memo->key_words * sizeof *words, 0);
  struct memo_entry **place;
  *entry = NULL;
  if (grow_places (memo) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  if (is_seen (memo, words, hash)) {
    return RAFT_OK;
  }
  *entry = cut_entry (memo);
  if (*entry == NULL) {
    return RAFT_ENOMEM;
  }
  place = &memo->places[hash & (memo->place_count - 1)];
  (*entry)->next = *place;
  (*entry)->parent = parent;
  (*entry)->hash = hash;
  (*entry)->operation = operation;
  (*entry)->padding = 0;
  memcpy ((*entry)->words, words, memo->words * sizeof *words);
  *place = *entry;
  memo->count++;
  return RAFT_OK;
}
