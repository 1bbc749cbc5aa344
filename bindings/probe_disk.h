/* SPDX-License-Identifier: MIT
**
** probe_disk.h - the pretended disk as a userdata, for other rooms' specs. */

#ifndef RAFT_BINDINGS_PROBE_DISK_H
#define RAFT_BINDINGS_PROBE_DISK_H

#include "compat.h"
#include "fault/disk.h"
#include "fault/fs.h"
#include "probe_clock.h"
#include "sim/disk.h"

struct probe_request;

struct probe_disk {
  struct sim_disk *disk;   /* NULL: closed */
  struct fault_fs *fault;  /* NULL: requests go to the disk itself */
  struct fault_disk *trouble; /* above both; NULL: not asked for */
  struct probe_clock clock;
  struct probe_request *requests;
  lua_Integer last_id;
};

RAFT_HIDDEN_BEGIN

/* The disk at a stack index; raises when it is none. */
struct probe_disk *probe_disk_check (lua_State *L, int index);

/* The door that requests of this disk take. */
struct port_fs *probe_disk_port (struct probe_disk *disk);

RAFT_HIDDEN_END

#endif
