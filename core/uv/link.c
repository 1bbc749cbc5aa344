/* SPDX-License-Identifier: MIT
**
** link.c - to another member: look up, dial, greet, send, dial again.
**
** Rule: one connection per ordered pair, dialled by the sender; nothing but a
**       greeting, or a refusal, ever comes back on it.
** Rule: snapshots have one beside it (class NET_BULK), so that no heartbeat
**       stands behind a block. It is dialled when there is something to send,
**       ends when there is nothing any more, and nobody is told of either:
**       until it is there, and when it cannot be, the other one serves.
** Rule: a refused dial is told as such: with the end of the connection before
**       it says that the process is gone (DESIGN: fast failover). */

#include <stdlib.h>
#include <string.h>

#include "uv/inside.h"
#include "uv/stream.h"
#include "wire/greeting.h"

#define BACKOFF_SOON_US (2 * RAFT_MILLISECOND) /* after a link that lived */
#define BACKOFF_FIRST_US (20 * RAFT_MILLISECOND)
#define BACKOFF_MOST_US RAFT_SECOND
#define LIVED_US (300 * RAFT_MILLISECOND) /* a link that ends sooner has not
                             mended anything: the next pause is longer */
#define BULK_IDLE_MS ((uint64_t)10000) /* nothing to send: it ends */
#define DIAL_MS 2000 /* from the dial to the other's greeting */
#define UNSENT_MAX ((size_t)32 * 1024 * 1024) /* bytes; above the engine's own
                 bound of what is in flight to one follower */

enum link_state { LINK_WAITING, LINK_LOOKING, LINK_DIALLING, LINK_UP };

/* One attempt; outlives its link while it closes. */
struct link_dial {
  struct real_stream stream; /* first */
  uv_connect_t connect;
  struct real_link *link;    /* NULL: given up */
};

struct real_link {
  struct real_link *next;
  struct real_server *server;
  raft_id member;
  char address[WIRE_ADDRESS_MAX];
  enum link_state state;
  bool is_bulk;
  raft_time used;            /* bulk: when something was sent last */
  raft_time backoff_us;
  raft_time up_since;        /* LINK_UP */
  uv_timer_t timer;          /* until the next dial, or of this one */
  bool is_closing;
  bool has_timer;
  struct real_lookup lookup;
  struct link_dial *dial;
};

static void dial (struct real_link *link);
static void link_close (struct real_link *link);

static struct real_server *server_of (struct port_net *net) {
  return (struct real_server *)(void *)((char *)net
                                        - offsetof (struct real_server,
                                                    net));
}

static struct real_link *find (struct real_server *server, raft_id member,
                               bool is_bulk) {
  struct real_link *link = server->links;
  while (link != NULL
         && (link->member != member || link->is_bulk != is_bulk)) {
    link = link->next;
  }
  return link;
}

/* ---- the end of an attempt --------------------------------------------- */

static void give_up_dial (struct real_link *link) {
  if (link->dial != NULL) {
    link->dial->link = NULL;
    real_stream_close (&link->dial->stream);
    link->dial = NULL;
  }
}

static void on_redial (uv_timer_t *timer) {
  struct real_link *link = timer->data;
  dial (link);
}

static void wait (struct real_link *link) {
  struct port_clock *clock = &link->server->clock;
  raft_time pause = link->backoff_us / 2
                    + clock->random (clock) % link->backoff_us;
  link->state = LINK_WAITING;
  link->backoff_us *= 2;
  if (link->backoff_us > BACKOFF_MOST_US) {
    link->backoff_us = BACKOFF_MOST_US;
  }
  (void)uv_timer_start (&link->timer, on_redial,
                        pause / RAFT_MILLISECOND + 1, 0);
}

static void count_up (struct real_link *link, uint64_t change) {
  if (link->is_bulk) {
    link->server->bulk_up += change;
  } else {
    link->server->links_up += change;
  }
}

struct down_call {
  raft_id member;
  enum net_down why;
};

