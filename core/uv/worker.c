/* SPDX-License-Identifier: MIT
**
** worker.c - a queue, a thread, a queue. */

#include "uv/worker.h"

#include <pthread.h>
#include <signal.h>

#include "base/error.h"

static void **link_of (const struct real_worker *worker, void *job) {
  return (void **)(void *)((char *)job + worker->link);
}

static void push (const struct real_worker *worker, void **first, void **last,
                  void *job) {
  *link_of (worker, job) = NULL;
  if (*first == NULL) {
    *first = job;
  } else {
    *link_of (worker, *last) = job;
  }
  *last = job;
}

static void *take (const struct real_worker *worker, void **first) {
  void *job = *first;
  if (job != NULL) {
    *first = *link_of (worker, job);
    *link_of (worker, job) = NULL;
  }
  return job;
}

/* ---- the thread -------------------------------------------------------- */

/* The loop is woken by what follows, if that tells of this job, too. */
static bool can_wait (const struct real_worker *worker, const void *job) {
  return worker->can_wait != NULL && worker->first != NULL
         && worker->can_wait (job, worker->first);
}

static void run (void *argument) {
  struct real_worker *worker = argument;
  void *job;
  uv_mutex_lock (&worker->mutex);
  for (;;) {
    while (worker->first == NULL && !worker->is_ending) {
      uv_cond_wait (&worker->changed, &worker->mutex);
    }
    job = take (worker, &worker->first);
    if (job == NULL) {
      break;
    }
    worker->performing = job;
    worker->since = uv_hrtime ();
    uv_mutex_unlock (&worker->mutex);
    worker->perform (worker->owner, job);
    uv_mutex_lock (&worker->mutex);
    worker->performing = NULL;
    push (worker, &worker->first_done, &worker->last_done, job);
    if (!worker->is_woken && !worker->is_ending && !can_wait (worker, job)) {
      worker->is_woken = true;
      worker->wakes++;
      real_bell_ring (&worker->bell);
    }
  }
  worker->has_ended = true;
  uv_cond_broadcast (&worker->changed);
  uv_mutex_unlock (&worker->mutex);
}

int real_thread_start (uv_thread_t *thread, void (*body) (void *argument),
                       void *argument) {
  sigset_t all;
  sigset_t before;
  int status;
  (void)sigfillset (&all);
  (void)pthread_sigmask (SIG_SETMASK, &all, &before);
  status = uv_thread_create (thread, body, argument);
  (void)pthread_sigmask (SIG_SETMASK, &before, NULL);
  return status == 0 ? RAFT_OK : RAFT_ENOMEM;
}

/* ---- the loop's side --------------------------------------------------- */

static void on_heard (struct real_bell *bell) {
  struct real_worker *worker = bell->owner;
  void *done;
  void *job;
  uv_mutex_lock (&worker->mutex);
  done = worker->first_done;
  worker->first_done = NULL;
  worker->last_done = NULL;
  worker->is_woken = false;
  uv_mutex_unlock (&worker->mutex);
  while ((job = take (worker, &done)) != NULL) {
    worker->complete (worker->owner, job);
  }
}

int real_worker_start (struct real_worker *worker, uv_loop_t *loop) {
  worker->first = NULL;
  worker->last = NULL;
  worker->first_done = NULL;
  worker->last_done = NULL;
  worker->is_woken = false;
  worker->is_ending = false;
  worker->has_ended = false;
  worker->performing = NULL;
  worker->wakes = 0;
  if (uv_mutex_init (&worker->mutex) != 0) {
    return RAFT_ENOMEM;
  }
  if (uv_cond_init (&worker->changed) != 0) {
    uv_mutex_destroy (&worker->mutex);
    return RAFT_ENOMEM;
  }
  worker->bell.heard = on_heard;
  worker->bell.owner = worker;
  if (real_bell_start (&worker->bell, loop) == RAFT_OK) {
    if (real_thread_start (&worker->thread, run, worker) == RAFT_OK) {
      return RAFT_OK;
    }
    real_bell_end (&worker->bell);
  }
  uv_cond_destroy (&worker->changed);
  uv_mutex_destroy (&worker->mutex);
  return RAFT_ENOMEM;
}

void real_worker_submit (struct real_worker *worker, void *job) {
  uv_mutex_lock (&worker->mutex);
  push (worker, &worker->first, &worker->last, job);
  uv_mutex_unlock (&worker->mutex);
  uv_cond_signal (&worker->changed); /* the lock is free when it awakes */
}

const void *real_worker_stuck (struct real_worker *worker,
                               raft_time *for_us) {
  const void *job;
  uv_mutex_lock (&worker->mutex);
  job = worker->performing;
  *for_us = job != NULL ? (uv_hrtime () - worker->since) / 1000 : 0;
  uv_mutex_unlock (&worker->mutex);
  return job;
}

uint64_t real_worker_wakes (struct real_worker *worker) {
  uint64_t wakes;
  uv_mutex_lock (&worker->mutex);
  wakes = worker->wakes;
  uv_mutex_unlock (&worker->mutex);
  return wakes;
}

bool real_worker_end (struct real_worker *worker, raft_time bound_us) {
  uint64_t until = uv_hrtime () + bound_us * 1000;
  bool has_ended;
  uv_mutex_lock (&worker->mutex);
  worker->is_ending = true;
  uv_cond_broadcast (&worker->changed);
  while (!worker->has_ended && uv_hrtime () < until) {
    (void)uv_cond_timedwait (&worker->changed, &worker->mutex,
                             until - uv_hrtime ());
  }
  has_ended = worker->has_ended;
  uv_mutex_unlock (&worker->mutex);
  real_bell_end (&worker->bell);
  if (has_ended) {
    (void)uv_thread_join (&worker->thread);
    uv_cond_destroy (&worker->changed);
    uv_mutex_destroy (&worker->mutex);
  } else {
    (void)pthread_detach (worker->thread);
  }
  return has_ended;
}
