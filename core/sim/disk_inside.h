/* SPDX-License-Identifier: MIT
**
** disk_inside.h - one pretended disk, for the files that make it up.
**
** Holds:  struct sim_disk: disk.c runs it, disk_inspect.c damages it and
**         looks at it. */

#ifndef RAFT_SIM_DISK_INSIDE_H
#define RAFT_SIM_DISK_INSIDE_H

#include "sim/disk.h"
#include "sim/disk_file.h"
#include "sim/disk_names.h"

struct sim_handle {
  int64_t number;
  uint64_t process;
  struct sim_file *file;
};

struct sim_plan {
  uint64_t after;
  int status; /* 0: no plan */
};

struct sim_disk {
  struct port_fs port; /* first */
  bool is_made;        /* the directory itself is there */
  struct sim_names names;
  struct sim_handle *handles;
  size_t handle_count;
  size_t handle_capacity;
  int64_t last_handle;
  uint64_t process;    /* whose requests are performed */
  uint64_t holder;     /* process that has the lock; 0: none */
  uint64_t capacity;   /* bytes; 0: endless */
  struct fs_request *oldest; /* linked by 'world' */
  struct fs_request *newest;
  size_t pending;
  struct sim_plan plans[SIM_DISK_FAULTS];
  struct sim_choice *choice;
  bool lies;           /* syncs do nothing */
  bool asks_names;     /* a crash asks of names, not of files */
  struct sim_disk_counts counts;
};

#endif
