/* SPDX-License-Identifier: MIT
**
** wal.c - the log as a whole: opening, failing, closing, status. */

#include "wal/wal.h"

#include <string.h>

#include "base/panic.h"
#include "wal/inside.h"

raft_time wal_now (const struct wal *wal) {
  return wal->options.clock->now (wal->options.clock);
}

void wal_trace (const struct wal *wal, enum raft_trace_kind kind,
                const uint64_t *fields, size_t count) {
  struct raft_tracer *tracer = wal->options.tracer;
  struct raft_trace trace;
  if (tracer == NULL || (tracer->levels & raft_trace_level_of (kind)) == 0) {
    return;
  }
  memset (&trace, 0, sizeof trace);
  trace.time = wal_now (wal);
  trace.member = wal->options.member;
  trace.term = wal->contents.term;
  trace.kind = kind;
  memcpy (trace.fields, fields, count * sizeof *fields);
  tracer->emit (tracer, &trace);
}

void wal_say (const struct wal *wal, int status, const char *text,
              struct raft_detail *detail) {
  const char *place = wal->options.place;
  size_t size = place == NULL ? 0 : strlen (place);
  bool is_long = size > WAL_PLACE_SHOWN;
  struct raft_detail said;
  (void)raft_fail (&said, status, "%s", text); /* it may be in 'detail' */
  (void)raft_fail (detail, status, "%s%s%s%s", is_long ? "..." : "",
                   size == 0 ? ""
                   : is_long ? place + size - WAL_PLACE_SHOWN : place,
                   size == 0 ? "" : ": ", said.text);
}

void wal_fail (struct wal *wal, int status, const char *what,
               const char *name, uint64_t offset) {
  uint64_t fields[2] = { (uint64_t)(int64_t)status, offset };
  bool is_closing = wal->is_closing;
  if (wal->life == WAL_OPEN || wal->life == WAL_CLOSING) {
    wal->life = WAL_FAILED;
    wal_trace (wal, RAFT_TRACE_DISK, fields, 2);
    (void)raft_fail (&wal->detail, status, "%s: %s at offset %llu failed: %s",
                     name, what, (unsigned long long)offset,
                     raft_error_text (status));
    wal_say (wal, status, wal->detail.text, &wal->detail);
    wal->options.failed (wal->options.owner, status, &wal->detail);
  }
  if (is_closing) { /* else the owner may have freed the log */
    wal_maybe_close (wal);
  }
}

/* ---- opening ----------------------------------------------------------- */

int wal_open (struct wal **result, const struct wal_options *options) {
  struct wal *wal = raft_allocate_zeroed (options->memory, sizeof *wal);
  if (wal == NULL) {
    return RAFT_ENOMEM;
  }
  wal->options = *options;
  wal->memory = options->memory;
  wal->fs = options->fs;
  wal->bug = options->bug;
  wal->life = WAL_OPENING;
  wal_contents_init (&wal->contents, options->memory);
  wal_maker_init (&wal->maker, options->fs, options->bug);
  wal_reader_init (wal);
  wal->mark = wal_batch_new (options->memory);
  if (wal->mark == NULL || wal_batch_reserve (wal->mark, 0, 0) != RAFT_OK
      || wal_recovery_start (wal) != RAFT_OK) {
    wal_free (wal);
    return RAFT_ENOMEM;
  }
  *result = wal;
  return RAFT_OK;
}

void wal_free (struct wal *wal) {
  if (wal == NULL) {
    return;
  }
  wal_recovery_free (wal);
  wal_reader_free (wal);
  wal_writer_free (wal);
  wal_remover_free (wal);
  wal_contents_free (&wal->contents);
  raft_release (wal->memory, wal, sizeof *wal);
}

/* ---- closing ----------------------------------------------------------- */

static bool is_busy (const struct wal *wal) {
  return wal->recovery != NULL || wal->flying != NULL || wal->is_making
         || wal->is_removing || wal->reader.is_busy || wal->is_closing_file;
}

static struct wal_segment *next_to_close (struct wal *wal) {
  if (wal->current.number != 0) {
    return &wal->current;
  }
  if (wal->spare.number != 0) {
    return &wal->spare;
  }
  return wal->reader.opened.number != 0 ? &wal->reader.opened : NULL;
}

void wal_maybe_close (struct wal *wal) {
  struct wal_segment *segment;
  if (!wal->is_closing || is_busy (wal)
      || (wal->life == WAL_CLOSING && wal_writer_has_work (wal))) {
    return;
  }
  if (!wal->is_ending) {
    wal->is_ending = true;
    wal_reader_stop (wal);
  }
  wal->life = WAL_CLOSED;
  segment = next_to_close (wal);
  if (segment != NULL) {
    wal_close_segment (wal, segment);
  } else {
    wal->is_closing = false;
    wal->closed (wal->options.owner);
  }
}

void wal_close (struct wal *wal, void (*done) (void *owner)) {
  raft_assert (!wal->is_closing && wal->life != WAL_CLOSED);
  wal->closed = done;
  wal->is_closing = true;
  if (wal->life == WAL_OPEN) {
    wal->life = WAL_CLOSING;
  }
  wal_writer_turn (wal);
}

/* ---- looking in -------------------------------------------------------- */

void wal_get_status (const struct wal *wal, struct wal_status *status) {
  *status = wal->status;
  status->sync_started = wal->flying != NULL ? wal->sync_started : 0;
}
