/* SPDX-License-Identifier: MIT
**
** dialer.c - lookup, connect, greet, read; and all of it given up at any
** moment. */

#include "uv/dialer.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "wire/greeting.h"

/* What a member may answer: the largest command that a client sends could
** come back whole, with the response around it. */
#define ANSWER_BYTES (17 * RAFT_MIB)
#define ANSWER_ELEMENTS (4 * RAFT_MIB)

static struct real_dialer *of_dial (struct port_dial *dial) {
  return (struct real_dialer *)(void *)dial;
}

/* ---- the end of an attempt --------------------------------------------- */

static void maybe_free (struct real_attempt *attempt) {
  if (attempt->is_closed && !attempt->lookup.is_running) {
    free (attempt);
  }
}

static void on_closed (struct real_stream *stream) {
  struct real_attempt *attempt = stream->owner;
  attempt->is_closed = true;
  maybe_free (attempt);
}

static bool is_current (const struct real_attempt *attempt) {
  return attempt->dialer->attempts[attempt->endpoint] == attempt;
}

static void drop (struct real_attempt *attempt) {
  struct real_dialer *dialer = attempt->dialer;
  if (is_current (attempt)) {
    dialer->attempts[attempt->endpoint] = NULL;
  }
  if (attempt->lookup.is_running) {
    real_lookup_cancel (&attempt->lookup);
  }
  real_stream_close (&attempt->stream);
}

static enum net_down reason_of (int status) {
  switch (status) {
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_EPIPE:
      return NET_DOWN_ENDED;
    case UV_ETIMEDOUT:
      return NET_DOWN_SILENT;
    default:
      return NET_DOWN_REFUSED;
  }
}

static void fail (struct real_attempt *attempt, int status) {
  struct real_dialer *dialer = attempt->dialer;
  unsigned endpoint = attempt->endpoint;
  if (is_current (attempt)) {
    drop (attempt);
    dialer->disconnected (dialer->owner, endpoint, reason_of (status),
                          status == UV_EOF ? "the connection ended"
                                           : uv_strerror (status));
  }
}

static void on_end (struct real_stream *stream, int status) {
  fail (stream->owner, status);
}

/* ---- its beginning ----------------------------------------------------- */

static void on_object (struct real_stream *stream, const uint8_t *data,
                       size_t size) {
  struct real_attempt *attempt = stream->owner;
  struct real_dialer *dialer = attempt->dialer;
  if (is_current (attempt)) {
    dialer->received (dialer->owner, attempt->endpoint, data, size);
  }
}

static void on_connect (uv_connect_t *request, int status) {
  struct real_attempt *attempt = request->data;
  struct real_dialer *dialer = attempt->dialer;
  if (!is_current (attempt)) {
    return;
  }
  if (status == 0) {
    status = real_stream_start (&attempt->stream);
  }
  if (status == 0
      && real_stream_send_bytes (&attempt->stream, dialer->greeting.data,
                                 dialer->greeting.size) != RAFT_OK) {
    status = UV_ENOMEM;
  }
  if (status != 0) {
    fail (attempt, status);
    return;
  }
  dialer->connected (dialer->owner, attempt->endpoint);
}

static int connect_to (struct real_attempt *attempt,
                       const struct sockaddr_storage *found) {
  attempt->connecting.data = attempt;
  return uv_tcp_connect (&attempt->connecting, &attempt->stream.tcp,
                         (const struct sockaddr *)found, on_connect);
}

static void on_found (struct real_lookup *lookup, int status) {
  struct real_attempt *attempt = lookup->owner;
  lookup->is_running = false;
  if (attempt->is_closed) {
    maybe_free (attempt);
    return;
  }
  if (!is_current (attempt)) {
    return;
  }
  if (status == 0) {
    status = connect_to (attempt, &lookup->found);
  }
  if (status != 0) {
    fail (attempt, status);
  }
}

static int begin (struct real_attempt *attempt, const char *text) {
  struct real_address address;
  struct sockaddr_storage found;
  if (real_address_parse (text, &address, NULL) != RAFT_OK) {
    return UV_EINVAL;
  }
  if (real_address_numeric (&address, &found)) {
    return connect_to (attempt, &found);
  }
  attempt->lookup.owner = attempt;
  attempt->lookup.done = on_found;
  return real_lookup_start (&attempt->lookup, attempt->dialer->loop,
                            &address);
}

