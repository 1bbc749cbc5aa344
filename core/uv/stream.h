/* SPDX-License-Identifier: MIT
**
** stream.h - a TCP connection as whole MessagePack objects.
**
** Holds:     what came and is not a whole object yet; what is to be sent.
** Knows not: who is at the other end, and what is said.
** Invariant: bytes meet wire/scan.h, with limits, before anything else.
** Rule:      one write per turn of the loop: what is sent is collected until
**            real_stream_flush, and only one write is under way. */

#ifndef RAFT_UV_STREAM_H
#define RAFT_UV_STREAM_H

#include <uv.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "wire/scan.h"

#define REAL_CHUNK_BYTES ((size_t)64 * 1024) /* one read */

/* Slices in order. */
struct real_slices {
  struct raft_slice *items;
  size_t count;
  size_t capacity;
  size_t bytes;
};

struct real_stream {
  union {
    uv_tcp_t tcp;            /* tcp.data: the stream */
    uv_pipe_t pipe;          /* of an operator */
  };
  uint8_t *chunk;            /* REAL_CHUNK_BYTES, shared by a loop's streams */
  uint64_t *writes;          /* counts them; NULL: nobody asks */
  const bool *is_broken;     /* the memory of slices is gone: never touch it;
                                NULL: it cannot be */
  struct raft_buffer in;     /* plain: the beginning of an object */
  struct wire_scan scan;
  struct real_slices queued;
  struct real_slices flying; /* of the write under way */
  uv_write_t write;
  bool is_writing;
  bool is_connected;
  bool is_closing;
  bool is_finishing;         /* ends when everything is sent */
  void *owner;
  /* One whole object, borrowed for the call. */
  void (*on_object) (struct real_stream *stream, const uint8_t *data,
                     size_t size);
  /* Called once: end of file (UV_EOF), an error of libuv, or UV_EPROTO when
  ** the bytes were refused. The owner then closes. */
  void (*on_end) (struct real_stream *stream, int status);
  void (*closed) (struct real_stream *stream); /* may be freed now */
};

RAFT_HIDDEN_BEGIN

/* 'chunk', 'writes', 'is_broken', 'owner' and the three functions are set by
** the caller, all else is 0. Returns 0 or an error of libuv. */
int real_stream_init (struct real_stream *stream, uv_loop_t *loop);

/* The same, for a unix socket. */
int real_stream_init_pipe (struct real_stream *stream, uv_loop_t *loop);

/* Limits for the object that begins next. */
void real_stream_limit (struct real_stream *stream,
                        const struct wire_scan_limits *limits);

/* The connection is there: no delay, keepalive, reading. Returns 0 or an
** error of libuv. */
int real_stream_start (struct real_stream *stream);

/* Takes over the reference. Errors: RAFT_ENOMEM, RAFT_ECLOSED. */
int real_stream_send (struct real_stream *stream, struct raft_slice bytes);
/* Copies. Errors: RAFT_ENOMEM, RAFT_ECLOSED. */
int real_stream_send_bytes (struct real_stream *stream, const void *data,
                            size_t size);
/* Writes what is queued, unless a write is under way. */
void real_stream_flush (struct real_stream *stream);

/* Bytes that the kernel has not taken yet. */
size_t real_stream_unsent (const struct real_stream *stream);

/* Closes when everything is sent, or now. Ends with 'closed'; nothing else is
** called any more. */
void real_stream_finish (struct real_stream *stream);
void real_stream_close (struct real_stream *stream);

RAFT_HIDDEN_END

#endif
