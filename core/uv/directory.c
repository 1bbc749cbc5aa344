/* SPDX-License-Identifier: MIT
**
** directory.c - disks without a thread: each request is performed after the
** call that submitted it. */

#include "uv/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "replica/replica.h"
#include "uv/clock.h"
#include "uv/disk.h"

#define UNFINISHED ".unfinished"

struct waiting_disk {
  struct port_fs port; /* first */
  struct real_disk disk;
  struct fs_request *first;
  struct fs_request *last;
};

struct directory_maker {
  struct waiting_disk disk;
  struct waiting_disk from; /* of a recovery; path NULL: there is none */
  struct port_clock clock;
  struct raft_arena arena;
  const struct wire_configuration *value; /* NULL: it joins, with 'entry' */
  struct raft_slice entry;
  raft_id id;
  bool only_looks;
  const struct raft_limits *limits;
  bool is_done;
  int status;
  struct raft_detail detail;
  struct rescue *rescue;    /* NULL: it is no recovery */
  struct replica_survivor *survivor;
};

static void submit (struct port_fs *port, struct fs_request *request) {
  struct waiting_disk *disk = (struct waiting_disk *)(void *)port;
  request->world = NULL;
  if (disk->first == NULL) {
    disk->first = request;
  } else {
    disk->last->world = request;
  }
  disk->last = request;
}

static bool perform_one (struct waiting_disk *disk) {
  struct fs_request *request = disk->first;
  if (request == NULL) {
    return false;
  }
  disk->first = request->world;
  request->world = NULL;
  real_disk_perform (&disk->disk, request);
  request->done (request);
  return true;
}

static void perform_all (struct directory_maker *maker) {
  while (perform_one (&maker->disk) || perform_one (&maker->from)) {
  }
}

/* ---- what is made ------------------------------------------------------ */

static void on_done (void *owner, int status,
                     const struct raft_detail *detail) {
  struct directory_maker *maker = owner;
  maker->is_done = true;
  maker->status = status;
  maker->detail = *detail;
}

static void on_recovered (void *owner, int status,
                          const struct replica_survivor *survivor,
                          const struct raft_detail *detail) {
  struct directory_maker *maker = owner;
  on_done (owner, status, detail);
  if (status == RAFT_OK) {
    *maker->survivor = *survivor;
  }
}

static void begin_recovery (struct directory_maker *maker) {
  struct replica_recover_options options;
  memset (&options, 0, sizeof options);
  options.memory = &maker->arena.memory;
  options.from = &maker->from.port;
  options.into = maker->only_looks ? NULL : &maker->disk.port;
  options.clock = &maker->clock;
  options.limits = *maker->limits;
  options.owner = maker;
  options.done = on_recovered;
  if (replica_recover (&maker->rescue, &options) != RAFT_OK) {
    struct raft_detail why;
    on_done (maker, raft_fail (&why, RAFT_ENOMEM, "out of memory"), &why);
  }
}

static void begin (struct directory_maker *maker) {
  struct wal_options options;
  memset (&options, 0, sizeof options);
  options.memory = &maker->arena.memory;
  options.fs = &maker->disk.port;
  options.clock = &maker->clock;
  options.limits = *maker->limits;
  options.member = maker->id;
  options.owner = maker;
  if (maker->from.disk.path != NULL) {
    begin_recovery (maker);
  } else if (maker->value != NULL) {
    (void)replica_init (&options, maker->id, maker->value, on_done);
  } else {
    (void)replica_join (&options, maker->id, maker->entry, on_done);
  }
}

/* ---- making ------------------------------------------------------------ */

static int run (struct directory_maker *maker, struct raft_detail *detail) {
  struct raft_guard guard;
  maker->disk.port.submit = submit;
  maker->from.port.submit = submit;
  real_clock_init (&maker->clock);
  raft_arena_init (&maker->arena);
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    begin (maker);
    perform_all (maker);
    raft_assert (maker->is_done);
    replica_recover_free (maker->rescue);
  } else {
    maker->status = raft_fail (&maker->detail, RAFT_EPANIC, "assert: %s",
                               guard.what);
  }
  raft_guard_leave (&guard);
  raft_arena_clear (&maker->arena);
  if (maker->status != RAFT_OK) {
    (void)raft_fail (detail, maker->status, "%s", maker->detail.text);
  }
  return maker->status;
}

