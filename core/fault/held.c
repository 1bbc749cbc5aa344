/* SPDX-License-Identifier: MIT
**
** held.c - lists of files, handles and writes. */

#include "fault/held.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/panic.h"

void *held_need (size_t size) {
  void *block = raft_allocate_zeroed (&raft_memory_plain, size);
  raft_assert (block != NULL);
  return block;
}

/* ---- writes ------------------------------------------------------------ */

struct held_write *held_copy (uint64_t offset, const uint8_t *data,
                              size_t size) {
  struct held_write *write = held_need (sizeof *write);
  int status = raft_slice_copy (&raft_memory_plain, data, size,
                                &write->bytes);
  raft_assert (status == RAFT_OK);
  write->offset = offset;
  return write;
}

void held_append (struct held_file *file, struct held_write *write) {
  if (file->last == NULL) {
    file->first = write;
  } else {
    file->last->next = write;
  }
  file->last = write;
}

void held_free_writes (struct held_write *write) {
  while (write != NULL) {
    struct held_write *next = write->next;
    raft_slice_release (&write->bytes);
    raft_release (&raft_memory_plain, write, sizeof *write);
    write = next;
  }
}

struct held_write *held_take (struct held_file *file) {
  struct held_write *write = file->first;
  struct held_write *taken = NULL;
  struct held_write **end = &taken;
  file->first = NULL;
  file->last = NULL;
  while (write != NULL) {
    struct held_write *next = write->next;
    write->next = NULL;
    if (write->is_settled) {
      held_append (file, write);
    } else {
      if (file->first != NULL) {
        struct held_write *copy
          = held_copy (write->offset, write->bytes.data, write->bytes.size);
        copy->is_settled = true;
        held_append (file, copy);
      }
      *end = write;
      end = &write->next;
    }
    write = next;
  }
  return taken;
}

uint64_t held_settle (struct held_file *file) {
  uint64_t size = 0;
  for (struct held_write *write = file->first; write != NULL;
       write = write->next) {
    size += write->is_settled ? 0 : write->bytes.size;
    write->is_settled = true;
  }
  return size;
}

uint64_t held_end (const struct held_file *file, uint64_t size) {
  const struct held_write *write = file != NULL ? file->first : NULL;
  for (; write != NULL; write = write->next) {
    uint64_t end = write->offset + write->bytes.size;
    size = end > size ? end : size;
  }
  return size;
}

/* ---- files ------------------------------------------------------------- */

static void set_name (char *to, const char *from) {
  raft_assert (strlen (from) < HELD_NAME_BYTES);
  memcpy (to, from, strlen (from) + 1);
}

struct held_file *held_named (struct held *held, const char *name) {
  struct held_file *file = held->files;
  while (file != NULL && strcmp (file->name, name) != 0) {
    file = file->next;
  }
  return file;
}

struct held_file *held_below (struct held *held, const char *name) {
  struct held_file *file = held->files;
  while (file != NULL && strcmp (file->name_below, name) != 0) {
    file = file->next;
  }
  return file;
}

struct held_file *held_add (struct held *held, const char *name) {
  struct held_file *file = held_need (sizeof *file);
  struct held_file **end = &held->files;
  set_name (file->name, name);
  set_name (file->name_below, name);
  while (*end != NULL) {
    end = &(*end)->next;
  }
  *end = file;
  return file;
}

void held_free (struct held *held) {
  while (held->files != NULL) {
    struct held_file *next = held->files->next;
    held_free_writes (held->files->first);
    raft_release (&raft_memory_plain, held->files, sizeof *held->files);
    held->files = next;
  }
  raft_release (&raft_memory_plain, held->handles,
                held->handle_capacity * sizeof *held->handles);
}

/* ---- handles ----------------------------------------------------------- */

void held_open (struct held *held, int64_t number, struct held_file *file) {
  void *handles = held->handles;
  int status = raft_reserve (&raft_memory_plain, &handles,
                             &held->handle_capacity, held->handle_count + 1,
                             sizeof *held->handles);
  raft_assert (status == RAFT_OK);
  held->handles = handles;
  held->handles[held->handle_count].number = number;
  held->handles[held->handle_count].file = file;
  held->handle_count++;
}

struct held_file *held_of (const struct held *held, int64_t number) {
  for (size_t i = 0; i < held->handle_count; i++) {
    if (held->handles[i].number == number) {
      return held->handles[i].file;
    }
  }
  return NULL;
}

bool held_handle (const struct held *held, const struct held_file *file,
                  int64_t *number) {
  for (size_t i = 0; i < held->handle_count; i++) {
    if (held->handles[i].file == file) {
      *number = held->handles[i].number;
      return true;
    }
  }
  return false;
}

void held_close (struct held *held, int64_t number) {
  for (size_t i = 0; i < held->handle_count; i++) {
    if (held->handles[i].number == number) {
      held->handle_count--;
      held->handles[i] = held->handles[held->handle_count];
      return;
    }
  }
}
