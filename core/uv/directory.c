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
#include "wal/record.h"

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
  bool (*is_interrupted) (void); /* NULL: it never is */
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

/* Of one that was interrupted every further request fails, and so it ends as
** it does when a disk fails. */
static bool perform_one (const struct directory_maker *maker,
                         struct waiting_disk *disk) {
  struct fs_request *request = disk->first;
  if (request == NULL) {
    return false;
  }
  disk->first = request->world;
  request->world = NULL;
  if (maker->is_interrupted != NULL && maker->is_interrupted ()
      && request->operation != FS_CLOSE) {
    request->status = RAFT_ECANCELLED;
  } else {
    real_disk_perform (&disk->disk, request);
  }
  request->done (request);
  return true;
}

static void perform_all (struct directory_maker *maker) {
  while (perform_one (maker, &maker->disk)
         || perform_one (maker, &maker->from)) {
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
  if (maker->status != RAFT_OK && maker->status != RAFT_EPANIC
      && maker->is_interrupted != NULL && maker->is_interrupted ()) {
    maker->status = raft_fail (&maker->detail, RAFT_ECANCELLED,
                               "interrupted");
  }
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
                         bool (*is_interrupted) (void),
                         struct replica_survivor *survivor,
                         struct raft_detail *detail) {
  struct directory_maker maker = { .is_interrupted = is_interrupted,
                                   .only_looks = true,
                                   .limits = limits,
                                   .survivor = survivor };
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

/* The directory that 'path' is in, or is to be in; freed by the caller, NULL:
** out of memory. */
static char *parent_of (const char *path) {
  char *parent = strdup (path);
  char *slash = parent != NULL ? strrchr (parent, '/') : NULL;
  if (slash != NULL) {
    slash[slash == parent ? 1 : 0] = '\0';
  } else if (parent != NULL) {
    free (parent);
    parent = strdup (".");
  }
  return parent;
}

bool real_directory_is_within (const char *path, const char *outer) {
  char *parent = parent_of (path);
  char *where = parent != NULL ? realpath (parent, NULL) : NULL;
  char *from = realpath (outer, NULL);
  bool is_within = false;
  if (where != NULL && from != NULL) {
    size_t size = strlen (from);
    is_within = strncmp (where, from, size) == 0
                && (where[size] == '\0' || where[size] == '/');
  }
  free (parent);
  free (where);
  free (from);
  return is_within;
}

static int sync_parent (const char *path) {
  char *parent = parent_of (path);
  int directory = parent == NULL ? -1
                                 : open (parent, O_RDONLY | O_DIRECTORY
                                                   | O_CLOEXEC);
  int status = directory >= 0 && fsync (directory) == 0
                 ? RAFT_OK
                 : real_disk_error (parent == NULL ? ENOMEM : errno);
  if (directory >= 0) {
    (void)close (directory);
  }
  free (parent);
  return status;
}

/* Made here and by nobody else, who would be at it, too. */
static int make_new (const char *into, struct raft_detail *detail) {
  int directory, status;
  if (mkdir (into, 0777) == 0) {
    status = sync_parent (into);
    if (status != RAFT_OK) {
      (void)rmdir (into);
    }
    return status == RAFT_OK
             ? RAFT_OK
             : raft_fail (detail, status, "%s cannot be synced with its "
                          "directory: %s", into, raft_error_text (status));
  }
  if (errno != EEXIST) {
    return raft_fail (detail, real_disk_error (errno), "%s cannot be made: "
                      "%s", into, strerror (errno));
  }
  directory = open (into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  status = directory >= 0 ? faccessat (directory, WAL_NAME_UNFINISHED,
                                              F_OK, 0) : -1;
  if (directory >= 0) {
    (void)close (directory);
  }
  return raft_fail (detail, RAFT_EEXISTS, "%s is there already%s", into,
                    status != 0 ? ""
                    : ": a recovery has begun there and has not come to its "
                      "end, wait for it or remove it");
}

/* What a failed attempt made; its mark last, when all else is gone for
** ever. False: something is left, with its mark. */
static bool remove_made (struct real_disk *disk) {
  struct fs_request request;
  struct raft_buffer names;
  bool is_gone;
  raft_buffer_init (&names, &raft_memory_plain);
  memset (&request, 0, sizeof request);
  request.operation = FS_LIST;
  request.bytes = &names;
  real_disk_perform (disk, &request);
  is_gone = request.status == RAFT_OK;
  for (size_t at = 0; at < names.size; at += strlen (request.name) + 1) {
    request.operation = FS_REMOVE;
    request.name = (const char *)names.data + at;
    if (strcmp (request.name, WAL_NAME_UNFINISHED) != 0) {
      real_disk_perform (disk, &request);
      is_gone = is_gone && request.status == RAFT_OK;
    }
  }
  raft_buffer_free (&names);
  request.operation = FS_SYNC_DIRECTORY;
  real_disk_perform (disk, &request);
  if (is_gone && request.status == RAFT_OK) {
    request.operation = FS_REMOVE;
    request.name = WAL_NAME_UNFINISHED;
    real_disk_perform (disk, &request);
    is_gone = rmdir (disk->path) == 0;
  }
  return is_gone;
}

static int recover_at (struct directory_maker *maker, const char *into,
                       struct raft_detail *detail) {
  bool is_gone = true;
  int status = make_new (into, detail);
  if (status != RAFT_OK) {
    return status;
  }
  if (real_disk_init (&maker->disk.disk, into) != RAFT_OK) {
    (void)rmdir (into);
    return raft_fail (detail, RAFT_ENOMEM, "out of memory");
  }
  status = run (maker, detail);
  if (status != RAFT_OK && maker->disk.disk.directory >= 0) {
    is_gone = remove_made (&maker->disk.disk);
  } else if (status != RAFT_OK) {
    is_gone = rmdir (into) == 0;
  }
  real_disk_free (&maker->disk.disk);
  return status == RAFT_OK
           ? RAFT_OK
           : raft_fail (detail, status, "%s out of %s: %s%s", into,
                        maker->from.disk.path, maker->detail.text,
                        is_gone ? "" : "; remove what is left there");
}

int real_directory_recover (const char *from, const char *into,
                            const struct raft_limits *limits,
                            bool (*is_interrupted) (void),
                            struct replica_survivor *survivor,
                            struct raft_detail *detail) {
  struct directory_maker maker = { .is_interrupted = is_interrupted,
                                   .limits = limits,
                                   .survivor = survivor };
  int status;
  if (real_disk_init (&maker.from.disk, from) != RAFT_OK) {
    return raft_fail (detail, RAFT_ENOMEM, "out of memory");
  }
  maker.from.disk.is_read_only = true;
  status = recover_at (&maker, into, detail);
  real_disk_free (&maker.from.disk);
  return status;
}
