/* SPDX-License-Identifier: MIT
**
** message_encode.c - writing messages between members.
**
** One pass into the caller's buffer: the checksum and the length of the body
** have heads of fixed size (uint 64, bin 32) and are filled in at the end.
** All memory is reserved first, so that the writers in between cannot fail.
*/

#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "wire/message.h"
#include "wire/value.h"

/* More than all heads and numbers around the entries can measure: 22 of at
** most 9 bytes each. */
#define MESSAGE_FRAME_MAX 256

struct message_frame {
  struct raft_buffer *out;
  size_t checksum_at;
  size_t body_at;
  uint64_t group;
  raft_id from;
  raft_id to;
};

uint64_t wire_message_checksum (uint64_t group, raft_id from, raft_id to,
                                struct wire_view body) {
  uint64_t salt = raft_mix (raft_mix (raft_mix (group) + from) + to);
  return raft_checksum (body.data, body.size, salt);
}

static void store_big (uint8_t *at, uint64_t value, unsigned width) {
  while (width > 0) {
    width--;
    at[width] = (uint8_t)value;
    value >>= 8;
  }
}

static void put (int status) {
  raft_assert (status == RAFT_OK); /* the memory was reserved */
}

static void put_number (struct message_frame *frame, uint64_t number) {
  put (wire_value_unsigned (frame->out, number));
}

/* A head byte and room for a number that is known later. */
static size_t put_hole (struct message_frame *frame, uint8_t head,
                        size_t width) {
  uint8_t bytes[9] = { head };
  size_t at = frame->out->size + 1;
  put (raft_buffer_append (frame->out, bytes, width + 1));
  return at;
}

static int frame_begin (struct message_frame *frame, size_t body_max) {
  struct raft_buffer *out = frame->out;
  int status = raft_buffer_reserve (out, MESSAGE_FRAME_MAX + body_max);
  if (status != RAFT_OK) {
    return status;
  }
  put (wire_value_array (out, 3));
  put_number (frame, WIRE_NOTIFICATION);
  put (wire_value_string (out, WIRE_MESSAGE_METHOD,
                          sizeof WIRE_MESSAGE_METHOD - 1));
  put (wire_value_array (out, 5));
  frame->checksum_at = put_hole (frame, 0xcf, 8);
  put_number (frame, frame->group);
  put_number (frame, frame->from);
  put_number (frame, frame->to);
  frame->body_at = put_hole (frame, 0xc6, 4) + 4;
  return RAFT_OK;
}

static void frame_end (struct message_frame *frame) {
  uint8_t *data = frame->out->data;
  struct wire_view body;
  body.data = data + frame->body_at;
  body.size = frame->out->size - frame->body_at;
  raft_assert (body.size <= UINT32_MAX);
  store_big (data + frame->body_at - 4, body.size, 4);
  store_big (data + frame->checksum_at,
             wire_message_checksum (frame->group, frame->from, frame->to,
                                    body),
             8);
}

static void put_append (struct message_frame *frame,
                        const struct raft_message_append *append,
                        const struct raft_slice *entries) {
  uint32_t i;
  put_number (frame, append->previous_index);
  put_number (frame, append->previous_term);
  put_number (frame, append->commit);
  put_number (frame, append->round);
  put_number (frame, append->lease_us);
  put (wire_value_array (frame->out, append->entry_count));
  for (i = 0; i < append->entry_count; i++) {
    put (wire_value_binary (frame->out, entries[i].data, entries[i].size));
  }
}

static void put_append_result (struct message_frame *frame,
                               const struct raft_message_append_result *r) {
  put (wire_value_boolean (frame->out, r->rejected));
  put (wire_value_boolean (frame->out, r->stalled));
  put_number (frame, r->match_index);
  put_number (frame, r->rejected_index);
  put_number (frame, r->hint_index);
  put_number (frame, r->hint_term);
  put_number (frame, r->round);
  if (r->disk_full) {
    put (wire_value_boolean (frame->out, true));
  }
}

