/* SPDX-License-Identifier: MIT
**
** disk.h - a member's directory behind port/fs.h.
**
** Holds:     the directory's descriptor, and a thread that performs requests
**            in order; or no thread, for who can wait.
** Invariant: one process at a time: the directory itself is locked, so that
**            no file is made in a folder that is none of ours.
** Rule:      plain POSIX calls on the directory's descriptor. Never uv_fs_*:
**            its threads would reorder writes and syncs. */

#ifndef RAFT_UV_DISK_H
#define RAFT_UV_DISK_H

#include "port/fs.h"
#include "uv/worker.h"

struct real_disk {
  struct port_fs port;     /* first */
  struct real_worker worker;
  char *path;
  int directory;           /* descriptor; -1: not open yet */
  bool is_read_only;       /* files are opened to be read; what changes
                              anything is RAFT_EDENIED */
  int *files;              /* open descriptors */
  size_t file_count;
  size_t file_capacity;
  void *owner;
  /* Calls request->done under the owner's guard. */
  void (*complete) (void *owner, struct fs_request *request);
};

RAFT_HIDDEN_BEGIN

/* The code for an errno. */
int real_disk_error (int number);

/* Copies the path; opens nothing. Errors: RAFT_ENOMEM. */
int real_disk_init (struct real_disk *disk, const char *path);
/* Closes what is open, the lock with it. */
void real_disk_free (struct real_disk *disk);

/* Performs one request now, and sets its results; does not call 'done'. */
void real_disk_perform (struct real_disk *disk, struct fs_request *request);

/* The process that has the directory locked, where the system tells; else
** 0. Takes no lock itself. */
uint64_t real_disk_holder (struct real_disk *disk);

/* Starts the thread; 'owner' and 'complete' are set by the caller.
** Errors: RAFT_ENOMEM. */
int real_disk_start (struct real_disk *disk, uv_loop_t *loop);
/* As real_worker_end. */
bool real_disk_end (struct real_disk *disk, raft_time bound_us);

RAFT_HIDDEN_END

#endif
