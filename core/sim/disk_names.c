/* SPDX-License-Identifier: MIT
**
** disk_names.c - a directory seen, a directory stored, operations between. */

#include "sim/disk_names.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"

static void name_copy (char *to, const char *from) {
  size_t size = strlen (from);
  raft_assert (size < SIM_NAME_BYTES);
  memset (to, 0, SIM_NAME_BYTES);
  memcpy (to, from, size);
}

/* Where 'name' is, or would be. */
static size_t position_of (const struct sim_entries *entries,
                           const char *name) {
  size_t at = 0;
  while (at < entries->count && strcmp (entries->items[at].name, name) < 0) {
    at++;
  }
  return at;
}

static bool stands_at (const struct sim_entries *entries, size_t at,
                       const char *name) {
  return at < entries->count && strcmp (entries->items[at].name, name) == 0;
}

struct sim_file *sim_entries_find (const struct sim_entries *entries,
                                   const char *name) {
  size_t at = position_of (entries, name);
  return stands_at (entries, at, name) ? entries->items[at].file : NULL;
}

static void entries_remove (struct sim_entries *entries, size_t at) {
  struct sim_file *file = entries->items[at].file;
  entries->count--;
  memmove (entries->items + at, entries->items + at + 1,
           (entries->count - at) * sizeof *entries->items);
  sim_file_release (file);
}

static void entries_insert (struct sim_entries *entries, size_t at,
                            const char *name, struct sim_file *file) {
  void *items = entries->items;
  int status = raft_reserve (&raft_memory_plain, &items, &entries->capacity,
                             entries->count + 1, sizeof *entries->items);
  raft_assert (status == RAFT_OK);
  entries->items = items;
  memmove (entries->items + at + 1, entries->items + at,
           (entries->count - at) * sizeof *entries->items);
  entries->count++;
  name_copy (entries->items[at].name, name);
  entries->items[at].file = sim_file_retain (file);
}

void sim_entries_set (struct sim_entries *entries, const char *name,
                      struct sim_file *file) {
  size_t at = position_of (entries, name);
  bool is_there = stands_at (entries, at, name);
  if (file == NULL) {
    if (is_there) {
      entries_remove (entries, at);
    }
  } else if (is_there) {
    struct sim_file *old = entries->items[at].file;
    entries->items[at].file = sim_file_retain (file);
    sim_file_release (old);
  } else {
    entries_insert (entries, at, name, file);
  }
}

static void entries_free (struct sim_entries *entries) {
  for (size_t i = 0; i < entries->count; i++) {
    sim_file_release (entries->items[i].file);
  }
  raft_release (&raft_memory_plain, entries->items,
                entries->capacity * sizeof *entries->items);
  memset (entries, 0, sizeof *entries);
}

static void forget_operations (struct sim_names *names) {
  for (size_t i = 0; i < names->count; i++) {
    sim_file_release (names->operations[i].file);
  }
  names->count = 0;
}

void sim_names_free (struct sim_names *names) {
  forget_operations (names);
  raft_release (&raft_memory_plain, names->operations,
                names->capacity * sizeof *names->operations);
  entries_free (&names->seen);
  entries_free (&names->stored);
  memset (names, 0, sizeof *names);
}

static struct sim_operation *add_operation (struct sim_names *names) {
  void *operations = names->operations;
  int status = raft_reserve (&raft_memory_plain, &operations,
                             &names->capacity, names->count + 1,
                             sizeof *names->operations);
  raft_assert (status == RAFT_OK);
  names->operations = operations;
  names->count++;
  return &names->operations[names->count - 1];
}

/* A name that by now belongs to another file is left alone. */
static void apply (struct sim_entries *entries,
                   const struct sim_operation *operation) {
  if (operation->from[0] != '\0'
      && sim_entries_find (entries, operation->from) == operation->file) {
    sim_entries_set (entries, operation->from, NULL);
  }
  if (operation->to[0] != '\0') {
    sim_entries_set (entries, operation->to, operation->file);
  }
}

void sim_names_move (struct sim_names *names, const char *from,
                     const char *to, struct sim_file *file) {
  struct sim_operation *operation = add_operation (names);
  name_copy (operation->from, from);
  name_copy (operation->to, to);
  operation->file = sim_file_retain (file);
  apply (&names->seen, operation);
}