static struct real_attempt *attempt_new (struct real_dialer *dialer,
                                         unsigned endpoint) {
  static const struct wire_scan_limits limits
    = { ANSWER_BYTES, ANSWER_ELEMENTS, WIRE_DEPTH_MAX };
  struct real_attempt *attempt = calloc (1, sizeof *attempt);
  if (attempt == NULL) {
    return NULL;
  }
  attempt->dialer = dialer;
  attempt->endpoint = endpoint;
  attempt->stream.chunk = dialer->chunk;
  attempt->stream.is_broken = dialer->is_broken;
  attempt->stream.owner = attempt;
  attempt->stream.on_object = on_object;
  attempt->stream.on_end = on_end;
  attempt->stream.closed = on_closed;
  if (real_stream_init (&attempt->stream, dialer->loop) != 0) {
    free (attempt);
    return NULL;
  }
  real_stream_limit (&attempt->stream, &limits);
  return attempt;
}

/* ---- the door ---------------------------------------------------------- */

/* Without memory for an attempt nothing is told: the client gives the dial
** up at its own deadline. */
static void dial_connect (struct port_dial *dial, unsigned endpoint,
                          const char *address) {
  struct real_dialer *dialer = of_dial (dial);
  struct real_attempt *attempt;
  raft_assert (endpoint < CLIENT_ENDPOINTS_MAX);
  if (dialer->attempts[endpoint] != NULL) {
    drop (dialer->attempts[endpoint]);
  }
  attempt = attempt_new (dialer, endpoint);
  if (attempt != NULL) {
    dialer->attempts[endpoint] = attempt;
    dialer->has_news = true;
    attempt->refused = begin (attempt, address);
    dialer->has_refused = dialer->has_refused || attempt->refused != 0;
  }
}

static void dial_send (struct port_dial *dial, unsigned endpoint,
                       struct raft_slice message) {
  struct real_dialer *dialer = of_dial (dial);
  struct real_attempt *attempt;
  raft_assert (endpoint < CLIENT_ENDPOINTS_MAX);
  attempt = dialer->attempts[endpoint];
  if (attempt == NULL || !attempt->stream.is_connected) {
    raft_slice_release (&message);
    return;
  }
  (void)real_stream_send (&attempt->stream, message);
}

static void dial_disconnect (struct port_dial *dial, unsigned endpoint) {
  struct real_dialer *dialer = of_dial (dial);
  raft_assert (endpoint < CLIENT_ENDPOINTS_MAX);
  if (dialer->attempts[endpoint] != NULL) {
    drop (dialer->attempts[endpoint]);
  }
}

/* ---- life -------------------------------------------------------------- */

int real_dialer_init (struct real_dialer *dialer) {
  struct wire_greeting greeting;
  memset (&greeting, 0, sizeof greeting);
  greeting.role = WIRE_ROLE_CLIENT;
  greeting.protocol = WIRE_PROTOCOL;
  dialer->dial.connect = dial_connect;
  dialer->dial.send = dial_send;
  dialer->dial.disconnect = dial_disconnect;
  raft_buffer_init (&dialer->greeting, &raft_memory_plain);
  dialer->chunk = malloc (REAL_CHUNK_BYTES);
  return dialer->chunk == NULL
           ? RAFT_ENOMEM
           : wire_greeting_encode (&dialer->greeting, &greeting);
}

void real_dialer_tell (struct real_dialer *dialer) {
  if (!dialer->has_refused) {
    return;
  }
  dialer->has_refused = false;
  for (unsigned i = 0; i < CLIENT_ENDPOINTS_MAX; i++) {
    struct real_attempt *attempt = dialer->attempts[i];
    if (attempt != NULL && attempt->refused != 0) {
      fail (attempt, attempt->refused);
    }
  }
}

void real_dialer_flush (struct real_dialer *dialer) {
  for (unsigned i = 0; i < CLIENT_ENDPOINTS_MAX; i++) {
    struct real_attempt *attempt = dialer->attempts[i];
    if (attempt != NULL) {
      real_stream_flush (&attempt->stream);
    }
    attempt = dialer->attempts[i];
    if (attempt != NULL && attempt->stream.is_writing) {
      dialer->has_news = true;
    }
  }
}

void real_dialer_close (struct real_dialer *dialer) {
  for (unsigned i = 0; i < CLIENT_ENDPOINTS_MAX; i++) {
    if (dialer->attempts[i] != NULL) {
      drop (dialer->attempts[i]);
    }
  }
}

void real_dialer_free (struct real_dialer *dialer) {
  free (dialer->chunk);
  dialer->chunk = NULL;
  raft_buffer_free (&dialer->greeting);
}