static void call_down (struct real_server *server, void *argument) {
  const struct down_call *call = argument;
  replica_on_link_down (server->replica, call->member, call->why);
}

static void go_down (struct real_link *link, enum net_down why) {
  struct down_call call = { link->member, why };
  if (link->is_bulk) {
    if (!link->is_closing) {
      link_close (link); /* dialled again when there is more to send */
    }
    return;
  }
  if (link->state == LINK_UP) {
    count_up (link, (uint64_t)-1);
    if (real_server_now (link->server) - link->up_since >= LIVED_US) {
      link->backoff_us = why == NET_DOWN_ENDED ? BACKOFF_SOON_US
                                               : BACKOFF_FIRST_US;
    }
  }
  give_up_dial (link);
  if (!link->is_closing) {
    wait (link);
    real_server_enter (link->server, call_down, &call);
  }
}

static enum net_down why_of (int status) {
  switch (status) {
    case UV_ECONNREFUSED:
      return NET_DOWN_REFUSED;
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_EPROTO:
      return NET_DOWN_ENDED;
    default:
      return NET_DOWN_SILENT;
  }
}

/* ---- greeting ---------------------------------------------------------- */

struct judge_call {
  struct real_link *link;
  const uint8_t *data;
  size_t size;
  int status;
};

static void on_idle (uv_timer_t *timer) {
  struct real_link *link = timer->data;
  if (real_server_now (link->server) - link->used
      >= BULK_IDLE_MS * RAFT_MILLISECOND) {
    link_close (link);
  }
}

/* The other side's greeting, or why it wants no link. */
static void call_judge (struct real_server *server, void *argument) {
  struct judge_call *call = argument;
  struct real_link *link = call->link;
  struct replica_origin origin = { link->member, link->address };
  struct wire_greeting greeting;
  struct wire_refusal refusal;
  struct wire_rpc rpc;
  call->status = wire_rpc_decode (call->data, call->size, &rpc);
  if (call->status == RAFT_OK && wire_rpc_is_refusal (&rpc)) {
    call->status = wire_refusal_decode (rpc.params, &refusal);
    if (call->status == RAFT_OK) {
      call->status = refusal.code;
      replica_on_refused (server->replica, &origin, &refusal);
    }
    return;
  }
  if (link->state == LINK_UP) {
    call->status = RAFT_EMALFORMED; /* nothing else is said on a link */
    return;
  }
  if (call->status == RAFT_OK) {
    call->status = wire_greeting_decode (rpc.params, &greeting, NULL);
  }
  if (call->status == RAFT_OK) {
    call->status
      = replica_judge (server->replica, &greeting, &origin, &refusal);
  }
  if (call->status == RAFT_OK) {
    link->state = LINK_UP;
    link->up_since = real_server_now (server);
    count_up (link, 1);
    if (link->is_bulk) {
      (void)uv_timer_start (&link->timer, on_idle, BULK_IDLE_MS,
                            BULK_IDLE_MS);
    } else {
      replica_on_link_up (server->replica, greeting.member,
                          greeting.incarnation);
    }
  }
}

static void on_object (struct real_stream *stream, const uint8_t *data,
                       size_t size) {
  struct real_link *link = stream->owner;
  struct judge_call call = { .link = link, .data = data, .size = size,
                             .status = RAFT_ECLOSED };
  (void)uv_timer_stop (&link->timer);
  real_server_enter (link->server, call_judge, &call);
  if (call.status != RAFT_OK) {
    go_down (link, NET_DOWN_ENDED);
  }
}

static void call_greet (struct real_server *server, void *argument) {
  struct real_stream *stream = argument;
  const struct real_link *link = stream->owner;
  struct wire_greeting greeting;
  struct raft_buffer bytes;
  raft_buffer_init (&bytes, &raft_memory_plain);
  replica_greeting (server->replica, &greeting);
  greeting.bulk = link->is_bulk;
  if (wire_greeting_encode (&bytes, &greeting) == RAFT_OK) {
    (void)real_stream_send_bytes (stream, bytes.data, bytes.size);
  }
  raft_buffer_free (&bytes);
}