void sim_names_sync (struct sim_names *names) {
  for (size_t i = 0; i < names->count; i++) {
    apply (&names->stored, &names->operations[i]);
  }
  forget_operations (names);
}

void sim_names_sync_failed (struct sim_names *names,
                            struct sim_choice *choice) {
  for (size_t i = 0; i < names->count; i++) {
    if (choice != NULL && choice->keep (choice)) {
      apply (&names->stored, &names->operations[i]);
    }
  }
  forget_operations (names);
}

void sim_names_crash (struct sim_names *names, struct sim_choice *choice) {
  struct sim_entries seen = { NULL, 0, 0 };
  sim_names_sync_failed (names, choice);
  for (size_t i = 0; i < names->stored.count; i++) {
    const struct sim_entry *entry = &names->stored.items[i];
    entries_insert (&seen, seen.count, entry->name, entry->file);
  }
  entries_free (&names->seen);
  names->seen = seen;
}

void sim_names_each (const struct sim_names *names,
                     void (*visit) (struct sim_file *file, void *argument),
                     void *argument) {
  /* A file counts where it stands first: seen, stored, operations. */
  for (size_t i = 0; i < names->seen.count; i++) {
    visit (names->seen.items[i].file, argument);
  }
  for (size_t i = 0; i < names->stored.count; i++) {
    struct sim_file *file = names->stored.items[i].file;
    bool is_new = true;
    for (size_t k = 0; k < names->seen.count && is_new; k++) {
      is_new = names->seen.items[k].file != file;
    }
    if (is_new) {
      visit (file, argument);
    }
  }
  for (size_t i = 0; i < names->count; i++) {
    struct sim_file *file = names->operations[i].file;
    bool is_new = true;
    for (size_t k = 0; k < names->seen.count && is_new; k++) {
      is_new = names->seen.items[k].file != file;
    }
    for (size_t k = 0; k < names->stored.count && is_new; k++) {
      is_new = names->stored.items[k].file != file;
    }
    for (size_t k = 0; k < i && is_new; k++) {
      is_new = names->operations[k].file != file;
    }
    if (is_new) {
      visit (file, argument);
    }
  }
}

static void make_twin (struct sim_file *file, void *argument) {
  (void)argument;
  file->twin = sim_file_copy (file);
}

static void drop_twin (struct sim_file *file, void *argument) {
  (void)argument;
  sim_file_release (file->twin);
  file->twin = NULL;
}

static void copy_entries (struct sim_entries *to,
                          const struct sim_entries *from) {
  for (size_t i = 0; i < from->count; i++) {
    entries_insert (to, to->count, from->items[i].name,
                    from->items[i].file->twin);
  }
}

void sim_names_copy (struct sim_names *to, const struct sim_names *from) {
  sim_names_each (from, make_twin, NULL);
  copy_entries (&to->seen, &from->seen);
  copy_entries (&to->stored, &from->stored);
  for (size_t i = 0; i < from->count; i++) {
    struct sim_operation *operation = add_operation (to);
    *operation = from->operations[i];
    operation->file = sim_file_retain (from->operations[i].file->twin);
  }
  sim_names_each (from, drop_twin, NULL);
}

static uint64_t hash_entries (const struct sim_entries *entries,
                              uint64_t hash) {
  hash = raft_mix (hash ^ entries->count);
  for (size_t i = 0; i < entries->count; i++) {
    hash = raft_checksum (entries->items[i].name, SIM_NAME_BYTES, hash);
    hash = sim_file_hash (entries->items[i].file, hash);
  }
  return hash;
}

uint64_t sim_names_hash (const struct sim_names *names, uint64_t hash) {
  hash = hash_entries (&names->seen, hash);
  hash = hash_entries (&names->stored, hash);
  hash = raft_mix (hash ^ names->count);
  for (size_t i = 0; i < names->count; i++) {
    hash = raft_checksum (names->operations[i].from, SIM_NAME_BYTES, hash);
    hash = raft_checksum (names->operations[i].to, SIM_NAME_BYTES, hash);
    hash = sim_file_hash (names->operations[i].file, hash);
  }
  return hash;
}
