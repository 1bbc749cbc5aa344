/* SPDX-License-Identifier: MIT
**
** apply.c - the apply thread. */

#include "uv/apply.h"

#include <stddef.h>
#include <stdio.h>

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

void real_apply_describe (struct real_apply *apply,
                          struct raft_detail *detail) {
  raft_time time = 0;
  const struct machine_request *request
    = real_worker_stuck (&apply->worker, &time);
  char what[96] = "a call of the machine";
  if (request != NULL && request->operation == MACHINE_APPLY
      && request->entry_count > 0) {
    const struct machine_entry *last
      = &request->entries[request->entry_count - 1];
    (void)snprintf (what, sizeof what, "apply of index %llu",
                    (unsigned long long)request->entries[0].index);
    if (request->entry_count > 1) {
      (void)snprintf (what, sizeof what, "apply of indexes %llu to %llu",
                      (unsigned long long)request->entries[0].index,
                      (unsigned long long)last->index);
    }
  }
  (void)raft_fail (detail, RAFT_ETIMEOUT, "%s has not returned for %llu ms: "
                   "abandoned", what,
                   (unsigned long long)(time / RAFT_MILLISECOND));
}
