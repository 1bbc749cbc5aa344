/* SPDX-License-Identifier: MIT
**
** fs.h - the door to a disk: one directory of one member.
**
** Holds:  requests with a completion. Nothing here waits.
** Rule:   the world performs requests in the order of their submission (one
**         log thread), and calls each 'done' exactly once, on the engine's
**         thread, in that order, never from inside submit().
** Rule:   after a failed FS_SYNC the bytes written before it may or may not
**         be on the disk, and a second sync proves nothing (ATC'20). */

#ifndef RAFT_PORT_FS_H
#define RAFT_PORT_FS_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/types.h"

enum fs_operation {
  FS_LOCK,    /* take the directory's lock; held until the port is closed.
                 RAFT_ELOCKED: another process has it, 'size' is its number
                 when that is known, else 0; RAFT_ENOT_FOUND: no such
                 directory */
  FS_MAKE,    /* make the directory itself, and its parents; fine if there */
  FS_LIST,    /* names of the directory's files into 'bytes', each ended by
                 a zero byte, sorted by memcmp */
  FS_OPEN,    /* open 'name' for reading and writing -> file, size */
  FS_CREATE,  /* create 'name' (must not exist) -> file */
  FS_CLOSE,   /* close 'file' */
  FS_ALLOCATE,/* make 'file' 'size' bytes long, zeros, blocks reserved */
  FS_READ,    /* 'size' bytes at 'offset' into 'bytes' (appended; fewer at
                 the end of the file) */
  FS_WRITE,   /* all 'slice_count' slices at 'offset', one after another */
  FS_SYNC,    /* what was written to 'file' is durable (fdatasync) */
  FS_RENAME,  /* 'name' becomes 'target', which it replaces */
  FS_REMOVE,  /* remove 'name' */
  FS_SYNC_DIRECTORY, /* creations, renames and removals are durable */
};

struct fs_request {
  enum fs_operation operation;
  int64_t file;                   /* handle of OPEN and CREATE */
  const char *name;               /* a file of the directory, no '/' */
  const char *target;             /* FS_RENAME */
  uint64_t offset;                /* bytes */
  uint64_t size;                  /* bytes; FS_OPEN returns the file's */
  const struct raft_slice *slices;/* FS_WRITE; the submitter keeps array and
                                     references alive until 'done' */
  size_t slice_count;
  struct raft_buffer *bytes;      /* FS_READ, FS_LIST; memory: plain */
  int status;                     /* result: 0, RAFT_EIO, RAFT_EDISK_FULL,
                                     RAFT_ENOT_FOUND, RAFT_EEXISTS,
                                     RAFT_EDENIED, RAFT_ENOMEM, … */
  void (*done) (struct fs_request *request);
  void *owner;                    /* of the submitter */
  void *world;                    /* of the world, while in flight */
};

struct port_fs {
  /* Borrows 'request' until its 'done'. Cannot fail. */
  void (*submit) (struct port_fs *fs, struct fs_request *request);
};

#endif
