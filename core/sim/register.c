/* SPDX-License-Identifier: MIT
**
** register.c - registers by key, each with the index that wrote it.
**
** Holds:     an open table, linear probing, keys and values as the encoded
**            bytes that came.
** Invariant: the digest depends on the contents and not on the order in
**            which keys came. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"
#include "sim/machine.h"
#include "wire/value.h"

#define IMAGE_PIECE ((size_t)128) /* bytes */

struct slot {
  uint8_t *key;
  size_t key_size;
  uint8_t *value;
  size_t value_size;
  raft_index version; /* 0: the slot is free */
};

struct registers {
  struct machine machine;
  struct slot *slots;
  size_t capacity; /* a power of two */
  size_t count;
  struct raft_buffer image; /* plain: pulled from, or pushed to */
  size_t image_at;
};

/* ---- the table --------------------------------------------------------- */

static struct slot *find (struct registers *all, const uint8_t *key,
                          size_t size) {
  size_t at = (size_t)raft_checksum (key, size, 0) & (all->capacity - 1);
  while (all->slots[at].version != 0
         && (all->slots[at].key_size != size
             || memcmp (all->slots[at].key, key, size) != 0)) {
    at = (at + 1) & (all->capacity - 1);
  }
  return &all->slots[at];
}

static int grow (struct registers *all) {
  struct registers larger = *all;
  if (all->count * 2 < all->capacity) {
    return RAFT_OK;
  }
  larger.capacity = all->capacity == 0 ? 16 : all->capacity * 2;
  larger.slots = calloc (larger.capacity, sizeof *larger.slots);
  if (larger.slots == NULL) {
    return RAFT_ENOMEM;
  }
  for (size_t i = 0; i < all->capacity; i++) {
    if (all->slots[i].version != 0) {
      *find (&larger, all->slots[i].key, all->slots[i].key_size)
        = all->slots[i];
    }
  }
  free (all->slots);
  all->slots = larger.slots;
  all->capacity = larger.capacity;
  return RAFT_OK;
}

static int assign (uint8_t **to, size_t *to_size, const uint8_t *data,
                   size_t size) {
  uint8_t *bytes = size <= *to_size ? *to : realloc (*to, size);
  if (bytes == NULL) {
    return RAFT_ENOMEM;
  }
  memcpy (bytes, data, size);
  *to = bytes;
  *to_size = size;
  return RAFT_OK;
}

/* ---- commands ---------------------------------------------------------- */

static bool is_word (const struct wire_value *value, const char *word) {
  return value->type == WIRE_STRING && value->count == 3
         && memcmp (value->data, word, 3) == 0;
}

int sim_command_parse (const uint8_t *data, size_t size,
                       struct sim_command *command) {
  struct wire_cursor cursor = { data, size, 0 };
  struct wire_value head;
  struct wire_value word;
  size_t at;
  if (wire_cursor_next (&cursor, &head) != RAFT_OK
      || head.type != WIRE_ARRAY || head.count < 2
      || wire_cursor_next (&cursor, &word) != RAFT_OK) {
    return RAFT_EINVALID;
  }
  command->is_set = is_word (&word, "set") && head.count >= 3;
  if (!command->is_set && !is_word (&word, "get")) {
    return RAFT_EINVALID;
  }
  at = cursor.at;
  if (wire_cursor_skip (&cursor) != RAFT_OK) {
    return RAFT_EINVALID;
  }
  command->key = (struct wire_view){ data + at, cursor.at - at };
  at = cursor.at;
  if (command->is_set && wire_cursor_skip (&cursor) != RAFT_OK) {
    return RAFT_EINVALID;
  }
  command->value = (struct wire_view){ data + at, cursor.at - at };
  return RAFT_OK;
}

static int set (struct registers *all, const struct machine_entry *entry,
                const struct sim_command *command, struct raft_buffer *out) {
  struct slot *slot;
  int status = grow (all);
  if (status != RAFT_OK) {
    return status;
  }
  slot = find (all, command->key.data, command->key.size);
  if (slot->version == 0) {
    status = assign (&slot->key, &slot->key_size, command->key.data,
                     command->key.size);
  }
  if (status == RAFT_OK) {
    status = assign (&slot->value, &slot->value_size, command->value.data,
                     command->value.size);
  }
  if (status == RAFT_OK) {
    all->count += slot->version == 0;
    slot->version = entry->index;
    status = wire_value_unsigned (out, entry->index);
  }
  return status;
}

static int get (struct registers *all, const struct sim_command *command,
                struct raft_buffer *out) {
  const struct slot *slot = NULL;
  int status = wire_value_array (out, 2);
  if (all->capacity > 0) {
    slot = find (all, command->key.data, command->key.size);
  }
  if (status == RAFT_OK) {
    status = slot == NULL || slot->version == 0
               ? wire_value_nil (out)
               : raft_buffer_append (out, slot->value, slot->value_size);
  }
  if (status == RAFT_OK) {
    status = wire_value_unsigned (out, slot == NULL ? 0 : slot->version);
  }
  return status;
}

/* ---- requests ---------------------------------------------------------- */

static void perform_all (struct registers *all,
                         struct machine_request *request) {
  static const char message[] = "expected set or get";
  for (size_t i = 0; i < request->entry_count && request->status == 0; i++) {
    struct machine_result *result = &request->results[i];
    struct sim_command command;
    result->offset = request->bytes.size;
    result->status = RAFT_OK;
    if (sim_command_parse (request->entries[i].payload,
                           request->entries[i].payload_size, &command)
        != RAFT_OK) {
      result->status = RAFT_EAPPLY_FAILED;
      request->status = wire_value_string (&request->bytes, message,
                                           sizeof message - 1);
    } else if (command.is_set && request->operation == MACHINE_APPLY) {
      request->status = set (all, &request->entries[i], &command,
                             &request->bytes);
    } else {
      request->status = get (all, &command, &request->bytes);
    }
    result->size = request->bytes.size - result->offset;
  }
}

