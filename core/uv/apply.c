/* SPDX-License-Identifier: MIT
**
** apply.c - the apply thread. */

#include "uv/apply.h"

#include <stddef.h>

#include "base/error.h"

static void submit (struct port_machine *port,
                    struct machine_request *request) {
  struct real_apply *apply = (struct real_apply *)(void *)port;
  real_worker_submit (&apply->worker, request);
}

static void perform (void *owner, void *job) {
  struct real_apply *apply = owner;
  apply->machine->perform (apply->machine, job);
}

static void complete (void *owner, void *job) {
  struct real_apply *apply = owner;
  apply->complete (apply->owner, job);
}

int real_apply_start (struct real_apply *apply, uv_loop_t *loop) {
  apply->port.submit = submit;
  apply->worker.link = offsetof (struct machine_request, world);
  apply->worker.owner = apply;
  apply->worker.perform = perform;
  apply->worker.complete = complete;
  return real_worker_start (&apply->worker, loop);
}

bool real_apply_end (struct real_apply *apply, raft_time bound_us) {
  bool has_ended = real_worker_end (&apply->worker, bound_us);
  if (has_ended) {
    apply->machine->free (apply->machine);
  }
  return has_ended;
}
