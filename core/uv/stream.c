/* SPDX-License-Identifier: MIT
**
** stream.c - reading through the scanner, writing once per turn. */

#include "uv/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"

#define KEEPALIVE_SECONDS 5
#define UNACKNOWLEDGED_MS 5000 /* bytes that nobody acknowledges this long
                                  end the connection */

/* ---- slices ------------------------------------------------------------ */

static int slices_push (struct real_slices *slices, struct raft_slice slice) {
  void *items = slices->items;
  if (raft_reserve (&raft_memory_plain, &items, &slices->capacity,
                    slices->count + 1, sizeof *slices->items)
      != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  slices->items = items;
  slices->items[slices->count++] = slice;
  slices->bytes += slice.size;
  return RAFT_OK;
}

static void release (const struct real_stream *stream,
                     struct raft_slice *slice) {
  if (stream->is_broken == NULL || !*stream->is_broken
      || (slice->block != NULL
          && slice->block->memory == &raft_memory_plain)) {
    raft_slice_release (slice);
  }
}

static void slices_clear (const struct real_stream *stream,
                          struct real_slices *slices) {
  for (size_t i = 0; i < slices->count; i++) {
    release (stream, &slices->items[i]);
  }
  slices->count = 0;
  slices->bytes = 0;
}

static void slices_free (const struct real_stream *stream,
                         struct real_slices *slices) {
  slices_clear (stream, slices);
  raft_release (&raft_memory_plain, slices->items,
                slices->capacity * sizeof *slices->items);
  slices->items = NULL;
  slices->capacity = 0;
}

/* ---- reading ----------------------------------------------------------- */

static void end (struct real_stream *stream, int status) {
  if (!stream->is_closing) {
    stream->on_end (stream, status);
  }
}

/* Whole objects at the front of 'data' are handed over, of which the scanner
** has seen 'seen' bytes. Returns how many bytes they are. */
static size_t hand_over (struct real_stream *stream, const uint8_t *data,
                         size_t size, size_t seen) {
  size_t start = 0;
  while (seen < size && !stream->is_closing) {
    uint64_t object = 0;
    if (wire_scan_feed (&stream->scan, data + seen, size - seen, &object)
        != RAFT_OK) {
      end (stream, UV_EPROTO);
      return size;
    }
    if (object == 0) {
      break;
    }
    stream->on_object (stream, data + start, (size_t)object);
    start += (size_t)object;
    seen = start;
  }
  return start;
}

static void take_bytes (struct real_stream *stream, const uint8_t *data,
                        size_t size) {
  struct raft_buffer *in = &stream->in;
  size_t seen = in->size;
  size_t used;
  if (seen > 0) {
    if (raft_buffer_append (in, data, size) != RAFT_OK) {
      end (stream, UV_ENOMEM);
      return;
    }
    used = hand_over (stream, in->data, in->size, seen);
    if (used == in->size) {
      raft_buffer_free (in);
    } else {
      raft_buffer_consume (in, used);
    }
    return;
  }
  used = hand_over (stream, data, size, 0);
  if (used < size && !stream->is_closing
      && raft_buffer_append (in, data + used, size - used) != RAFT_OK) {
    end (stream, UV_ENOMEM);
  }
}

static void on_chunk (uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  struct real_stream *stream = handle->data;
  (void)suggested;
  *out = uv_buf_init ((char *)stream->chunk, (unsigned)REAL_CHUNK_BYTES);
}

static void on_read (uv_stream_t *handle, ssize_t count,
                     const uv_buf_t *bytes) {
  struct real_stream *stream = handle->data;
  if (count > 0) {
    take_bytes (stream, (const uint8_t *)bytes->base, (size_t)count);
  } else if (count < 0) {
    end (stream, (int)count);
  }
}

/* ---- life -------------------------------------------------------------- */

static void init (struct real_stream *stream) {
  struct wire_scan_limits none = { 1, 1, 1 };
  raft_buffer_init (&stream->in, &raft_memory_plain);
  wire_scan_init (&stream->scan, &none);
  stream->tcp.data = stream;
}

int real_stream_init (struct real_stream *stream, uv_loop_t *loop) {
  init (stream);
  return uv_tcp_init (loop, &stream->tcp);
}

int real_stream_init_pipe (struct real_stream *stream, uv_loop_t *loop) {
  init (stream);
  return uv_pipe_init (loop, &stream->pipe, 0);
}

void real_stream_limit (struct real_stream *stream,
                        const struct wire_scan_limits *limits) {
  wire_scan_init (&stream->scan, limits);
}

static void tune (struct real_stream *stream) {
  (void)uv_tcp_nodelay (&stream->tcp, 1);
  (void)uv_tcp_keepalive (&stream->tcp, 1, KEEPALIVE_SECONDS);
#ifdef TCP_USER_TIMEOUT
  {
    unsigned timeout = UNACKNOWLEDGED_MS;
    uv_os_fd_t descriptor;
    if (uv_fileno ((uv_handle_t *)&stream->tcp, &descriptor) == 0) {
      (void)setsockopt (descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
                        sizeof timeout);
    }
  }
#endif
}

int real_stream_start (struct real_stream *stream) {
  int status = uv_read_start ((uv_stream_t *)&stream->tcp, on_chunk,
                              on_read);
  if (stream->tcp.type == UV_TCP) {
    tune (stream);
  }
  stream->is_connected = status == 0;
  return status;
}

static void on_closed (uv_handle_t *handle) {
  struct real_stream *stream = handle->data;
  slices_free (stream, &stream->queued);
  slices_free (stream, &stream->flying);
  raft_buffer_free (&stream->in);
  stream->closed (stream);
}

void real_stream_close (struct real_stream *stream) {
  if (!stream->is_closing) {
    stream->is_closing = true;
    uv_close ((uv_handle_t *)&stream->tcp, on_closed);
  }
}

void real_stream_finish (struct real_stream *stream) {
  stream->is_finishing = true;
  real_stream_flush (stream);
  if (!stream->is_writing) {
    real_stream_close (stream);
  } else if (!stream->is_closing) {
    (void)uv_read_stop ((uv_stream_t *)&stream->tcp);
  }
}

/* ---- writing ----------------------------------------------------------- */

int real_stream_send (struct real_stream *stream, struct raft_slice bytes) {
  int status = stream->is_closing || stream->is_finishing
                 ? RAFT_ECLOSED
                 : slices_push (&stream->queued, bytes);
  if (status != RAFT_OK) {
    release (stream, &bytes);
  }
  return status;
}

int real_stream_send_bytes (struct real_stream *stream, const void *data,
                            size_t size) {
  struct raft_slice slice;
  if (raft_slice_copy (&raft_memory_plain, data, size, &slice) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  return real_stream_send (stream, slice);
}

size_t real_stream_unsent (const struct real_stream *stream) {
  return stream->queued.bytes + stream->flying.bytes;
}

static void on_written (uv_write_t *write, int status) {
  struct real_stream *stream = write->data;
  stream->is_writing = false;
  slices_clear (stream, &stream->flying);
  if (stream->is_closing) {
    return;
  }
  if (status != 0) {
    if (stream->is_finishing) {
      real_stream_close (stream);
    } else {
      end (stream, status);
    }
    return;
  }
  real_stream_flush (stream);
  if (stream->is_finishing && !stream->is_writing) {
    real_stream_close (stream);
  }
}

/* What is left of the buffers behind 'done' bytes. Returns how many. */
static size_t pass_written (uv_buf_t *bytes, size_t count, size_t done) {
  size_t first = 0;
  while (first < count && done >= bytes[first].len) {
    done -= bytes[first].len;
    first++;
  }
  memmove (bytes, bytes + first, (count - first) * sizeof *bytes);
  if (first < count) {
    bytes[0].base += done;
    bytes[0].len -= done;
  }
  return count - first;
}

/* At once, as far as the socket takes it: uv_write tells of its end in another
** turn of the loop, and asks the kernel to watch the socket anew. */
static int write_bytes (struct real_stream *stream, uv_buf_t *bytes,
                        size_t count) {
  uv_stream_t *tcp = (uv_stream_t *)&stream->tcp;
  int done = uv_try_write (tcp, bytes, (unsigned)count);
  if (done < 0 && done != UV_EAGAIN) {
    return done;
  }
  count = pass_written (bytes, count, done > 0 ? (size_t)done : 0);
  if (count == 0) {
    slices_clear (stream, &stream->flying);
    return 0;
  }
  stream->write.data = stream;
  done = uv_write (&stream->write, tcp, bytes, (unsigned)count, on_written);
  stream->is_writing = done == 0;
  return done;
}

static int write_flying (struct real_stream *stream) {
  struct real_slices *flying = &stream->flying;
  uv_buf_t some[64] = { { NULL, 0 } };
  uv_buf_t *bytes = some;
  int status;
  if (flying->count > sizeof some / sizeof some[0]) {
    bytes = malloc (flying->count * sizeof *bytes);
    if (bytes == NULL) {
      return UV_ENOMEM;
    }
  }
  for (size_t i = 0; i < flying->count; i++) {
    bytes[i].base = (char *)(uintptr_t)flying->items[i].data;
    bytes[i].len = flying->items[i].size;
  }
  if (stream->writes != NULL) {
    (*stream->writes)++;
  }
  status = write_bytes (stream, bytes, flying->count);
  if (bytes != some) {
    free (bytes);
  }
  return status;
}

void real_stream_flush (struct real_stream *stream) {
  struct real_slices swap = stream->queued;
  int status;
  if (stream->is_writing || stream->is_closing || !stream->is_connected
      || swap.count == 0) {
    return;
  }
  stream->queued = stream->flying;
  stream->flying = swap;
  status = write_flying (stream);
  if (status != 0) {
    slices_clear (stream, &stream->flying);
    end (stream, status);
  }
}
