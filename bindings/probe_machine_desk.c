/* SPDX-License-Identifier: MIT
**
** probe_machine_desk.c - the machine of the desk: it counts. */

#include "probe_machine_desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/panic.h"
#include "compat.h"
#include "field.h"
#include "wire/value.h"

void raft_probe_machine_desk (lua_State *L);

void raft_probe_machine_desk (lua_State *L) {
  (void)L; /* its face is probe_replica.c */
}

void desk_machine_forget (struct desk_member *member) {
  size_t i;
  for (i = 0; i < member->applied_count; i++) {
    free (member->applied[i].payload);
  }
  member->applied_count = 0;
}

static void remember (struct desk_member *member,
                      const struct machine_entry *entry) {
  struct desk_applied *applied;
  if (member->applied_count == member->applied_capacity) {
    member->applied_capacity = member->applied_capacity * 2 + 64;
    member->applied = realloc (member->applied, member->applied_capacity
                                                  * sizeof *applied);
    raft_assert (member->applied != NULL);
  }
  applied = &member->applied[member->applied_count++];
  applied->index = entry->index;
  applied->size = entry->payload_size;
  applied->payload = malloc (entry->payload_size + 1);
  raft_assert (applied->payload != NULL);
  memcpy (applied->payload, entry->payload, entry->payload_size);
}

/* Whether the value is a string that begins with 'word'. */
static bool says (const uint8_t *data, size_t size, const char *word,
                  struct wire_value *value) {
  struct wire_cursor cursor = { data, size, 0 };
  return wire_cursor_next (&cursor, value) == RAFT_OK
         && value->type == WIRE_STRING && value->count >= strlen (word)
         && memcmp (value->data, word, strlen (word)) == 0;
}

static void put_big (struct raft_buffer *out, uint32_t bytes) {
  uint8_t *filler = malloc (bytes);
  raft_assert (filler != NULL);
  memset (filler, 'b', bytes);
  (void)wire_value_string (out, filler, bytes);
  free (filler);
}

static void answer_one (struct desk_member *member,
                        const struct machine_entry *entry, bool is_apply,
                        struct raft_buffer *out,
                        struct machine_result *result) {
  struct wire_value value;
  uint64_t count = member->applied_count;
  result->status = RAFT_OK;
  result->offset = out->size;
  if (says (entry->payload, entry->payload_size, "fail", &value)) {
    result->status = RAFT_EAPPLY_FAILED;
    (void)wire_value_string (out, value.data, value.count);
  } else if (is_apply
             && says (entry->payload, entry->payload_size, "big", &value)) {
    put_big (out, value.count * 1000);
  } else {
    if (is_apply && member->skew_from != 0
        && entry->index >= member->skew_from) {
      count += 1000000;
    }
    (void)wire_value_unsigned (out, count);
  }
  result->size = out->size - result->offset;
}

static void perform_apply (struct desk_member *member,
                           struct machine_request *request) {
  size_t i;
  request->status = member->machine_fails;
  for (i = 0; i < request->entry_count && request->status == RAFT_OK; i++) {
    remember (member, &request->entries[i]);
    answer_one (member, &request->entries[i], true, &request->bytes,
                &request->results[i]);
  }
}

static uint64_t state_hash (const struct desk_member *member) {
  uint64_t hash = 0;
  size_t i;
  for (i = 0; i < member->applied_count; i++) {
    hash = raft_checksum (member->applied[i].payload,
                          member->applied[i].size, raft_mix (hash + 1));
  }
  return hash;
}

/* ---- snapshots: index, size, command; each number has 8 bytes ---------- */

#define IMAGE_PIECE ((size_t)100) /* bytes: a short state has several */

static void take_image (struct desk_member *member) {
  member->image.size = 0;
  member->image_at = 0;
  for (size_t i = 0; i < member->applied_count; i++) {
    const struct desk_applied *applied = &member->applied[i];
    uint8_t head[16];
    raft_store_u64 (head, applied->index);
    raft_store_u64 (head + 8, applied->size);
    (void)raft_buffer_append (&member->image, head, sizeof head);
    (void)raft_buffer_append (&member->image, applied->payload,
                              applied->size);
  }
}

