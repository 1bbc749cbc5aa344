/* SPDX-License-Identifier: MIT
**
** probe_machine_desk.c - the machine of the desk: it counts. */

#include "probe_machine_desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "compat.h"
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
    case MACHINE_SNAPSHOT:
    case MACHINE_PULL:
    case MACHINE_RESTORE:
    case MACHINE_PUSH:
    case MACHINE_RESTORED:
      request->status = RAFT_ENO_METHOD;
      break;
    case MACHINE_DROP:
    case MACHINE_CLOSE:
      break;
  }
}
