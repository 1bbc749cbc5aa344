/* SPDX-License-Identifier: MIT
**
** probe_worker.c - how often the other side of a queue is woken.
**
** Holds: worker_burst (count, can wait) -> wake-ups sent while the loop took
**        nothing, jobs completed by one turn of it, wake-ups sent before the
**        last job was performed; mailbox_burst (count) -> bytes in
**        the pipe while records lie there, and when all are taken. */

#include "compat.h"

#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "uv/mailbox.h"
#include "uv/worker.h"

void raft_probe_worker (lua_State *L);

#define BURST_MAX 256

struct job {
  void *link;
};

struct burst {
  struct real_worker worker;
  uv_loop_t loop;
  uv_sem_t submitted; /* all of them */
  uv_sem_t performed;
  int completed;
  uint64_t early;     /* wake-ups, before the last job */
  struct job jobs[BURST_MAX];
};

static void perform (void *owner, void *job) {
  struct burst *burst = owner;
  if (job == burst->jobs) {
    uv_sem_wait (&burst->submitted);
  }
  burst->early = real_worker_wakes (&burst->worker);
  uv_sem_post (&burst->performed);
}

static bool always (const void *job, const void *next) {
  (void)job;
  (void)next;
  return true;
}

static void complete (void *owner, void *job) {
  struct burst *burst = owner;
  (void)job;
  burst->completed++;
}

/* Until all lie in the list of what is done; the loop does not turn. */
static void await_all (struct burst *burst, int count) {
  raft_time since;
  for (int i = 0; i < count; i++) {
    uv_sem_wait (&burst->performed);
  }
  while (real_worker_stuck (&burst->worker, &since) != NULL) {
    uv_sleep (1);
  }
}

static int worker_burst (lua_State *L) {
  int count = (int)luaL_checkinteger (L, 1);
  struct burst *burst = lua_newuserdata (L, sizeof *burst);
  uint64_t wakes;
  luaL_argcheck (L, count >= 1 && count <= BURST_MAX, 1, "1 to 256");
  memset (burst, 0, sizeof *burst);
  burst->worker.link = offsetof (struct job, link);
  burst->worker.owner = burst;
  burst->worker.perform = perform;
  burst->worker.complete = complete;
  burst->worker.can_wait = lua_toboolean (L, 2) ? always : NULL;
  if (uv_loop_init (&burst->loop) != 0
      || uv_sem_init (&burst->submitted, 0) != 0
      || uv_sem_init (&burst->performed, 0) != 0
      || real_worker_start (&burst->worker, &burst->loop) != 0) {
    return luaL_error (L, "no thread");
  }
  for (int i = 0; i < count; i++) {
    real_worker_submit (&burst->worker, &burst->jobs[i]);
  }
  uv_sem_post (&burst->submitted);
  await_all (burst, count);
  wakes = real_worker_wakes (&burst->worker);
  (void)uv_run (&burst->loop, UV_RUN_NOWAIT);
  (void)real_worker_end (&burst->worker, RAFT_SECOND);
  (void)uv_run (&burst->loop, UV_RUN_DEFAULT);
  (void)uv_loop_close (&burst->loop);
  uv_sem_destroy (&burst->submitted);
  uv_sem_destroy (&burst->performed);
  lua_pushinteger (L, (lua_Integer)wakes);
  lua_pushinteger (L, burst->completed);
  lua_pushinteger (L, (lua_Integer)burst->early);
  return 3;
}

static int readable_bytes (const struct real_mailbox *mailbox) {
  int bytes = 0;
  (void)ioctl (mailbox->descriptors[0], FIONREAD, &bytes);
  return bytes;
}

static int mailbox_burst (lua_State *L) {
  struct real_mailbox mailbox;
  struct real_record record;
  struct raft_trace trace;
  int lying;
  memset (&trace, 0, sizeof trace);
  if (real_mailbox_init (&mailbox) != 0) {
    return luaL_error (L, "no memory");
  }
  for (int i = (int)luaL_checkinteger (L, 1); i > 0; i--) {
    real_mailbox_put (&mailbox, 1, &trace);
  }
  lying = readable_bytes (&mailbox);
  while (real_mailbox_take (&mailbox, &record)) {
    real_record_free (&record);
  }
  lua_pushinteger (L, lying);
  lua_pushinteger (L, readable_bytes (&mailbox));
  real_mailbox_free (&mailbox);
  return 2;
}

static const luaL_Reg FUNCTIONS[] = {
  { "worker_burst", worker_burst },
  { "mailbox_burst", mailbox_burst },
  { NULL, NULL },
};

void raft_probe_worker (lua_State *L) {
  luaL_setfuncs (L, FUNCTIONS, 0);
}
