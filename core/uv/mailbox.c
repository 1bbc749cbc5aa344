/* SPDX-License-Identifier: MIT
**
** mailbox.c - a ring, a phase and an answer under one lock. */

#include "uv/mailbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_flags (int descriptor) {
  int flags = fcntl (descriptor, F_GETFL);
  return flags >= 0 && fcntl (descriptor, F_SETFL, flags | O_NONBLOCK) == 0
             && fcntl (descriptor, F_SETFD, FD_CLOEXEC) == 0
           ? RAFT_OK
           : RAFT_ENOMEM;
}

static int init_pipe (struct real_mailbox *mailbox) {
  int *descriptors = mailbox->descriptors;
  if (pipe (descriptors) != 0) {
    return RAFT_ENOMEM;
  }
  if (set_flags (descriptors[0]) != RAFT_OK
      || set_flags (descriptors[1]) != RAFT_OK) {
    (void)close (descriptors[0]);
    (void)close (descriptors[1]);
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

int real_mailbox_init (struct real_mailbox *mailbox) {
  memset (mailbox, 0, sizeof *mailbox);
  raft_buffer_init (&mailbox->answer, &raft_memory_plain);
  mailbox->records = raft_allocate (
    &raft_memory_plain, REAL_RECORDS_MAX * sizeof *mailbox->records);
  if (mailbox->records == NULL) {
    return RAFT_ENOMEM;
  }
  if (init_pipe (mailbox) == RAFT_OK) {
    if (uv_mutex_init (&mailbox->mutex) == 0) {
      if (uv_cond_init (&mailbox->changed) == 0) {
        return RAFT_OK;
      }
      uv_mutex_destroy (&mailbox->mutex);
    }
    (void)close (mailbox->descriptors[0]);
    (void)close (mailbox->descriptors[1]);
  }
  raft_release (&raft_memory_plain, mailbox->records,
                REAL_RECORDS_MAX * sizeof *mailbox->records);
  return RAFT_ENOMEM;
}

void real_mailbox_free (struct real_mailbox *mailbox) {
  struct real_record record;
  while (real_mailbox_take (mailbox, &record)) {
    real_record_free (&record);
  }
  uv_cond_destroy (&mailbox->changed);
  uv_mutex_destroy (&mailbox->mutex);
  (void)close (mailbox->descriptors[0]);
  (void)close (mailbox->descriptors[1]);
  raft_release (&raft_memory_plain, mailbox->records,
                REAL_RECORDS_MAX * sizeof *mailbox->records);
  raft_buffer_free (&mailbox->answer);
}

/* ---- the descriptor ---------------------------------------------------- */

/* One byte lies in the pipe while there is something: never more than two. */
static void make_readable (struct real_mailbox *mailbox) {
  ssize_t ignored = write (mailbox->descriptors[1], "", 1);
  (void)ignored;
}

static void make_quiet (struct real_mailbox *mailbox) {
  char byte;
  ssize_t ignored = read (mailbox->descriptors[0], &byte, 1);
  (void)ignored;
}

/* ---- the engine's side -------------------------------------------------- */

/* Without memory a record comes without its text. */
void real_mailbox_put (struct real_mailbox *mailbox, raft_time wall,
                       const struct raft_trace *trace) {
  struct real_record record = { wall, *trace };
  uv_mutex_lock (&mailbox->mutex);
  if (mailbox->count == REAL_RECORDS_MAX) {
    mailbox->dropped++;
  } else {
    uint32_t at = (mailbox->first + mailbox->count) % REAL_RECORDS_MAX;
    record.trace.text = trace->text != NULL ? strdup (trace->text) : NULL;
    mailbox->records[at] = record;
    mailbox->count++;
    if (mailbox->count == 1) {
      make_readable (mailbox);
    }
  }
  uv_mutex_unlock (&mailbox->mutex);
}

void real_mailbox_set_phase (struct real_mailbox *mailbox,
                             enum real_phase phase, int status,
                             const struct raft_detail *detail) {
  uv_mutex_lock (&mailbox->mutex);
  mailbox->phase = phase;
  mailbox->was_open = mailbox->was_open || phase == REAL_OPEN;
  mailbox->status = status;
  if (detail != NULL) {
    mailbox->detail = *detail;
  }
  if (phase == REAL_ENDED) {
    make_readable (mailbox); /* and stays so */
  }
  uv_cond_broadcast (&mailbox->changed);
  uv_mutex_unlock (&mailbox->mutex);
}

void real_mailbox_answer (struct real_mailbox *mailbox, uint32_t call,
                          const uint8_t *data, size_t size) {
  uv_mutex_lock (&mailbox->mutex);
  if (call != 0 && call == mailbox->call) {
    mailbox->answer.size = 0;
    mailbox->call_status
      = raft_buffer_append (&mailbox->answer, data, size);
    mailbox->call = 0;
    uv_cond_broadcast (&mailbox->changed);
  }
  uv_mutex_unlock (&mailbox->mutex);
}

/* ---- the host's side ---------------------------------------------------- */

bool real_mailbox_take (struct real_mailbox *mailbox,
                        struct real_record *record) {
  bool is_there;
  uv_mutex_lock (&mailbox->mutex);
  is_there = mailbox->count > 0;
  if (is_there) {
    *record = mailbox->records[mailbox->first];
    mailbox->first = (mailbox->first + 1) % REAL_RECORDS_MAX;
    mailbox->count--;
    if (mailbox->count == 0) {
      make_quiet (mailbox);
    }
  }
  uv_mutex_unlock (&mailbox->mutex);
  return is_there;
}

void real_record_free (struct real_record *record) {
  free ((char *)(uintptr_t)record->trace.text);
  record->trace.text = NULL;
}

enum real_phase real_mailbox_phase (struct real_mailbox *mailbox,
                                    int *status,
                                    struct raft_detail *detail) {
  enum real_phase phase;
  uv_mutex_lock (&mailbox->mutex);
  phase = mailbox->phase;
  *status = mailbox->status;
  *detail = mailbox->detail;
  uv_mutex_unlock (&mailbox->mutex);
  return phase;
}

bool real_mailbox_await (struct real_mailbox *mailbox) {
  bool was_open;
  uv_mutex_lock (&mailbox->mutex);
  while (mailbox->phase == REAL_OPENING) {
    uv_cond_wait (&mailbox->changed, &mailbox->mutex);
  }
  was_open = mailbox->was_open;
  uv_mutex_unlock (&mailbox->mutex);
  return was_open;
}

uint32_t real_mailbox_call (struct real_mailbox *mailbox, uint32_t call) {
  uv_mutex_lock (&mailbox->mutex);
  mailbox->call = call;
  mailbox->call_status = RAFT_ETIMEOUT;
  uv_mutex_unlock (&mailbox->mutex);
  return call;
}

int real_mailbox_wait (struct real_mailbox *mailbox, raft_time bound_us,
                       struct raft_buffer *answer) {
  uint64_t until = uv_hrtime () + bound_us * 1000;
  int status;
  uv_mutex_lock (&mailbox->mutex);
  while (mailbox->call != 0 && mailbox->phase != REAL_ENDED
         && uv_hrtime () < until) {
    (void)uv_cond_timedwait (&mailbox->changed, &mailbox->mutex,
                             until - uv_hrtime ());
  }
  status = mailbox->call == 0            ? mailbox->call_status
           : mailbox->phase == REAL_ENDED ? RAFT_ECLOSED
                                          : RAFT_ETIMEOUT;
  mailbox->call = 0;
  if (status == RAFT_OK) {
    *answer = mailbox->answer;
    raft_buffer_init (&mailbox->answer, &raft_memory_plain);
  }
  uv_mutex_unlock (&mailbox->mutex);
  return status;
}
