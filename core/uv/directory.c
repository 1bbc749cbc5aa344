/* SPDX-License-Identifier: MIT
**
** directory.c - the disk without a thread: each request is performed after
** the call that submitted it. */

#include "uv/directory.h"

#include <string.h>

#include "base/panic.h"
#include "replica/replica.h"
#include "uv/clock.h"
#include "uv/disk.h"

struct directory_maker {
  struct port_fs port; /* first */
  struct real_disk disk;
  struct port_clock clock;
  struct raft_arena arena;
  struct fs_request *first;
  struct fs_request *last;
  const struct wire_configuration *value; /* NULL: it joins, with 'entry' */
  struct raft_slice entry;
  raft_id id;
  const struct raft_limits *limits;
  bool is_done;
  int status;
  struct raft_detail detail;
};

static void submit (struct port_fs *port, struct fs_request *request) {
  struct directory_maker *maker = (struct directory_maker *)(void *)port;
  request->world = NULL;
  if (maker->first == NULL) {
    maker->first = request;
  } else {
    maker->last->world = request;
  }
  maker->last = request;
}

static void perform_all (struct directory_maker *maker) {
  while (maker->first != NULL) {
    struct fs_request *request = maker->first;
    maker->first = request->world;
    request->world = NULL;
    real_disk_perform (&maker->disk, request);
    request->done (request);
  }
}

static void on_done (void *owner, int status,
                     const struct raft_detail *detail) {
  struct directory_maker *maker = owner;
  maker->is_done = true;
  maker->status = status;
  maker->detail = *detail;
}

static void make (struct directory_maker *maker) {
  struct wal_options options;
  memset (&options, 0, sizeof options);
  options.memory = &maker->arena.memory;
  options.fs = &maker->port;
  options.clock = &maker->clock;
  options.limits = *maker->limits;
  options.member = maker->id;
  options.owner = maker;
  if (maker->value != NULL) {
    (void)replica_init (&options, maker->id, maker->value, on_done);
  } else {
    (void)replica_join (&options, maker->id, maker->entry, on_done);
  }
  perform_all (maker);
  raft_assert (maker->is_done);
}

static int make_at (struct directory_maker *given, const char *path,
                    struct raft_detail *detail) {
  struct directory_maker maker = *given;
  struct raft_guard guard;
  maker.port.submit = submit;
  if (real_disk_init (&maker.disk, path) != RAFT_OK) {
    return raft_fail (detail, RAFT_ENOMEM, "out of memory");
  }
  real_clock_init (&maker.clock);
  raft_arena_init (&maker.arena);
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    make (&maker);
  } else {
    maker.status = raft_fail (&maker.detail, RAFT_EPANIC, "assert: %s",
                              guard.what);
  }
  raft_guard_leave (&guard);
  raft_arena_clear (&maker.arena);
  real_disk_free (&maker.disk);
  if (maker.status != RAFT_OK) {
    (void)raft_fail (detail, maker.status, "%s: %s", path,
                     maker.detail.text);
  }
  return maker.status;
}

int real_directory_make (const char *path, raft_id id,
                         const struct wire_configuration *value,
                         const struct raft_limits *limits,
                         struct raft_detail *detail) {
  struct directory_maker maker
    = { .value = value, .id = id, .limits = limits };
  return make_at (&maker, path, detail);
}

int real_directory_join (const char *path, raft_id id,
                         struct raft_slice first,
                         const struct raft_limits *limits,
                         struct raft_detail *detail) {
  struct directory_maker maker
    = { .entry = first, .id = id, .limits = limits };
  return make_at (&maker, path, detail);
}
