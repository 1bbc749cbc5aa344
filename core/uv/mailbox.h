/* SPDX-License-Identifier: MIT
**
** mailbox.h - from the engine's thread to the host's.
**
** Holds:     trace records in order, the phase the member is in, the answer
**            to the host's own call; one lock over all of it.
** Invariant: the descriptor is readable exactly while there is a record to
**            take, or the member has ended.
** Rule:      past the limit a record is counted and dropped, never waited
**            for. No assertion is made while the lock is held. */

#ifndef RAFT_UV_MAILBOX_H
#define RAFT_UV_MAILBOX_H

#include <uv.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/trace.h"

#define REAL_RECORDS_MAX 4096 /* records that the host has not taken */

enum real_phase {
  REAL_OPENING, /* recovering, then listening */
  REAL_OPEN,
  REAL_ENDED    /* nothing runs any more */
};

struct real_record {
  raft_time wall;          /* microseconds since 1970 */
  struct raft_trace trace; /* its text is a copy: freed by who took it */
};

struct real_mailbox {
  uv_mutex_t mutex;
  uv_cond_t changed;       /* the phase or the call */
  int descriptors[2];      /* a pipe: to read, to write */
  struct real_record *records; /* a ring of REAL_RECORDS_MAX */
  uint32_t first;
  uint32_t count;
  uint64_t dropped;        /* records, ever */
  enum real_phase phase;
  bool was_open;
  int status;              /* why it ended; 0: it was asked to */
  struct raft_detail detail;
  /* The host's call: one at a time. */
  uint32_t call;           /* its number; 0: none is waited for */
  int call_status;
  struct raft_buffer answer; /* plain */
};

RAFT_HIDDEN_BEGIN

/* Errors: RAFT_ENOMEM (no memory, or no descriptors). */
int real_mailbox_init (struct real_mailbox *mailbox);
void real_mailbox_free (struct real_mailbox *mailbox);

/* ---- the engine's side -------------------------------------------------- */
void real_mailbox_put (struct real_mailbox *mailbox, raft_time wall,
                       const struct raft_trace *trace);
/* detail NULL: nothing to say. */
void real_mailbox_set_phase (struct real_mailbox *mailbox,
                             enum real_phase phase, int status,
                             const struct raft_detail *detail);
/* The answer to call number 'call'; ignored when nobody waits for it. */
void real_mailbox_answer (struct real_mailbox *mailbox, uint32_t call,
                          const uint8_t *data, size_t size);

/* ---- the host's side ---------------------------------------------------- */
/* False: there is none. */
bool real_mailbox_take (struct real_mailbox *mailbox,
                        struct real_record *record);
void real_record_free (struct real_record *record);
enum real_phase real_mailbox_phase (struct real_mailbox *mailbox,
                                    int *status, struct raft_detail *detail);
/* Waits until the member has opened, or failed to. Returns which: one that has
** ended since was open, and what it told is to be taken. */
bool real_mailbox_await (struct real_mailbox *mailbox);
/* The number of a new call. */
uint32_t real_mailbox_call (struct real_mailbox *mailbox, uint32_t call);
/* Waits for its answer; the bytes become the caller's ('answer' is plain and
** empty). Errors: RAFT_ECLOSED, RAFT_ETIMEOUT, RAFT_ENOMEM. */
int real_mailbox_wait (struct real_mailbox *mailbox, raft_time bound_us,
                       struct raft_buffer *answer);

RAFT_HIDDEN_END

#endif
