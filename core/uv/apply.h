/* SPDX-License-Identifier: MIT
**
** apply.h - a machine on a thread of its own, behind port/machine.h.
**
** Rule: an apply that blocks for seconds, or a full collection of the
**       machine's memory, never delays a heartbeat. */

#ifndef RAFT_UV_APPLY_H
#define RAFT_UV_APPLY_H

#include "base/error.h"
#include "port/machine.h"
#include "uv/worker.h"

struct real_apply {
  struct port_machine port; /* first */
  struct real_worker worker;
  struct machine *machine;  /* taken over */
  void *owner;
  /* Calls request->done under the owner's guard. */
  void (*complete) (void *owner, struct machine_request *request);
};

RAFT_HIDDEN_BEGIN

/* 'machine', 'owner' and 'complete' are set by the caller, who keeps the
** machine when this fails. Errors: RAFT_ENOMEM. */
int real_apply_start (struct real_apply *apply, uv_loop_t *loop);

/* As real_worker_end; then the machine is freed. */
bool real_apply_end (struct real_apply *apply, raft_time bound_us);
/* When that failed: what does not return, for people. */
void real_apply_describe (struct real_apply *apply,
                          struct raft_detail *detail);

RAFT_HIDDEN_END

#endif