static uint64_t digest (const struct registers *all) {
  uint64_t sum = 0;
  for (size_t i = 0; i < all->capacity; i++) {
    const struct slot *slot = &all->slots[i];
    if (slot->version != 0) {
      sum += raft_mix (
        raft_checksum (slot->key, slot->key_size, slot->version)
        ^ raft_checksum (slot->value, slot->value_size, 0));
    }
  }
  return sum;
}

/* ---- snapshots --------------------------------------------------------- */

/* key size, key, value size, value, version; numbers of 8 bytes. */
static int put_bytes (struct raft_buffer *image, const uint8_t *data,
                      size_t size) {
  uint8_t number[8];
  int status;
  raft_store_u64 (number, size);
  status = raft_buffer_append (image, number, sizeof number);
  return status != RAFT_OK ? status : raft_buffer_append (image, data, size);
}

static int put_slot (struct raft_buffer *image, const struct slot *slot) {
  uint8_t number[8];
  int status = put_bytes (image, slot->key, slot->key_size);
  if (status == RAFT_OK) {
    status = put_bytes (image, slot->value, slot->value_size);
  }
  raft_store_u64 (number, slot->version);
  return status != RAFT_OK
           ? status : raft_buffer_append (image, number, sizeof number);
}

static int take_image (struct registers *all) {
  int status = RAFT_OK;
  raft_buffer_free (&all->image);
  all->image_at = 0;
  for (size_t i = 0; i < all->capacity && status == RAFT_OK; i++) {
    if (all->slots[i].version != 0) {
      status = put_slot (&all->image, &all->slots[i]);
    }
  }
  return status;
}

/* In pieces that are small enough for a run to have several. */
static void pull_piece (struct registers *all,
                        struct machine_request *request) {
  size_t left = all->image.size - all->image_at;
  size_t size = left < IMAGE_PIECE ? left : IMAGE_PIECE;
  request->bytes.size = 0;
  request->status = raft_buffer_append (
    &request->bytes, all->image.data + all->image_at, size);
  all->image_at += size;
}

static bool get_bytes (struct registers *all, struct wire_view *view) {
  size_t left = all->image.size - all->image_at;
  const uint8_t *at = all->image.data + all->image_at;
  if (left < 8 || raft_load_u64 (at) > left - 8) {
    return false;
  }
  view->data = at + 8;
  view->size = (size_t)raft_load_u64 (at);
  all->image_at += 8 + view->size;
  return true;
}

static int restore_one (struct registers *all) {
  struct raft_buffer nothing;
  struct machine_entry entry = { 0 };
  struct sim_command command;
  int status;
  command.is_set = true;
  if (!get_bytes (all, &command.key) || !get_bytes (all, &command.value)
      || all->image.size - all->image_at < 8) {
    return RAFT_ECORRUPT;
  }
  entry.index = raft_load_u64 (all->image.data + all->image_at);
  all->image_at += 8;
  raft_buffer_init (&nothing, &raft_memory_plain);
  status = set (all, &entry, &command, &nothing);
  raft_buffer_free (&nothing);
  return status;
}

static int restore_image (struct registers *all) {
  int status = RAFT_OK;
  all->image_at = 0;
  while (all->image_at < all->image.size && status == RAFT_OK) {
    status = restore_one (all);
  }
  raft_buffer_free (&all->image);
  return status;
}

static void clear (struct registers *all) {
  for (size_t i = 0; i < all->capacity; i++) {
    free (all->slots[i].key);
    free (all->slots[i].value);
  }
  free (all->slots);
  all->slots = NULL;
  all->capacity = 0;
  all->count = 0;
  raft_buffer_free (&all->image);
}

static void perform_image (struct registers *all,
                           struct machine_request *request) {
  switch (request->operation) {
    case MACHINE_SNAPSHOT: request->status = take_image (all); break;
    case MACHINE_PULL: pull_piece (all, request); break;
    case MACHINE_RESTORE: clear (all); break;
    case MACHINE_PUSH:
      request->status = raft_buffer_append (
        &all->image, request->entries[0].payload,
        request->entries[0].payload_size);
      break;
    case MACHINE_RESTORED: request->status = restore_image (all); break;
    default: raft_buffer_free (&all->image); break;
  }
}

static void perform (struct machine *machine,
                     struct machine_request *request) {
  struct registers *all = (struct registers *)(void *)machine;
  request->status = RAFT_OK;
  switch (request->operation) {
    case MACHINE_OPEN:
      request->held_index = 0;
      request->hash = 1;
      (void)snprintf (request->vm, sizeof request->vm, "C");
      break;
    case MACHINE_APPLY:
    case MACHINE_QUERY:
      perform_all (all, request);
      break;
    case MACHINE_DIGEST:
      request->hash = digest (all);
      break;
    case MACHINE_CLOSE:
      break;
    default:
      perform_image (all, request);
      break;
  }
}

static void registers_free (struct machine *machine) {
  struct registers *all = (struct registers *)(void *)machine;
  clear (all);
  free (all);
}

struct machine *sim_register_new (void) {
  struct registers *all = calloc (1, sizeof *all);
  if (all == NULL) {
    return NULL;
  }
  raft_buffer_init (&all->image, &raft_memory_plain);
  all->machine.perform = perform;
  all->machine.free = registers_free;
  return &all->machine;
}
