/* SPDX-License-Identifier: MIT
**
** worker.h - one thread that does jobs in order.
**
** Holds:     two lists under one lock: jobs to do, jobs done.
** Knows not: what a job is: it has a pointer 'world' for the lists, at a
**            place the owner names, so that nothing is allocated here.
** Invariant: first in, first out; 'complete' is called once per job, on the
**            loop's thread, in that order, never from inside submit.
** Rule:      one wake-up for all that is done until the loop looks, and none
**            for a job that can wait for the next. All signals are blocked in
**            the thread. */

#ifndef RAFT_UV_WORKER_H
#define RAFT_UV_WORKER_H

#include <uv.h>

#include "base/types.h"
#include "uv/bell.h"

struct real_worker {
  uv_thread_t thread;
  uv_mutex_t mutex;       /* over all but the thread, the bell and what the
                             caller sets */
  uv_cond_t changed;
  struct real_bell bell;  /* of the loop */
  void *first;            /* to do */
  void *last;
  void *first_done;
  void *last_done;
  bool is_woken;          /* and has not looked yet */
  bool is_ending;
  bool has_ended;         /* the thread touches nothing any more */
  const void *performing; /* NULL: it waits */
  uint64_t since;         /* of what is performed, nanoseconds */
  uint64_t wakes;         /* sent so far */
  size_t link;            /* offset of the job's 'void *world' */
  void *owner;
  void (*perform) (void *owner, void *job);  /* on the worker's thread */
  void (*complete) (void *owner, void *job); /* on the loop's thread */
  /* Whether a job that is done may be completed together with the next one,
  ** which is to do: on the worker's thread. NULL: never. */
  bool (*can_wait) (const void *job, const void *next);
};

RAFT_HIDDEN_BEGIN

/* Starts a thread with all signals blocked. Errors: RAFT_ENOMEM. */
int real_thread_start (uv_thread_t *thread, void (*run) (void *argument),
                       void *argument);

/* 'link', 'owner' and the functions are set by the caller.
** Errors: RAFT_ENOMEM. */
int real_worker_start (struct real_worker *worker, uv_loop_t *loop);
void real_worker_submit (struct real_worker *worker, void *job);

/* Lets the thread finish what was submitted and joins it; what is done is not
** completed any more. False: it did not end within 'bound_us'. It is then
** abandoned: it, and everything that its jobs touch, must never be freed. */
bool real_worker_end (struct real_worker *worker, raft_time bound_us);

/* After that: the job that does not return, and how long it has run; NULL:
** none. */
const void *real_worker_stuck (struct real_worker *worker, raft_time *for_us);

/* How often the loop was woken. */
uint64_t real_worker_wakes (struct real_worker *worker);

RAFT_HIDDEN_END

#endif
