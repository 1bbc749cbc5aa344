/* SPDX-License-Identifier: MIT
**
** held.h - files whose last bytes and names the disk below does not have.
**
** Holds:     writes by file, in the order of their submission; two names of
**            each file; which handle is of which file.
** Knows not: requests: fs.c decides what is held and what is passed on.
** Rule:      a tool for tests: it asserts that there is memory. */

#ifndef RAFT_FAULT_HELD_H
#define RAFT_FAULT_HELD_H

#include "base/slice.h"
#include "base/types.h"

#define HELD_NAME_BYTES 64

/* Bytes that the disk below does not have yet, or never gets. */
struct held_write {
  struct held_write *next; /* in order of submission */
  uint64_t offset;
  bool is_settled;         /* no sync writes it any more; it is still seen */
  struct raft_slice bytes; /* of a block of its own */
};

struct held_file {
  struct held_file *next;
  char name[HELD_NAME_BYTES];       /* as seen; "": removed or replaced */
  char name_below[HELD_NAME_BYTES];
  bool is_renamed;                  /* they differ until the next sync */
  struct held_write *first;
  struct held_write *last;
};

struct held_handle {
  int64_t number;
  struct held_file *file;
};

struct held {
  struct held_file *files;     /* oldest first: the order of renames */
  struct held_handle *handles; /* open ones */
  size_t handle_count;
  size_t handle_capacity;
  uint64_t bytes;              /* in all writes */
};

RAFT_HIDDEN_BEGIN

/* Zeroed memory (plain). */
void *held_need (size_t size);
void held_free (struct held *held);

/* ---- files; NULL: there is none ----------------------------------------- */
struct held_file *held_named (struct held *held, const char *name);
struct held_file *held_below (struct held *held, const char *name);
struct held_file *held_add (struct held *held, const char *name);

/* ---- handles ------------------------------------------------------------ */
void held_open (struct held *held, int64_t number, struct held_file *file);
struct held_file *held_of (const struct held *held, int64_t number);
/* One of those of a file; false: it is not open. */
bool held_handle (const struct held *held, const struct held_file *file,
                  int64_t *number);
void held_close (struct held *held, int64_t number);

/* ---- writes ------------------------------------------------------------- */
struct held_write *held_copy (uint64_t offset, const uint8_t *data,
                              size_t size);
void held_append (struct held_file *file, struct held_write *write);
void held_free_writes (struct held_write *first);
/* Takes those out that a sync has to write; the settled ones stay, and, if
** there are any, copies of those taken, as what is seen is their order. */
struct held_write *held_take (struct held_file *file);
/* What no sync writes any more. Returns its bytes. */
uint64_t held_settle (struct held_file *file);
/* The size of a file that is 'size' bytes long below; file may be NULL. */
uint64_t held_end (const struct held_file *file, uint64_t size);

RAFT_HIDDEN_END

#endif
