/* SPDX-License-Identifier: MIT
**
** rpc.c - the frame around every request, response and notification.
**
** Encoders mark where they began and go back there when memory ends, so that
** half a message is never left in a buffer that is sent later. The only
** error of a writer here is RAFT_ENOMEM, so that statuses may be or-ed.
** Decoding takes views, not values: what a frame holds is read once, by
** whom it concerns. */

#include "wire/rpc.h"

#include <stdio.h>
#include <string.h>

#include "wire/value.h"

static const uint8_t rpc_nil[1] = { 0xc0 };
static const uint8_t rpc_no_params[1] = { 0x90 };

/* ---- encoding --------------------------------------------------------- */

static int rpc_end (struct raft_buffer *out, size_t start, int status) {
  if (status != RAFT_OK) {
    out->size = start;
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

static int rpc_append (struct raft_buffer *out, struct wire_view view,
                       const uint8_t *empty) {
  if (view.size == 0) {
    return raft_buffer_append (out, empty, 1);
  }
  return raft_buffer_append (out, view.data, view.size);
}

static int rpc_text (struct raft_buffer *out, const char *text) {
  return wire_value_string (out, text, strlen (text));
}

int wire_rpc_request (struct raft_buffer *out, uint32_t id,
                      const char *method, struct wire_view params) {
  size_t start = out->size;
  int status = wire_value_array (out, 4);
  status |= wire_value_unsigned (out, WIRE_REQUEST);
  status |= wire_value_unsigned (out, id);
  status |= rpc_text (out, method);
  status |= rpc_append (out, params, rpc_no_params);
  return rpc_end (out, start, status);
}

int wire_rpc_result (struct raft_buffer *out, uint32_t id,
                     struct wire_view result) {
  size_t start = out->size;
  int status = wire_value_array (out, 4);
  status |= wire_value_unsigned (out, WIRE_RESPONSE);
  status |= wire_value_unsigned (out, id);
  status |= wire_value_nil (out);
  status |= rpc_append (out, result, rpc_nil);
  return rpc_end (out, start, status);
}

int wire_rpc_error (struct raft_buffer *out, uint32_t id, int error,
                    const char *text, struct wire_view detail) {
  size_t start = out->size;
  int status = wire_value_array (out, 4);
  status |= wire_value_unsigned (out, WIRE_RESPONSE);
  status |= wire_value_unsigned (out, id);
  status |= wire_value_array (out, detail.size > 0 ? 3 : 2);
  status |= wire_value_unsigned (out, (uint64_t)-(int64_t)error);
  status |= rpc_text (out, text != NULL ? text : raft_error_text (error));
  if (detail.size > 0) {
    status |= raft_buffer_append (out, detail.data, detail.size);
  }
  status |= wire_value_nil (out);
  return rpc_end (out, start, status);
}

int wire_rpc_error_text (struct raft_buffer *out, uint32_t id, int error,
                         const char *text) {
  size_t start = out->size;
  char line[1200]; /* an answer's text has 1024 bytes at most */
  int status = wire_value_array (out, 4);
  (void)snprintf (line, sizeof line, "%s: %s", raft_error_name (error),
                  text != NULL ? text : raft_error_text (error));
  status |= wire_value_unsigned (out, WIRE_RESPONSE);
  status |= wire_value_unsigned (out, id);
  status |= rpc_text (out, line);
  status |= wire_value_nil (out);
  return rpc_end (out, start, status);
}

int wire_rpc_notification (struct raft_buffer *out, const char *method,
                           struct wire_view params) {
  size_t start = out->size;
  int status = wire_value_array (out, 3);
  status |= wire_value_unsigned (out, WIRE_NOTIFICATION);
  status |= rpc_text (out, method);
  status |= rpc_append (out, params, rpc_no_params);
  return rpc_end (out, start, status);
}

/* ---- decoding --------------------------------------------------------- */

static int rpc_decode_call (struct wire_cursor *cursor,
                            struct wire_rpc *rpc) {
  struct wire_cursor inside;
  uint32_t count;
  int status = wire_cursor_string (cursor, &rpc->method);
  if (status == RAFT_OK) {
    status = wire_cursor_value (cursor, &rpc->params);
  }
  if (status != RAFT_OK) {
    return status;
  }
  inside.data = rpc->params.data;
  inside.size = rpc->params.size;
  inside.at = 0;
  return wire_cursor_array (&inside, &count);
}

/* The number of an error on the wire; what this table does not know is an
** outcome that is not known either. */
static int rpc_error_of_number (uint64_t number) {
  if (number != 0 && number <= INT32_MAX) {
    int code = -(int)number;
    if (strcmp (raft_error_name (code), "unknown_code") != 0) {
      return code;
    }
  }
  return RAFT_EUNKNOWN;
}

/* [number, "message"] or [number, "message", { … }]. */
static int rpc_decode_our_error (struct wire_view view,
                                 struct wire_rpc *rpc) {
  struct wire_cursor cursor = { view.data, view.size, 0 };
  struct wire_cursor inside;
  uint32_t count, pairs;
  uint64_t number;
  int status = wire_cursor_array (&cursor, &count);
  if (status != RAFT_OK || (count != 2 && count != 3)) {
    return RAFT_EMALFORMED;
  }
  status = wire_cursor_unsigned (&cursor, UINT64_MAX, &number);
  if (status == RAFT_OK) {
    status = wire_cursor_string (&cursor, &rpc->message);
  }
  if (status == RAFT_OK && count == 3) {
    inside = cursor;
    status = wire_cursor_map (&inside, &pairs);
    if (status == RAFT_OK) {
      status = wire_cursor_value (&cursor, &rpc->detail);
    }
  }
  rpc->error = status == RAFT_OK ? rpc_error_of_number (number) : 0;
  return status;
}

/* nil, ours, a string, or anything that another server may think of. */
static int rpc_decode_error (struct wire_cursor *cursor,
                             struct wire_rpc *rpc) {
  struct wire_view view;
  struct wire_cursor inside;
  int status = wire_cursor_value (cursor, &view);
  if (status != RAFT_OK) {
    return status;
  }
  if (view.size == 1 && view.data[0] == rpc_nil[0]) {
    return RAFT_OK;
  }
  if (rpc_decode_our_error (view, rpc) != RAFT_OK) {
    memset (&rpc->message, 0, sizeof rpc->message);
    memset (&rpc->detail, 0, sizeof rpc->detail);
    rpc->error = RAFT_EUNKNOWN;
    inside.data = view.data;
    inside.size = view.size;
    inside.at = 0;
    (void)wire_cursor_string (&inside, &rpc->message);
  }
  return RAFT_OK;
}

static int rpc_decode_body (struct wire_cursor *cursor, uint32_t count,
                            struct wire_rpc *rpc) {
  uint64_t type, id = 0;
  int status = wire_cursor_unsigned (cursor, WIRE_NOTIFICATION, &type);
  if (status != RAFT_OK || count != (type == WIRE_NOTIFICATION ? 3 : 4)) {
    return RAFT_EMALFORMED;
  }
  rpc->type = (enum wire_rpc_type)type;
  if (type == WIRE_NOTIFICATION) {
    return rpc_decode_call (cursor, rpc);
  }
  status = wire_cursor_unsigned (cursor, UINT32_MAX, &id);
  rpc->id = (uint32_t)id;
  if (status == RAFT_OK && type == WIRE_REQUEST) {
    return rpc_decode_call (cursor, rpc);
  }
  if (status == RAFT_OK) {
    status = rpc_decode_error (cursor, rpc);
  }
  if (status == RAFT_OK) {
    status = wire_cursor_value (cursor, &rpc->result);
  }
  return status;
}

int wire_rpc_decode (const uint8_t *data, size_t size, struct wire_rpc *rpc) {
  struct wire_cursor cursor = { data, size, 0 };
  struct wire_rpc read;
  uint32_t count;
  int status = wire_cursor_array (&cursor, &count);
  memset (&read, 0, sizeof read);
  if (status == RAFT_OK) {
    status = rpc_decode_body (&cursor, count, &read);
  }
  if (status != RAFT_OK || cursor.at != size) {
    return RAFT_EMALFORMED;
  }
  *rpc = read;
  return RAFT_OK;
}