static void pull_piece (struct desk_member *member,
                        struct machine_request *request) {
  size_t left = member->image.size - member->image_at;
  size_t size = left < IMAGE_PIECE ? left : IMAGE_PIECE;
  if (member->pull_fails_in == 1) {
    request->status = RAFT_EAPPLY_FAILED;
  }
  member->pull_fails_in -= member->pull_fails_in > 0;
  (void)raft_buffer_append (&request->bytes,
                            member->image.data + member->image_at, size);
  member->image_at += size;
}

static void put_image (struct desk_member *member) {
  const uint8_t *at = member->image.data;
  const uint8_t *end = at + member->image.size;
  while (member->image.size > 0 && at < end) {
    struct machine_entry entry = { 0 };
    entry.index = raft_load_u64 (at);
    entry.payload_size = (size_t)raft_load_u64 (at + 8);
    entry.payload = at + 16;
    at += 16 + entry.payload_size;
    remember (member, &entry);
  }
}

static void perform_image (struct desk_member *member,
                           struct machine_request *request) {
  if (member->machine_bare) {
    request->status = RAFT_ENO_METHOD;
    return;
  }
  switch (request->operation) {
    case MACHINE_SNAPSHOT: take_image (member); break;
    case MACHINE_PULL: pull_piece (member, request); break;
    case MACHINE_PUSH:
      (void)raft_buffer_append (&member->image, request->entries[0].payload,
                                request->entries[0].payload_size);
      break;
    case MACHINE_RESTORED: put_image (member); break;
    default:
      if (request->operation == MACHINE_RESTORE) {
        desk_machine_forget (member);
      }
      member->image.size = 0;
      break;
  }
}

int desk_snapshot (struct desk *desk, raft_id id) {
  struct desk_member *member = &desk->members[id];
  struct raft_guard guard;
  volatile int status = RAFT_ECLOSED;
  if (member->state == DESK_UP) {
    DESK_CALL (desk, guard, status = replica_snapshot (member->replica));
    desk_settle (desk);
  }
  return status;
}

void desk_machine_perform (struct desk_member *member,
                           struct machine_request *request) {
  request->status = RAFT_OK;
  switch (request->operation) {
    case MACHINE_OPEN:
      request->held_index = 0;
      if (member->machine_keeps && member->applied_count > 0) {
        request->held_index
          = member->applied[member->applied_count - 1].index;
      }
      request->hash = 7;
      memcpy (request->vm, member->vm, sizeof request->vm);
      break;
    case MACHINE_APPLY:
      perform_apply (member, request);
      break;
    case MACHINE_QUERY:
      answer_one (member, &request->entries[0], false, &request->bytes,
                  &request->results[0]);
      break;
    case MACHINE_DIGEST:
      request->hash = state_hash (member);
      break;
    case MACHINE_CLOSE:
      break;
    default:
      perform_image (member, request);
      break;
  }
}

int desk_status_push (lua_State *L, const struct desk_member *member) {
  static const char *const roles[]
    = { "", "follower", "pre_candidate", "candidate", "leader" };
  struct replica_status status;
  if (member->replica == NULL) {
    return 0;
  }
  replica_get_status (member->replica, &status);
  lua_newtable (L);
  field_set_string (L, "role", roles[status.raft.role]);
  field_set_number (L, "term", status.raft.term);
  field_set_number (L, "vote", status.raft.vote);
  field_set_number (L, "leader", status.raft.leader);
  field_set_number (L, "commit", status.raft.commit);
  field_set_number (L, "applied", status.applied);
  field_set_number (L, "last", status.raft.last);
  field_set_number (L, "stable", status.raft.stable);
  field_set_number (L, "first_cached", status.raft.first_cached);
  field_set_number (L, "sessions", status.sessions);
  field_set_number (L, "session_bytes", status.session_bytes);
  field_set_number (L, "pending_proposals", status.pending_proposals);
  field_set_number (L, "pending_reads", status.pending_reads);
  field_set_number (L, "compared", status.hash_index);
  field_set_number (L, "base", status.raft.base);
  field_set_number (L, "snapshot", status.snapshot);
  field_set_number (L, "blocks_sent", member->blocks);
  field_set_number (L, "snapshots_taken", status.snapshots_taken);
  field_set_boolean (L, "stalled", status.stalled);
  field_set_number (L, "syncs", status.wal.syncs);
  field_push_hex (L, status.result_hash);
  lua_setfield (L, -2, "result_hash");
  return 1;
}
