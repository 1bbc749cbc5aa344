/* SPDX-License-Identifier: MIT
**
** propose.c - the proposals of one turn become events.
**
** What came in one turn of the world's loop is one event, as far as it fits
** one AppendEntries: then a single slow follower, or a leader that is near
** its limit, takes a part of it and not nothing. All entries of an event are
** encoded into one block, once. */

#include <stdio.h>
#include <string.h>

#include "replica/inside.h"

#define INTAKE_KEPT_BYTES (4 * RAFT_MIB) /* what one rare turn took beyond it
                                            is given back */

/* How many of the proposals from 'first' on make the next event. */
static size_t batch_size (const struct replica *replica, size_t first,
                          size_t *bytes) {
  const struct replica_calls *calls = &replica->calls;
  const struct raft_limits *limits = &replica->options.limits;
  size_t i;
  *bytes = 0;
  for (i = first; i < calls->proposal_count; i++) {
    size_t size = WIRE_ENTRY_HEAD + (size_t)calls->proposals[i].size;
    if (i > first && (*bytes + size > limits->append_bytes
                      || i - first >= limits->append_entries)) {
      break;
    }
    *bytes += size;
  }
  return i - first;
}

static int batch_reserve (struct replica *replica, size_t count,
                          size_t bytes) {
  int status = replica_reserve_entries (replica, count);
  if (status == RAFT_OK) {
    status = replica_cache_reserve (&replica->cache, count + 1);
  }
  if (status == RAFT_OK) {
    status = replica_calls_reserve (&replica->calls, count);
  }
  if (status == RAFT_OK) {
    replica->batch = raft_block_new (replica->memory, bytes);
    status = replica->batch != NULL ? RAFT_OK : RAFT_ENOMEM;
  }
  return status;
}

static int batch_step (struct replica *replica) {
  struct raft_event event;
  size_t i;
  for (i = 0; i < replica->batch_count; i++) {
    const struct replica_proposal *proposal
      = &replica->calls.proposals[replica->batch_first + i];
    struct raft_entry *entry = &replica->entries[i];
    entry->term = 0; /* the engine's */
    entry->time = 0; /* likewise */
    entry->checksum = proposal->checksum;
    entry->size = WIRE_ENTRY_HEAD + proposal->size;
    entry->kind = proposal->kind;
  }
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_PROPOSE;
  event.as.propose.entries = replica->entries;
  event.as.propose.count = (uint32_t)replica->batch_count;
  return replica_step (replica, &event);
}

static void add_words (char *text, size_t size, const char *what,
                       raft_id member) {
  size_t used = strlen (text);
  (void)snprintf (text + used, size - used, "%s %s %llu",
                  used == 0 ? "no majority can write an entry:" : ",", what,
                  (unsigned long long)member);
}

/* Whose disk is full, and who may be the other without whom it does not go. */
static void explain_full (const struct replica *replica, char *text,
                          size_t size) {
  struct raft_status status;
  text[0] = '\0';
  raft_get_status (replica->raft, &status);
  if (replica->disk_full_told) {
    add_words (text, size, "full is the disk of member",
               replica->identity.member);
  }
  for (uint32_t i = 0; i < status.member_count; i++) {
    if (status.members[i].disk_full) {
      add_words (text, size, "full is the disk of member",
                 status.members[i].id);
    }
  }
  for (uint32_t i = 0; i < status.member_count; i++) {
    if (status.members[i].silent && !status.members[i].disk_full) {
      add_words (text, size, "silent is member", status.members[i].id);
    }
  }
}

static void batch_refuse (struct replica *replica, int status) {
  char text[256];
  size_t i;
  text[0] = '\0';
  if (status == RAFT_EDISK_FULL) {
    explain_full (replica, text, sizeof text);
  }
  for (i = 0; i < replica->batch_count; i++) {
    replica_answer_error (
      replica, &replica->calls.proposals[replica->batch_first + i].caller,
      status, text[0] != '\0' ? text : NULL);
  }
}

void replica_flush_proposals (struct replica *replica) {
  struct replica_calls *calls = &replica->calls;
  while (calls->proposal_next < calls->proposal_count
         && replica->life == REPLICA_OPEN) {
    size_t first = calls->proposal_next, bytes;
    int status;
    replica->batch_first = first;
    replica->batch_count = batch_size (replica, first, &bytes);
    calls->proposal_next = first + replica->batch_count;
    status = batch_reserve (replica, replica->batch_count, bytes);
    if (status == RAFT_OK) {
      status = batch_step (replica);
    }
    if (status != RAFT_OK) {
      batch_refuse (replica, status);
    }
    raft_block_release (replica->batch);
    replica->batch = NULL;
  }
  calls->proposal_count = 0;
  calls->proposal_next = 0;
  calls->payloads.size = 0;
  if (calls->payloads.capacity > INTAKE_KEPT_BYTES) {
    raft_buffer_free (&calls->payloads);
  }
}
