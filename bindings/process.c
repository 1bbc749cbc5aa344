/* SPDX-License-Identifier: MIT
**
** process.c - the userdata raft.process: one process that was started here.
**
**   process_start { "lua5.4", "x.lua", log = "1.log", outlives = true }
**                          -> process; or nil, message, code
**   process:write (text)   -> whether its standard input took it
**   process:signal ("KILL" | "STOP" | "CONT" | "TERM")
**   process:ended (wait_us) -> nil: it runs; or "exit" | "signal", a number
**   process:pid ()   process:close ()
**   poll (fds, ready, wait_us) -> how many of them are readable: ready[1 …]
**                          are their places
**
** Rule: its standard input is one end of a socket pair, whose other end is
**       here: whatever becomes of this process, the other reads an end of
**       file. Unless it outlives, the kernel kills it then, too, where it can
**       (Linux): one that is stopped reads nothing.
** Rule: a group of its own, so that Ctrl-C is not for it; close and
**       collection kill it and wait for its end, unless it outlives. */

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/error.h"
#include "value.h"

#define PROCESS "raft.process"
#define WORDS_MAX 64
#define LOOK_NS 500000 /* between two looks at who is to end */
#define POLL_MAX 512

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)
#else
#define SEND_FLAGS MSG_DONTWAIT
#endif

struct process_box {
  pid_t pid;       /* 0: none, or it has been waited for */
  int input;       /* descriptor; -1: closed */
  bool outlives;   /* it is left alone */
  int status;      /* of waitpid */
};

/* What a child is made of. */
struct process_plan {
  char *words[WORDS_MAX + 1];
  const char *log; /* NULL: as this process */
  bool outlives;
  int input[2];    /* ours, its */
  int failure[2];  /* from it: why it could not begin */
  pid_t parent;
};

static struct process_box *check_process (lua_State *L) {
  return luaL_checkudata (L, 1, PROCESS);
}

/* ---- in the child ------------------------------------------------------ */

static void reset_signals (void) {
  sigset_t none;
  (void)sigemptyset (&none);
  (void)sigprocmask (SIG_SETMASK, &none, NULL);
  (void)signal (SIGPIPE, SIG_DFL);
  (void)signal (SIGINT, SIG_DFL);
}

/* Only what is safe between fork and exec. */
static void become (const struct process_plan *plan) {
  int reason;
  (void)setpgid (0, 0);
  reset_signals ();
#ifdef __linux__
  if (!plan->outlives) {
    (void)prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () != plan->parent) {
      _exit (127);
    }
  }
#endif
  if (dup2 (plan->input[1], STDIN_FILENO) >= 0) {
    int log = plan->log != NULL
                ? open (plan->log, O_WRONLY | O_CREAT | O_APPEND, 0666)
                : -1;
    if (plan->log == NULL
        || (log >= 0 && dup2 (log, STDOUT_FILENO) >= 0
            && dup2 (log, STDERR_FILENO) >= 0)) {
      (void)execvp (plan->words[0], plan->words);
    }
  }
  reason = errno;
  if (write (plan->failure[1], &reason, sizeof reason) < 0) {
    _exit (126);
  }
  _exit (127);
}

/* ---- starting ---------------------------------------------------------- */

static void close_pair (int *pair) {
  for (int i = 0; i < 2; i++) {
    if (pair[i] >= 0) {
      (void)close (pair[i]);
      pair[i] = -1;
    }
  }
}

static int never_inherited (int *pair) {
  return fcntl (pair[0], F_SETFD, FD_CLOEXEC) == 0
             && fcntl (pair[1], F_SETFD, FD_CLOEXEC) == 0
           ? 0
           : -1;
}

/* 0, or the number of an error. */
static int start (struct process_box *box, struct process_plan *plan) {
  int reason = 0;
  plan->parent = getpid ();
  if (socketpair (AF_UNIX, SOCK_STREAM, 0, plan->input) != 0
      || pipe (plan->failure) != 0 || never_inherited (plan->input) != 0
      || never_inherited (plan->failure) != 0) {
    return errno;
  }
  box->pid = fork ();
  if (box->pid < 0) {
    box->pid = 0;
    return errno;
  }
  if (box->pid == 0) {
    become (plan);
  }
  (void)close (plan->failure[1]);
  plan->failure[1] = -1;
  while (read (plan->failure[0], &reason, sizeof reason) < 0
         && errno == EINTR) {
  }
  if (reason == 0) {
    box->input = plan->input[0];
    plan->input[0] = -1;
  }
  return reason;
}

static struct process_box *push_box (lua_State *L) {
  struct process_box *box = lua_newuserdata (L, sizeof *box);
  memset (box, 0, sizeof *box);
  box->input = -1;
  luaL_getmetatable (L, PROCESS);
  lua_setmetatable (L, -2);
  return box;
}

/* The strings belong to the table at 1. */
static void read_plan (lua_State *L, struct process_plan *plan) {
  size_t count = lua_rawlen (L, 1);
  memset (plan, 0, sizeof *plan);
  plan->input[0] = plan->input[1] = -1;
  plan->failure[0] = plan->failure[1] = -1;
  luaL_argcheck (L, count >= 1 && count <= WORDS_MAX, 1,
                 "expected 1 to 64 words");
  luaL_checkstack (L, (int)count + 8, "raft.process");
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti (L, 1, (int)i + 1);
    plan->words[i] = (char *)(uintptr_t)luaL_checkstring (L, -1);
  }
  lua_getfield (L, 1, "log");
  plan->log = lua_tostring (L, -1);
  lua_getfield (L, 1, "outlives");
  plan->outlives = lua_toboolean (L, -1) != 0;
}