static void on_end (struct real_stream *stream, int status) {
  go_down (stream->owner, why_of (status));
}

static void on_connected (uv_connect_t *connect, int status) {
  struct link_dial *attempt = connect->data;
  struct wire_scan_limits limits = { WIRE_GREETING_MAX, 256, 8 };
  if (attempt->link == NULL) {
    return; /* given up: it is being closed */
  }
  if (status == 0) {
    real_stream_limit (&attempt->stream, &limits);
    status = real_stream_start (&attempt->stream);
  }
  if (status != 0) {
    go_down (attempt->link, why_of (status));
    return;
  }
  real_server_enter (attempt->link->server, call_greet, &attempt->stream);
  real_stream_flush (&attempt->stream);
}

/* ---- dialling ---------------------------------------------------------- */

static void on_dial_closed (struct real_stream *stream) {
  free (stream);
}

static void on_silence (uv_timer_t *timer) {
  go_down (timer->data, NET_DOWN_SILENT);
}

static void connect_to (struct real_link *link,
                        const struct sockaddr_storage *where) {
  struct link_dial *attempt = calloc (1, sizeof *attempt);
  struct real_server *server = link->server;
  int status = UV_ENOMEM;
  if (attempt == NULL) {
    go_down (link, NET_DOWN_SILENT);
    return;
  }
  attempt->stream.chunk = server->chunk;
  attempt->stream.writes = &server->writes;
  attempt->stream.is_broken = &server->is_broken;
  attempt->stream.owner = link;
  attempt->stream.on_object = on_object;
  attempt->stream.on_end = on_end;
  attempt->stream.closed = on_dial_closed;
  attempt->link = link;
  attempt->connect.data = attempt;
  if (real_stream_init (&attempt->stream, &server->loop) != 0) {
    free (attempt);
    go_down (link, NET_DOWN_SILENT);
    return;
  }
  link->dial = attempt;
  link->state = LINK_DIALLING;
  status = uv_tcp_connect (&attempt->connect, &attempt->stream.tcp,
                           (const struct sockaddr *)where, on_connected);
  if (status != 0) {
    go_down (link, why_of (status));
    return;
  }
  (void)uv_timer_start (&link->timer, on_silence, DIAL_MS, 0);
}

static void maybe_free (struct real_link *link) {
  if (link->is_closing && !link->has_timer && !link->lookup.is_running) {
    free (link);
  }
}

/* Nobody answers at the other end of a way that is cut. */
static bool wait_in_vain (struct real_link *link) {
  if (real_faults_reaches (link->server, link->member)) {
    return false;
  }
  link->state = LINK_DIALLING;
  (void)uv_timer_start (&link->timer, on_silence, DIAL_MS, 0);
  return true;
}

static void on_found (struct real_lookup *lookup, int status) {
  struct real_link *link = lookup->owner;
  if (link->is_closing) {
    maybe_free (link);
  } else if (status != 0) {
    go_down (link, NET_DOWN_SILENT);
  } else {
    connect_to (link, &lookup->found);
  }
}

static void dial (struct real_link *link) {
  struct sockaddr_storage where;
  struct real_address address;
  if (wait_in_vain (link)) {
    return;
  }
  if (real_address_parse (link->address, &address, NULL) != RAFT_OK) {
    go_down (link, NET_DOWN_SILENT);
  } else if (real_address_numeric (&address, &where)) {
    connect_to (link, &where);
  } else if (!link->lookup.is_running) {
    link->state = LINK_LOOKING;
    link->lookup.owner = link;
    link->lookup.done = on_found;
    if (real_lookup_start (&link->lookup, &link->server->loop, &address)
        != 0) {
      go_down (link, NET_DOWN_SILENT);
    }
  }
}

/* ---- life -------------------------------------------------------------- */

