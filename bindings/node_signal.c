/* SPDX-License-Identifier: MIT
**
** node_signal.c - SIGINT and SIGTERM while a node runs.
**
** Rule: the only state outside a struct: a signal handler has no argument. It
**       is used from binding_signals_take to _restore, by one run at a time;
**       the handlers of before come back. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "node.h"

static volatile sig_atomic_t signal_seen;
static volatile sig_atomic_t signal_taken; /* a run is under way */
static int signal_pipe[2];
static struct sigaction signal_before[2];

static const int signal_numbers[2] = { SIGINT, SIGTERM };

static void on_signal (int number) {
  int kept = errno;
  ssize_t ignored;
  signal_seen = number;
  ignored = write (signal_pipe[1], "", 1);
  (void)ignored;
  errno = kept;
}

int binding_signals_take (void) {
  struct sigaction action;
  if (signal_taken || pipe (signal_pipe) != 0) {
    return -1;
  }
  for (int i = 0; i < 2; i++) {
    (void)fcntl (signal_pipe[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl (signal_pipe[i], F_SETFL, O_NONBLOCK);
  }
  signal_taken = 1;
  signal_seen = 0;
  memset (&action, 0, sizeof action);
  action.sa_handler = on_signal;
  (void)sigemptyset (&action.sa_mask);
  for (int i = 0; i < 2; i++) {
    (void)sigaction (signal_numbers[i], &action, &signal_before[i]);
  }
  return signal_pipe[0];
}

void binding_signals_restore (void) {
  for (int i = 0; i < 2; i++) {
    (void)sigaction (signal_numbers[i], &signal_before[i], NULL);
  }
  (void)close (signal_pipe[0]);
  (void)close (signal_pipe[1]);
  signal_taken = 0;
}

int binding_signals_seen (void) {
  return (int)signal_seen;
}