static int process_start (lua_State *L) {
  struct process_plan plan;
  struct raft_detail detail;
  struct process_box *box;
  int reason;
  luaL_checktype (L, 1, LUA_TTABLE);
  read_plan (L, &plan);
  box = push_box (L);
  box->outlives = plan.outlives;
  reason = start (box, &plan);
  close_pair (plan.input);
  close_pair (plan.failure);
  if (reason != 0) {
    (void)raft_fail (&detail, RAFT_EIO, "cannot start %s: %s", plan.words[0],
                     strerror (reason));
    return binding_push_failure (L, RAFT_EIO, &detail);
  }
  return 1;
}

/* ---- a process --------------------------------------------------------- */

static int process_write (lua_State *L) {
  struct process_box *box = check_process (L);
  size_t size;
  const char *text = luaL_checklstring (L, 2, &size);
  ssize_t sent = box->input < 0 ? -1
                                : send (box->input, text, size, SEND_FLAGS);
  lua_pushboolean (L, sent == (ssize_t)size);
  return 1;
}

static void look (struct process_box *box) {
  pid_t found;
  if (box->pid == 0) {
    return;
  }
  do {
    found = waitpid (box->pid, &box->status, WNOHANG);
  } while (found < 0 && errno == EINTR);
  if (found != 0) {
    box->pid = 0;
  }
}

static void wait_for (struct process_box *box, lua_Number wait_us) {
  struct timespec pause = { 0, LOOK_NS };
  lua_Number waited = 0;
  look (box);
  while (box->pid != 0 && waited < wait_us) {
    (void)nanosleep (&pause, NULL);
    waited += LOOK_NS / 1000;
    look (box);
  }
}

static int process_ended (lua_State *L) {
  struct process_box *box = check_process (L);
  wait_for (box, luaL_optnumber (L, 2, 0));
  if (box->pid != 0) {
    lua_pushnil (L);
    return 1;
  }
  if (WIFSIGNALED (box->status)) {
    lua_pushliteral (L, "signal");
    lua_pushinteger (L, WTERMSIG (box->status));
  } else {
    lua_pushliteral (L, "exit");
    lua_pushinteger (L, WEXITSTATUS (box->status));
  }
  return 2;
}

static int process_signal (lua_State *L) {
  static const char *const words[] = { "KILL", "STOP", "CONT", "TERM", NULL };
  static const int numbers[] = { SIGKILL, SIGSTOP, SIGCONT, SIGTERM };
  struct process_box *box = check_process (L);
  int number = numbers[luaL_checkoption (L, 2, NULL, words)];
  lua_pushboolean (L, box->pid != 0 && kill (box->pid, number) == 0);
  return 1;
}

static int process_pid (lua_State *L) {
  lua_pushinteger (L, (lua_Integer)check_process (L)->pid);
  return 1;
}

static int process_close (lua_State *L) {
  struct process_box *box = check_process (L);
  if (box->pid != 0 && !box->outlives) {
    (void)kill (box->pid, SIGKILL);
    while (waitpid (box->pid, &box->status, 0) < 0 && errno == EINTR) {
    }
    box->pid = 0;
  }
  if (box->input >= 0) {
    (void)close (box->input);
    box->input = -1;
  }
  return 0;
}

/* ---- waiting for descriptors ------------------------------------------- */

static int process_poll (lua_State *L) {
  struct pollfd polled[POLL_MAX];
  lua_Number wait_us = luaL_checknumber (L, 3);
  size_t count;
  int found;
  int place = 0;
  luaL_checktype (L, 1, LUA_TTABLE);
  luaL_checktype (L, 2, LUA_TTABLE);
  count = lua_rawlen (L, 1);
  luaL_argcheck (L, count <= POLL_MAX, 1, "expected at most 512");
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti (L, 1, (int)i + 1);
    polled[i].fd = (int)lua_tointeger (L, -1);
    polled[i].events = POLLIN;
    polled[i].revents = 0;
    lua_pop (L, 1);
  }
  found = poll (polled, (nfds_t)count, (int)((wait_us + 999) / 1000));
  for (size_t i = 0; found > 0 && i < count; i++) {
    if (polled[i].revents != 0) {
      lua_pushinteger (L, (lua_Integer)i + 1);
      lua_rawseti (L, 2, ++place);
    }
  }
  lua_pushinteger (L, place);
  return 1;
}

static const luaL_Reg METHODS[] = {
  { "close", process_close },   { "ended", process_ended },
  { "pid", process_pid },       { "signal", process_signal },
  { "write", process_write },
  { NULL, NULL },
};

void binding_process_open (lua_State *L) {
  if (luaL_newmetatable (L, PROCESS)) {
    luaL_newlib (L, METHODS);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, process_close);
    lua_setfield (L, -2, "__gc");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, process_start);
  lua_setfield (L, -2, "process_start");
  lua_pushcfunction (L, process_poll);
  lua_setfield (L, -2, "poll");
}