static void on_timer_closed (uv_handle_t *handle) {
  struct real_link *link = handle->data;
  link->has_timer = false;
  maybe_free (link);
}

static void link_close (struct real_link *link) {
  struct real_link **at = &link->server->links;
  while (*at != link) {
    at = &(*at)->next;
  }
  *at = link->next;
  link->is_closing = true;
  if (link->state == LINK_UP) {
    count_up (link, (uint64_t)-1);
  }
  link->state = LINK_WAITING;
  give_up_dial (link);
  real_lookup_cancel (&link->lookup);
  uv_close ((uv_handle_t *)&link->timer, on_timer_closed);
}

void real_links_close (struct real_server *server) {
  while (server->links != NULL) {
    link_close (server->links);
  }
}

void real_link_reset (struct real_server *server, raft_id member) {
  struct real_link *link = find (server, member, false);
  struct real_link *bulk = find (server, member, true);
  if (bulk != NULL && bulk->state == LINK_UP) {
    go_down (bulk, NET_DOWN_ENDED);
  }
  if (link != NULL && link->state == LINK_UP) {
    go_down (link, NET_DOWN_ENDED);
  }
}

static struct real_link *link_new (struct real_server *server,
                                   raft_id member, const char *address) {
  struct real_link *link = calloc (1, sizeof *link);
  if (link == NULL || uv_timer_init (&server->loop, &link->timer) != 0) {
    free (link);
    return NULL; /* the next configuration, or block, asks again */
  }
  link->has_timer = true;
  link->timer.data = link;
  link->server = server;
  link->member = member;
  link->backoff_us = BACKOFF_FIRST_US;
  memcpy (link->address, address, strlen (address) + 1);
  link->next = server->links;
  server->links = link;
  (void)uv_timer_start (&link->timer, on_redial, 0, 0);
  return link;
}

/* The one for snapshots, beside 'link'. */
static struct real_link *bulk_of (struct real_link *link) {
  struct real_link *bulk = find (link->server, link->member, true);
  if (bulk == NULL) {
    bulk = link_new (link->server, link->member, link->address);
    if (bulk != NULL) {
      bulk->is_bulk = true;
    }
  }
  return bulk;
}

/* ---- the doors --------------------------------------------------------- */

static void know (struct port_net *net, raft_id member,
                  const char *address) {
  struct real_server *server = server_of (net);
  struct real_link *link = find (server, member, false);
  struct real_link *bulk = find (server, member, true);
  real_connections_forget (server, member, address == NULL);
  if (server->state == REAL_STATE_ENDING
      || (address != NULL && strlen (address) >= WIRE_ADDRESS_MAX)
      || (link != NULL && address != NULL
          && strcmp (link->address, address) == 0)) {
    return;
  }
  if (link != NULL) {
    link_close (link);
  }
  if (bulk != NULL) {
    link_close (bulk);
  }
  if (address != NULL) {
    (void)link_new (server, member, address);
  }
}

static void send_message (struct port_net *net, raft_id member,
                          enum net_class class_, struct raft_slice message) {
  struct real_link *link = find (server_of (net), member, false);
  if (class_ == NET_BULK && link != NULL && link->state == LINK_UP) {
    struct real_link *bulk = bulk_of (link);
    if (bulk != NULL && bulk->state == LINK_UP) {
      bulk->used = real_server_now (bulk->server);
      link = bulk;
    }
  }
  if (link != NULL && link->state == LINK_UP
      && real_stream_unsent (&link->dial->stream) + message.size
           <= UNSENT_MAX) {
    (void)real_stream_send (&link->dial->stream, message);
  } else {
    raft_slice_release (&message);
  }
}

void real_link_door (struct port_net *net) {
  net->send = send_message;
  net->know = know;
}

void real_links_flush (struct real_server *server) {
  struct real_link *link = server->links;
  while (link != NULL) {
    struct real_link *next = link->next;
    if (link->state == LINK_UP) {
      real_stream_flush (&link->dial->stream);
    }
    link = next;
  }
}
