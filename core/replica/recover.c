/* SPDX-License-Identifier: MIT
**
** recover.c - a recovery's life, and what is new in the new directory: its
** identity, its configuration and entry 1.
**
** Rule: it is made and written as any directory is (wal.h), but for its mark:
**       what starts from it when that is gone needs to know nothing of this. */

#include "replica/recover.h"

#include <string.h>

#include "base/panic.h"
#include "replica/recover_task.h"

void rescue_fail (struct rescue *rescue, int status,
                  const struct raft_detail *detail) {
  raft_assert (status != RAFT_OK);
  if (rescue->status == RAFT_OK) {
    rescue->status = status;
    rescue->detail = *detail;
  }
}

void rescue_fail_plainly (struct rescue *rescue, int status) {
  struct raft_detail why;
  (void)raft_fail (&why, status, "%s", raft_error_text (status));
  rescue_fail (rescue, status, &why);
}

/* ---- the end ----------------------------------------------------------- */

void replica_recover_free (struct rescue *rescue) {
  if (rescue == NULL) {
    return;
  }
  raft_buffer_free (&rescue->names);
  raft_buffer_free (&rescue->bytes);
  replica_meta_reader_free (&rescue->decoding);
  raft_buffer_free (&rescue->image);
  wal_snapshot_reader_free (&rescue->reader);
  wal_snapshot_writer_free (&rescue->writer);
  replica_meta_free (&rescue->meta);
  replica_session_table_free (&rescue->like);
  raft_slice_release (&rescue->first);
  wal_survey_free (&rescue->survey);
  wal_free (rescue->wal);
  raft_release (rescue->options.memory, rescue, sizeof *rescue);
}

void rescue_end (struct rescue *rescue) {
  const struct replica_recover_options *options = &rescue->options;
  options->done (options->owner, rescue->status,
                 rescue->status == RAFT_OK ? &rescue->survivor : NULL,
                 &rescue->detail);
}

/* ---- making ------------------------------------------------------------ */

static void on_made (void *owner, int status,
                     const struct raft_detail *detail) {
  struct rescue *rescue = owner;
  if (status != RAFT_OK) {
    rescue_fail (rescue, status, detail);
    rescue_end (rescue);
  } else {
    rescue_open_log (rescue);
  }
}

/* Below 2^53, so that every Lua can show it, and never 0. */
static uint64_t draw (struct rescue *rescue) {
  struct port_clock *clock = rescue->options.clock;
  uint64_t drawn = clock->random (clock) >> 11;
  return drawn != 0 ? drawn : 1;
}

/* The same name and leases, and ids that were used remain so. */
static int make_configuration (struct rescue *rescue) {
  const struct replica_survivor *survivor = &rescue->survivor;
  const struct wire_configuration *old = &survivor->configuration;
  const struct wire_member *self
    = wire_configuration_find (old, survivor->identity.member);
  struct wire_configuration *value = &rescue->value;
  struct raft_detail why;
  if (self == NULL) {
    rescue_fail (rescue,
                 raft_fail (&why, RAFT_ENOT_FOUND, "expected a member of its "
                            "own configuration, that of entry %llu; member "
                            "%llu is none",
                            (unsigned long long)survivor->configuration_index,
                            (unsigned long long)survivor->identity.member),
                 &why);
    return RAFT_ENOT_FOUND;
  }
  memcpy (value->name, old->name, sizeof value->name);
  value->lease_us = old->lease_us;
  value->drift_ppm = old->drift_ppm;
  value->used = old->used;
  value->recovered = draw (rescue);
  value->member_count = 1;
  value->members[0] = *self;
  value->members[0].roles = WIRE_VOTER;
  value->members[0].priority = RAFT_PRIORITY_DEFAULT;
  return RAFT_OK;
}

static int make_first (struct rescue *rescue) {
  struct raft_memory *memory = rescue->options.memory;
  struct raft_detail why = { "" };
  struct raft_buffer bytes;
  int status;
  raft_buffer_init (&bytes, memory);
  status = wire_first_entry (&bytes, 0, &rescue->value,
                             &rescue->identity.cluster, &why);
  if (status == RAFT_OK) {
    status = raft_slice_copy (memory, bytes.data, bytes.size,
                              &rescue->first);
  }
  raft_buffer_free (&bytes);
  rescue->identity.member = rescue->survivor.identity.member;
  rescue->identity.incarnation = draw (rescue);
  return status;
}

void rescue_looked (struct rescue *rescue) {
  struct wal_options options;
  int status = rescue->status;
  if (status != RAFT_OK || rescue->options.into == NULL
      || make_configuration (rescue) != RAFT_OK) {
    rescue_end (rescue);
    return;
  }
  status = make_first (rescue);
  if (status == RAFT_OK) {
    rescue_log_options (rescue, &options);
    status = wal_init (&options, &rescue->identity, rescue->first, on_made);
  }
  if (status != RAFT_OK) {
    rescue_fail_plainly (rescue, status);
    rescue_end (rescue);
  }
}

/* ---- the face ---------------------------------------------------------- */

int replica_recover (struct rescue **made,
                     const struct replica_recover_options *options) {
  struct session_bounds bounds = replica_session_bounds (&options->limits);
  struct rescue *rescue
    = raft_allocate_zeroed (options->memory, sizeof *rescue);
  if (rescue == NULL) {
    return RAFT_ENOMEM;
  }
  rescue->options = *options;
  raft_buffer_init (&rescue->names, &raft_memory_plain);
  raft_buffer_init (&rescue->bytes, &raft_memory_plain);
  replica_meta_reader_init (&rescue->decoding, options->memory);
  raft_buffer_init (&rescue->image, options->memory);
  raft_buffer_init (&rescue->reader.bytes, &raft_memory_plain);
  raft_buffer_init (&rescue->writer.buffer, &raft_memory_plain);
  wal_survey_init (&rescue->survey, options->memory);
  replica_session_table_init (&rescue->like, options->memory, &bounds,
                              RAFT_BUG_NONE);
  replica_meta_init (&rescue->meta);
  *made = rescue;
  rescue_look (rescue);
  return RAFT_OK;
}