static int make_at (struct directory_maker *given, const char *path,
                    struct raft_detail *detail) {
  struct directory_maker maker = *given;
  int status = real_disk_init (&maker.disk.disk, path);
  if (status != RAFT_OK) {
    return raft_fail (detail, RAFT_ENOMEM, "out of memory");
  }
  status = run (&maker, detail);
  real_disk_free (&maker.disk.disk);
  return status == RAFT_OK ? RAFT_OK
                           : raft_fail (detail, status, "%s: %s", path,
                                        maker.detail.text);
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

/* ---- recovering -------------------------------------------------------- */

int real_directory_look (const char *from, const struct raft_limits *limits,
                         struct replica_survivor *survivor,
                         struct raft_detail *detail) {
  struct directory_maker maker
    = { .only_looks = true, .limits = limits, .survivor = survivor };
  int status;
  if (real_disk_init (&maker.from.disk, from) != RAFT_OK) {
    return raft_fail (detail, RAFT_ENOMEM, "out of memory");
  }
  maker.from.disk.is_read_only = true;
  status = run (&maker, detail);
  real_disk_free (&maker.from.disk);
  return status == RAFT_OK ? RAFT_OK
                           : raft_fail (detail, status, "%s: %s", from,
                                        maker.detail.text);
}

/* The name of the directory that 'path' is in, into 'parent'. */
static void cut_parent (const char *path, char *parent) {
  char *slash;
  memcpy (parent, path, strlen (path) + 1);
  slash = strrchr (parent, '/');
  if (slash == NULL) {
    memcpy (parent, ".", 2);
  } else {
    slash[slash == parent ? 1 : 0] = '\0';
  }
}

/* Its name, and that this is durable. */
static int name_it (const char *unfinished, const char *into, char *parent,
                    struct raft_detail *detail) {
  int directory;
  int status = RAFT_OK;
  if (rename (unfinished, into) != 0) {
    return raft_fail (detail, RAFT_EIO, "%s cannot be renamed: %s",
                      unfinished, strerror (errno));
  }
  cut_parent (into, parent);
  directory = open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0 || fsync (directory) != 0) {
    status = raft_fail (detail, RAFT_EIO, "%s is made, but %s cannot be "
                        "synced: after a power failure it may have its old "
                        "name: %s", into, parent, strerror (errno));
  }
  if (directory >= 0) {
    (void)close (directory);
  }
  return status;
}

/* What a failed attempt made, as far as the disk allows. */
static void remove_made (struct real_disk *disk) {
  struct raft_buffer names;
  struct fs_request request;
  raft_buffer_init (&names, &raft_memory_plain);
  memset (&request, 0, sizeof request);
  request.operation = FS_LIST;
  request.bytes = &names;
  real_disk_perform (disk, &request);
  for (size_t at = 0; at < names.size;) {
    request.operation = FS_REMOVE;
    request.name = (const char *)names.data + at;
    at += strlen (request.name) + 1;
    real_disk_perform (disk, &request);
  }
  raft_buffer_free (&names);
  (void)rmdir (disk->path);
}

static int recover_at (struct directory_maker *maker, const char *into,
                       char *unfinished, struct raft_detail *detail) {
  int status;
  /* Made here, or somebody else is at it. */
  if (access (into, F_OK) == 0
      || (mkdir (unfinished, 0777) != 0 && errno == EEXIST)) {
    return raft_fail (detail, RAFT_EEXISTS, "%s is there already%s",
                      access (into, F_OK) == 0 ? into : unfinished,
                      access (into, F_OK) == 0 ? ""
                      : ": a recovery has not come to its end, remove it");
  }
  if (real_disk_init (&maker->disk.disk, unfinished) != RAFT_OK) {
    return raft_fail (detail, RAFT_ENOMEM, "out of memory");
  }
  status = run (maker, detail);
  if (status == RAFT_OK) {
    status = name_it (unfinished, into, unfinished, detail);
  } else {
    (void)raft_fail (detail, status, "%s out of %s: %s", into,
                     maker->from.disk.path, maker->detail.text);
    if (maker->disk.disk.directory >= 0) {
      remove_made (&maker->disk.disk);
    } else {
      (void)rmdir (unfinished);
    }
  }
  real_disk_free (&maker->disk.disk);
  return status;
}

int real_directory_recover (const char *from, const char *into,
                            const struct raft_limits *limits,
                            struct replica_survivor *survivor,
                            struct raft_detail *detail) {
  struct directory_maker maker = { .limits = limits, .survivor = survivor };
  size_t size = strlen (into) + sizeof UNFINISHED;
  char *unfinished = malloc (size);
  int status = RAFT_ENOMEM;
  if (unfinished != NULL
      && real_disk_init (&maker.from.disk, from) == RAFT_OK) {
    maker.from.disk.is_read_only = true;
    (void)snprintf (unfinished, size, "%s" UNFINISHED, into);
    status = recover_at (&maker, into, unfinished, detail);
    real_disk_free (&maker.from.disk);
  } else {
    (void)raft_fail (detail, status, "out of memory");
  }
  free (unfinished);
  return status;
}