static void put_body (struct message_frame *frame,
                      const struct raft_message *message,
                      const struct raft_slice *entries) {
  static const uint32_t counts[] = { 0, 4, 3, 4, 3, 8, 9, 2,
                                     4, 4 }; /* by kind */
  bool is_asked = message->kind == RAFT_MESSAGE_VOTE
                  && message->as.vote.transfer;
  bool is_full = message->kind == RAFT_MESSAGE_APPEND_RESULT
                 && message->as.append_result.disk_full;
  raft_assert (message->kind >= RAFT_MESSAGE_PRE_VOTE
               && message->kind <= RAFT_MESSAGE_READ_RESULT);
  put (wire_value_array (frame->out, counts[message->kind] + is_asked
                                     + is_full));
  put_number (frame, message->kind);
  put_number (frame, message->term);
  switch (message->kind) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
      put_number (frame, message->as.vote.last_index);
      put_number (frame, message->as.vote.last_term);
      if (is_asked) {
        put (wire_value_boolean (frame->out, true));
      }
      break;
    case RAFT_MESSAGE_PRE_VOTE_RESULT:
    case RAFT_MESSAGE_VOTE_RESULT:
      put (wire_value_boolean (frame->out, message->as.vote_result.granted));
      break;
    case RAFT_MESSAGE_APPEND:
      put_append (frame, &message->as.append, entries);
      break;
    case RAFT_MESSAGE_APPEND_RESULT:
      put_append_result (frame, &message->as.append_result);
      break;
    case RAFT_MESSAGE_TIMEOUT_NOW: break;
    case RAFT_MESSAGE_READ:
    case RAFT_MESSAGE_READ_RESULT:
      put_number (frame, message->as.read.context);
      put_number (frame, message->as.read.index);
      break;
  }
}

int wire_message_encode (struct raft_buffer *out, uint64_t group,
                         const struct raft_message *message,
                         const struct raft_slice *entries) {
  struct message_frame frame = { out, 0, 0, group, message->from,
                                 message->to };
  size_t entry_bytes = 0;
  uint32_t i;
  int status;
  if (message->kind == RAFT_MESSAGE_APPEND) {
    for (i = 0; i < message->as.append.entry_count; i++) {
      entry_bytes += entries[i].size + 9;
    }
  }
  status = frame_begin (&frame, entry_bytes);
  if (status == RAFT_OK) {
    put_body (&frame, message, entries);
    frame_end (&frame);
  }
  return status;
}

int wire_result_hash_encode (struct raft_buffer *out, uint64_t group,
                             raft_id from, raft_id to,
                             const struct wire_result_hash *hash) {
  struct message_frame frame = { out, 0, 0, group, from, to };
  int status = frame_begin (&frame, hash->trail.size);
  if (status == RAFT_OK) {
    put (wire_value_array (out, hash->trail.size > 0 ? 5 : 4));
    put_number (&frame, WIRE_MESSAGE_RESULT_HASH);
    put_number (&frame, hash->term);
    put_number (&frame, hash->index);
    put_number (&frame, hash->hash);
    if (hash->trail.size > 0) {
      put (wire_value_binary (out, hash->trail.data, hash->trail.size));
    }
    frame_end (&frame);
  }
  return status;
}

static void put_all (struct message_frame *frame, const uint64_t *numbers,
                     size_t count) {
  for (size_t i = 0; i < count; i++) {
    put_number (frame, numbers[i]);
  }
}

int wire_snapshot_encode (struct raft_buffer *out, uint64_t group,
                          raft_id from, raft_id to,
                          const struct wire_snapshot *snapshot) {
  struct message_frame frame = { out, 0, 0, group, from, to };
  const uint64_t numbers[]
    = { WIRE_MESSAGE_SNAPSHOT, snapshot->term, snapshot->index,
        snapshot->last_term, snapshot->time, snapshot->size, snapshot->salt,
        snapshot->block };
  int status = frame_begin (&frame, snapshot->data.size);
  if (status == RAFT_OK) {
    put (wire_value_array (out, 9));
    put_all (&frame, numbers, 8);
    put (wire_value_binary (out, snapshot->data.data, snapshot->data.size));
    frame_end (&frame);
  }
  return status;
}

int wire_snapshot_result_encode (struct raft_buffer *out, uint64_t group,
                                 raft_id from, raft_id to,
                                 const struct wire_snapshot_result *result) {
  struct message_frame frame = { out, 0, 0, group, from, to };
  const uint64_t numbers[]
    = { WIRE_MESSAGE_SNAPSHOT_RESULT, result->term, result->index,
        result->salt, result->next, result->outcome };
  int status = frame_begin (&frame, 0);
  if (status == RAFT_OK) {
    put (wire_value_array (out, 6));
    put_all (&frame, numbers, 6);
    frame_end (&frame);
  }
  return status;
}
