/* SPDX-License-Identifier: MIT
**
** disk.c - the log thread's system calls.
**
** Rule: an interrupted call is made again; a short one is gone on with; only
**       a failed sync is never tried again (ATC'20). */

#include "uv/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"

#define SLICES_MAX 1024 /* of one pwritev: IOV_MAX of Linux and macOS */

int real_disk_error (int number) {
  switch (number) {
    case 0:
      return RAFT_OK;
    case ENOENT:
    case ENOTDIR:
      return RAFT_ENOT_FOUND;
    case EEXIST:
      return RAFT_EEXISTS;
    case ENAMETOOLONG:
      return RAFT_EINVALID;
    case EACCES:
    case EPERM:
    case EROFS:
      return RAFT_EDENIED;
    case ENOSPC:
    case EDQUOT:
      return RAFT_EDISK_FULL;
    case ENOMEM:
      return RAFT_ENOMEM;
    default:
      return RAFT_EIO;
  }
}

/* ---- the directory ----------------------------------------------------- */

static int open_directory (struct real_disk *disk) {
  if (disk->directory < 0) {
    disk->directory = open (disk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  return disk->directory < 0 ? real_disk_error (errno) : RAFT_OK;
}

/* What is no directory is in the way of one. */
static int make_error (int number) {
  return number == ENOTDIR ? RAFT_EEXISTS : real_disk_error (number);
}

static int make_one (const char *path) {
  return mkdir (path, 0777) == 0 || errno == EEXIST ? RAFT_OK
                                                    : make_error (errno);
}

/* The directory and its parents; those that are there are left alone. */
static int do_make (struct real_disk *disk) {
  char *path = disk->path;
  for (size_t i = 1; path[i] != '\0'; i++) {
    if (path[i] == '/') {
      int status;
      path[i] = '\0';
      status = make_one (path);
      path[i] = '/';
      if (status != RAFT_OK) {
        return status;
      }
    }
  }
  return make_one (path) == RAFT_OK && open_directory (disk) == RAFT_OK
           ? RAFT_OK
           : make_error (errno);
}

/* The process that has the directory's lock, where the system tells (Linux:
** "1: FLOCK  ADVISORY  WRITE 4711 08:02:131 0 EOF"); else 0. */
static uint64_t lock_holder (const struct real_disk *disk) {
  char line[256];
  struct stat about;
  uint64_t holder = 0;
  FILE *locks = fopen ("/proc/locks", "re");
  if (locks == NULL) {
    return 0;
  }
  if (fstat (disk->directory, &about) != 0) {
    about.st_ino = 0;
  }
  while (holder == 0 && fgets (line, sizeof line, locks) != NULL) {
    unsigned long long process, node;
    if (sscanf (line, "%*s FLOCK %*s %*s %llu %*x:%*x:%llu", &process, &node)
          == 2
        && node == about.st_ino) {
      holder = process;
    }
  }
  (void)fclose (locks);
  return holder;
}

uint64_t real_disk_holder (struct real_disk *disk) {
  return open_directory (disk) == RAFT_OK ? lock_holder (disk) : 0;
}

static int do_lock (struct real_disk *disk, struct fs_request *request) {
  int status = open_directory (disk);
  request->size = 0;
  if (status == RAFT_OK
      && flock (disk->directory, LOCK_EX | LOCK_NB) != 0) {
    status = errno == EWOULDBLOCK ? RAFT_ELOCKED : real_disk_error (errno);
    request->size = status == RAFT_ELOCKED ? lock_holder (disk) : 0;
  }
  return status;
}

static int compare_names (const void *left, const void *right) {
  return strcmp (*(char *const *)left, *(char *const *)right);
}

struct name_list {
  char **names;
  size_t count;
  size_t capacity;
};

static int add_name (struct name_list *list, const char *name) {
  void *names = list->names;
  char *copy;
  int status = raft_reserve (&raft_memory_plain, &names, &list->capacity,
                             list->count + 1, sizeof *list->names);
  list->names = names;
  copy = status == RAFT_OK ? strdup (name) : NULL;
  if (copy == NULL) {
    return RAFT_ENOMEM;
  }
  list->names[list->count++] = copy;
  return RAFT_OK;
}

static int read_names (int descriptor, struct name_list *list) {
  int own = openat (descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = own < 0 ? NULL : fdopendir (own);
  int status = RAFT_OK;
  if (stream == NULL) {
    status = real_disk_error (errno);
    if (own >= 0) {
      (void)close (own);
    }
    return status;
  }
  while (status == RAFT_OK) {
    struct dirent *entry;
    errno = 0;
    entry = readdir (stream);
    if (entry == NULL) {
      status = real_disk_error (errno);
      break;
    }
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0) {
      status = add_name (list, entry->d_name);
    }
  }
  (void)closedir (stream);
  return status;
}

static int do_list (struct real_disk *disk, struct fs_request *request) {
  struct name_list list = { NULL, 0, 0 };
  int status = open_directory (disk);
  if (status == RAFT_OK) {
    status = read_names (disk->directory, &list);
  }
  if (list.count > 0) {
    qsort (list.names, list.count, sizeof *list.names, compare_names);
  }
  for (size_t i = 0; i < list.count; i++) {
    if (status == RAFT_OK) {
      status = raft_buffer_append (request->bytes, list.names[i],
                                   strlen (list.names[i]) + 1);
    }
    free (list.names[i]);
  }
  raft_release (&raft_memory_plain, list.names,
                list.capacity * sizeof *list.names);
  return status;
}

/* ---- files ------------------------------------------------------------- */

static int do_open (struct real_disk *disk, struct fs_request *request,
                    int flags) {
  void *files = disk->files;
  struct stat about;
  int file;
  if (raft_reserve (&raft_memory_plain, &files, &disk->file_capacity,
                    disk->file_count + 1, sizeof *disk->files)
      != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  disk->files = files;
  flags |= disk->is_read_only ? O_RDONLY : O_RDWR;
  file = openat (disk->directory, request->name, O_CLOEXEC | flags, 0666);
  if (file < 0) {
    return real_disk_error (errno);
  }
  if (fstat (file, &about) != 0) {
    int status = real_disk_error (errno);
    (void)close (file);
    return status;
  }
  disk->files[disk->file_count++] = file;
  request->file = file;
  request->size = (uint64_t)about.st_size;
  return RAFT_OK;
}

static int do_close (struct real_disk *disk, struct fs_request *request) {
  int file = (int)request->file;
  for (size_t i = 0; i < disk->file_count; i++) {
    if (disk->files[i] == file) {
      disk->files[i] = disk->files[--disk->file_count];
      break;
    }
  }
  /* After EINTR the descriptor is gone on Linux: never closed twice. */
  return close (file) == 0 || errno == EINTR ? RAFT_OK
                                             : real_disk_error (errno);
}

static int do_allocate (struct fs_request *request) {
  int number;
#ifdef __APPLE__
  number = ftruncate ((int)request->file, (off_t)request->size) == 0 ? 0
                                                                     : errno;
#else
  do {
    number = posix_fallocate ((int)request->file, 0, (off_t)request->size);
  } while (number == EINTR);
#endif
  return real_disk_error (number);
}

static int do_read (struct fs_request *request) {
  struct raft_buffer *bytes = request->bytes;
  size_t wanted = (size_t)request->size;
  size_t start = bytes->size;
  int status = raft_buffer_reserve (bytes, wanted);
  while (status == RAFT_OK && bytes->size - start < wanted) {
    size_t got = bytes->size - start;
    ssize_t count = pread ((int)request->file, bytes->data + bytes->size,
                           wanted - got, (off_t)(request->offset + got));
    if (count == 0) {
      break;
    }
    if (count > 0) {
      bytes->size += (size_t)count;
    } else if (errno != EINTR) {
      status = real_disk_error (errno);
    }
  }
  return status;
}

/* The slices from byte 'skip' of all of them on. Returns how many. */
static int gather (const struct fs_request *request, uint64_t skip,
                   struct iovec *parts) {
  int count = 0;
  for (size_t i = 0; i < request->slice_count && count < SLICES_MAX; i++) {
    const struct raft_slice *slice = &request->slices[i];
    if (skip >= slice->size) {
      skip -= slice->size;
      continue;
    }
    parts[count].iov_base = (void *)(uintptr_t)(slice->data + skip);
    parts[count].iov_len = slice->size - (size_t)skip;
    skip = 0;
    count++;
  }
  return count;
}

static int do_write (struct fs_request *request) {
  struct iovec parts[SLICES_MAX];
  uint64_t written = 0;
  int count;
  while ((count = gather (request, written, parts)) > 0) {
    ssize_t size = pwritev ((int)request->file, parts, count,
                            (off_t)(request->offset + written));
    if (size > 0) {
      written += (uint64_t)size;
    } else if (size == 0 || errno != EINTR) {
      return size == 0 ? RAFT_EIO : real_disk_error (errno);
    }
  }
  return RAFT_OK;
}

/* macOS: fsync only hands the bytes to the drive. */
static int do_sync (int file) {
#ifdef __APPLE__
  return fcntl (file, F_FULLFSYNC) == 0 ? RAFT_OK : RAFT_EIO;
#else
  return fdatasync (file) == 0 ? RAFT_OK : RAFT_EIO;
#endif
}

static int of_call (int result) {
  return result == 0 ? RAFT_OK : real_disk_error (errno);
}

static int perform_file (struct real_disk *disk, struct fs_request *request) {
  switch (request->operation) {
    case FS_OPEN:
      return do_open (disk, request, 0);
    case FS_CREATE:
      return do_open (disk, request, O_CREAT | O_EXCL);
    case FS_CLOSE:
      return do_close (disk, request);
    case FS_ALLOCATE:
      return do_allocate (request);
    case FS_READ:
      return do_read (request);
    case FS_WRITE:
      return do_write (request);
    default:
      return do_sync ((int)request->file);
  }
}

static bool only_looks (enum fs_operation operation) {
  return operation == FS_LOCK || operation == FS_LIST || operation == FS_OPEN
         || operation == FS_READ || operation == FS_CLOSE;
}

void real_disk_perform (struct real_disk *disk, struct fs_request *request) {
  int directory = disk->directory;
  if (disk->is_read_only && !only_looks (request->operation)) {
    request->status = RAFT_EDENIED;
    return;
  }
  switch (request->operation) {
    case FS_MAKE:
      request->status = do_make (disk);
      break;
    case FS_LOCK:
      request->status = do_lock (disk, request);
      break;
    case FS_LIST:
      request->status = do_list (disk, request);
      break;
    case FS_RENAME:
      request->status = of_call (
        renameat (directory, request->name, directory, request->target));
      break;
    case FS_REMOVE:
      request->status = of_call (unlinkat (directory, request->name, 0));
      break;
    case FS_SYNC_DIRECTORY:
      request->status = fsync (directory) == 0 ? RAFT_OK : RAFT_EIO;
      break;
    default:
      request->status = perform_file (disk, request);
      break;
  }
}

/* ---- the thread -------------------------------------------------------- */

static void submit (struct port_fs *port, struct fs_request *request) {
  struct real_disk *disk = (struct real_disk *)(void *)port;
  real_worker_submit (&disk->worker, request);
}

static void perform (void *owner, void *job) {
  real_disk_perform (owner, job);
}

/* What was written is worth nothing before it is synced. */
static bool can_wait (const void *job, const void *next) {
  const struct fs_request *done = job;
  const struct fs_request *sync = next;
  return done->operation == FS_WRITE && sync->operation == FS_SYNC
         && sync->file == done->file;
}

static void complete (void *owner, void *job) {
  struct real_disk *disk = owner;
  disk->complete (disk->owner, job);
}

int real_disk_init (struct real_disk *disk, const char *path) {
  memset (disk, 0, sizeof *disk);
  disk->port.submit = submit;
  disk->directory = -1;
  disk->path = strdup (path);
  return disk->path != NULL ? RAFT_OK : RAFT_ENOMEM;
}

void real_disk_free (struct real_disk *disk) {
  for (size_t i = 0; i < disk->file_count; i++) {
    (void)close (disk->files[i]);
  }
  if (disk->directory >= 0) {
    (void)close (disk->directory);
  }
  raft_release (&raft_memory_plain, disk->files,
                disk->file_capacity * sizeof *disk->files);
  free (disk->path);
  memset (disk, 0, sizeof *disk);
  disk->directory = -1;
}

int real_disk_start (struct real_disk *disk, uv_loop_t *loop) {
  disk->worker.link = offsetof (struct fs_request, world);
  disk->worker.owner = disk;
  disk->worker.perform = perform;
  disk->worker.complete = complete;
  disk->worker.can_wait = can_wait;
  return real_worker_start (&disk->worker, loop);
}

bool real_disk_end (struct real_disk *disk, raft_time bound_us) {
  return real_worker_end (&disk->worker, bound_us);
}
