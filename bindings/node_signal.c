/* SPDX-License-Identifier: MIT
**
** node_signal.c - signals while a node runs.
**
** Rule: SIGINT, SIGTERM and SIGHUP (unless nohup had it ignored) ask for an
**       end; a second one ends the process at once, as if nobody had asked
**       for it. A reader of the log that goes away (SIGPIPE) is no reason to
**       end: the log is lost, the member goes on.
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
#define SIGNALS 4

static struct sigaction signal_before[SIGNALS];

static const int signal_numbers[SIGNALS]
  = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

static void on_signal (int number) {
  int kept = errno;
  ssize_t ignored;
  if (signal_seen != 0) {
    (void)signal (number, SIG_DFL);
    (void)raise (number); /* comes when this handler has returned */
  }
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
  (void)sigemptyset (&action.sa_mask);
  for (int i = 0; i < SIGNALS; i++) {
    int number = signal_numbers[i];
    action.sa_handler = number == SIGPIPE ? SIG_IGN : on_signal;
    (void)sigaction (number, NULL, &signal_before[i]);
    if (number != SIGHUP || signal_before[i].sa_handler != SIG_IGN) {
      (void)sigaction (number, &action, NULL);
    }
  }
  return signal_pipe[0];
}

void binding_signals_restore (void) {
  for (int i = 0; i < SIGNALS; i++) {
    (void)sigaction (signal_numbers[i], &signal_before[i], NULL);
  }
  (void)close (signal_pipe[0]);
  (void)close (signal_pipe[1]);
  signal_taken = 0;
}

int binding_signals_seen (void) {
  return (int)signal_seen;
}
