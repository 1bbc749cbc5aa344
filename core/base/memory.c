/* SPDX-License-Identifier: MIT
**
** memory.c - the plain allocator and the arena. */

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/panic.h"

struct raft_arena_head {
  struct raft_arena_head *next;
  struct raft_arena_head *previous;
  size_t size; /* as asked for; keeps the block aligned with 'padding' */
  size_t padding;
};

static void *plain_resize (struct raft_memory *memory, void *block,
                           size_t old_size, size_t size) {
  (void)memory;
  (void)old_size;
  if (size == 0) {
    free (block);
    return NULL;
  }
  return realloc (block, size);
}

struct raft_memory raft_memory_plain = { plain_resize };

void *raft_allocate (struct raft_memory *memory, size_t size) {
  raft_assert (size > 0);
  return memory->resize (memory, NULL, 0, size);
}

void *raft_allocate_zeroed (struct raft_memory *memory, size_t size) {
  void *block = raft_allocate (memory, size);
  if (block != NULL) {
    memset (block, 0, size);
  }
  return block;
}

void *raft_resize (struct raft_memory *memory, void *block, size_t old_size,
                   size_t size) {
  raft_assert (size > 0);
  return memory->resize (memory, block, old_size, size);
}

void raft_release (struct raft_memory *memory, void *block, size_t size) {
  if (block != NULL) {
    (void)memory->resize (memory, block, size, 0);
  }
}

int raft_reserve (struct raft_memory *memory, void **array, size_t *capacity,
                  size_t needed, size_t element_size) {
  size_t grown = *capacity < 8 ? 8 : *capacity;
  void *moved;
  if (needed <= *capacity) {
    return RAFT_OK;
  }
  while (grown < needed) {
    grown *= 2;
  }
  moved = memory->resize (memory, *array, *capacity * element_size,
                          grown * element_size);
  if (moved == NULL) {
    return RAFT_ENOMEM;
  }
  *array = moved;
  *capacity = grown;
  return RAFT_OK;
}

static void arena_link (struct raft_arena *arena,
                        struct raft_arena_head *head) {
  head->previous = NULL;
  head->next = arena->blocks;
  if (head->next != NULL) {
    head->next->previous = head;
  }
  arena->blocks = head;
}

static void arena_unlink (struct raft_arena *arena,
                          struct raft_arena_head *head) {
  if (head->previous != NULL) {
    head->previous->next = head->next;
  } else {
    arena->blocks = head->next;
  }
  if (head->next != NULL) {
    head->next->previous = head->previous;
  }
}

static bool arena_fails (struct raft_arena *arena) {
  arena->calls++;
  return arena->fail_at != 0 && arena->calls >= arena->fail_at
         && arena->calls < arena->fail_at + arena->fail_count;
}

static void *arena_resize (struct raft_memory *memory, void *block,
                           size_t old_size, size_t size) {
  struct raft_arena *arena = (struct raft_arena *)memory;
  struct raft_arena_head *head
    = block == NULL ? NULL : (struct raft_arena_head *)block - 1;
  struct raft_arena_head *moved;
  raft_assert (head == NULL || head->size == old_size);
  if (size == 0) {
    if (head != NULL) {
      arena_unlink (arena, head);
      arena->bytes -= old_size;
      free (head);
    }
    return NULL;
  }
  if (size > SIZE_MAX - sizeof *head || arena_fails (arena)) {
    return NULL;
  }
  if (head != NULL) {
    arena_unlink (arena, head);
  }
  moved = realloc (head, sizeof *head + size);
  if (moved == NULL) {
    if (head != NULL) {
      arena_link (arena, head);
    }
    return NULL;
  }
  moved->size = size;
  arena_link (arena, moved);
  arena->bytes = arena->bytes - old_size + size;
  if (arena->bytes > arena->peak) {
    arena->peak = arena->bytes;
  }
  return moved + 1;
}

void raft_arena_init (struct raft_arena *arena) {
  memset (arena, 0, sizeof *arena);
  arena->memory.resize = arena_resize;
}

void raft_arena_clear (struct raft_arena *arena) {
  struct raft_arena_head *head = arena->blocks;
  while (head != NULL) {
    struct raft_arena_head *next = head->next;
    free (head);
    head = next;
  }
  arena->blocks = NULL;
  arena->bytes = 0;
}
