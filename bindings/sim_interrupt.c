/* SPDX-License-Identifier: MIT
**
** sim_interrupt.c - Ctrl-C while the command simulates.
**
** Holds: a flag. Interpreters have a way of their own, a hook on one thread,
**        which those of scenarios replace: so it is asked for between events.
** Rule:  the only state outside a struct: a signal handler has no argument.
**        Who asks impatiently ends the process at once; but two signals are
**        one wish, for whoever signals a process and its group sends two. The
**        handler of before comes back. */

#include <signal.h>
#include <string.h>

#include "sim.h"

#define IMPATIENT 3 /* signals */

static volatile sig_atomic_t interrupted;
static bool has_others; /* SIGTERM and SIGHUP are noted, too */
static struct sigaction before;
static struct sigaction before_term;
static struct sigaction before_hup;

static void on_interrupt (int number) {
  interrupted = interrupted + 1;
  if (interrupted >= IMPATIENT) {
    (void)signal (number, SIG_DFL);
    (void)raise (number); /* comes when this handler has returned */
  }
}

/* No SA_RESTART: a read of another process's answer ends, too. */
int binding_sim_interrupt (lua_State *L) {
  struct sigaction action;
  if (!lua_toboolean (L, 1)) {
    (void)sigaction (SIGINT, &before, NULL);
    interrupted = 0;
    if (has_others) {
      (void)sigaction (SIGTERM, &before_term, NULL);
      (void)sigaction (SIGHUP, &before_hup, NULL);
      has_others = false;
    }
    return 0;
  }
  memset (&action, 0, sizeof action);
  (void)sigemptyset (&action.sa_mask);
  action.sa_handler = on_interrupt;
  interrupted = 0;
  (void)sigaction (SIGINT, &action, &before);
  has_others = lua_toboolean (L, 2) != 0;
  if (has_others) {
    (void)sigaction (SIGTERM, &action, &before_term);
    (void)sigaction (SIGHUP, &action, &before_hup);
  }
  return 0;
}

bool binding_sim_is_interrupted (void) {
  return interrupted != 0;
}

int binding_sim_interrupted (lua_State *L) {
  lua_pushboolean (L, binding_sim_is_interrupted ());
  return 1;
}
