/* SPDX-License-Identifier: MIT
**
** snapshot_send.c - the newest snapshot to a follower whose entries are gone
** from the log.
**
**   leader   offer ─►        block 7 ─►        block 8 ─►  (lost)  offer ─►
**   follower        ◄─ 7 missing    ◄─ 8 missing                  ◄─ 8 missing
**
** Rule: one block is on its way at a time; the next one is read when the
**       follower has written it. So a slow follower is never pressed, and
**       what is sent never stands long before a heartbeat.
** Rule: nothing is remembered of what a follower has: after any silence, a
**       lost link or a change of leaders the offer asks again.
** Rule: a failure is told to the engine after a pause: it tries again at
**       once. */

#include <string.h>

#include "replica/inside.h"

static raft_time pause_of (const struct replica *replica) {
  raft_time heartbeat = replica->options.heartbeat_us;
  return 4 * (heartbeat != 0 ? heartbeat : 50 * RAFT_MILLISECOND);
}

static struct replica_send *find (struct replica *replica, raft_id member) {
  for (size_t i = 0; i < REPLICA_PEERS_MAX; i++) {
    struct replica_send *send = &replica->sends[i];
    if (send->state != SEND_FREE && send->member == member) {
      return send;
    }
  }
  return NULL;
}

static void want (struct replica *replica, struct replica_send *send) {
  send->state = SEND_WANTED;
  send->term = replica->term;
  send->is_wanted_anew = false;
  send->status = RAFT_OK;
}

void replica_send_want (struct replica *replica, raft_id member) {
  struct replica_send *send = find (replica, member);
  if (send != NULL) {
    send->is_wanted_anew = true; /* of an earlier leadership */
    return;
  }
  for (send = replica->sends; send->state != SEND_FREE; send++) {
    raft_assert (send + 1 < replica->sends + REPLICA_PEERS_MAX);
  }
  memset (send, 0, sizeof *send);
  send->member = member;
  want (replica, send);
}

/* ---- messages ---------------------------------------------------------- */

static void transmit (struct replica *replica, const struct replica_send *to,
                      uint64_t block, struct wire_view data) {
  const struct wal_snapshot_head *head = &to->reader.head;
  struct port_net *net = replica->options.net;
  struct wire_snapshot message = { replica->term, head->index, head->term,
                                   head->time, head->size, head->salt, block,
                                   data };
  struct raft_slice bytes;
  int status;
  replica->scratch.size = 0;
  status = wire_snapshot_encode (&replica->scratch, replica->options.group,
                                 replica->identity.member, to->member,
                                 &message);
  if (status == RAFT_OK) {
    status = raft_chunk_copy (&replica->chunk, replica->scratch.data,
                              replica->scratch.size, &bytes);
  }
  if (status == RAFT_OK) {
    net->send (net, to->member, NET_BULK, bytes);
  } else {
    replica->dropped++; /* it is offered again */
  }
}

static void offer (struct replica *replica, struct replica_send *send) {
  struct wire_view nothing = { NULL, 0 };
  send->state = SEND_OFFERED;
  send->resend_at = replica->now + pause_of (replica);
  transmit (replica, send, 0, nothing);
}

/* ---- the file ---------------------------------------------------------- */

static void on_file (struct wal_snapshot_reader *reader, int status,
                     const uint8_t *data, size_t size) {
  struct replica *replica = reader->owner;
  struct replica_send *send
    = (struct replica_send *)(void *)((char *)reader
                                      - offsetof (struct replica_send,
                                                  reader));
  replica_enter (replica);
  send->is_busy = false;
  send->data = data;
  send->size = size;
  if (send->state != SEND_CLOSING) {
    send->status = status;
  }
  replica_leave (replica);
}

static void open_file (struct replica *replica, struct replica_send *send) {
  struct wal_snapshot_reader *reader = &send->reader;
  memset (reader, 0, sizeof *reader);
  reader->fs = replica->options.fs;
  reader->bug = replica->bug;
  reader->owner = replica;
  reader->done = on_file;
  send->is_busy = true;
  wal_snapshot_open (reader, replica->snapshot_index);
}

static void close_file (struct replica_send *send) {
  send->state = SEND_CLOSING;
  if (send->reader.is_open) {
    send->is_busy = true;
    wal_snapshot_close (&send->reader);
  }
}

/* A damaged snapshot is of no use to the own member either: there will be
** another one. */
static void fail (struct replica *replica, struct replica_send *send,
                  int status) {
  if (status == RAFT_ECORRUPT) {
    replica_trace_text (replica, RAFT_TRACE_SNAPSHOT_FAILED,
                        send->reader.head.index, (uint64_t)(int64_t)status,
                        send->reader.detail.text);
    replica->take.is_asked = true;
  }
  send->status = status;
  send->resend_at = replica->now + pause_of (replica);
  close_file (send);
}

/* ---- step by step ------------------------------------------------------ */

static bool settle_opened (struct replica *replica,
                           struct replica_send *send) {
  if (send->status != RAFT_OK) {
    fail (replica, send, send->status);
  } else if (!send->reader.is_open) {
    open_file (replica, send);
  } else {
    send->give_up_at
      = replica->now + SNAPSHOT_SILENT * pause_of (replica);
    offer (replica, send);
  }
  return true;
}

static bool settle_read (struct replica *replica, struct replica_send *send) {
  struct wire_view data = { send->data, send->size };
  if (send->status != RAFT_OK) {
    fail (replica, send, send->status);
    return true;
  }
  send->state = SEND_SENT;
  send->resend_at = replica->now + pause_of (replica);
  transmit (replica, send, send->next, data);
  return true;
}

static bool settle_silence (struct replica *replica,
                            struct replica_send *send) {
  if (replica->now >= send->give_up_at) {
    fail (replica, send, RAFT_ETIMEOUT);
    return true;
  }
  if (replica->now >= send->resend_at) {
    offer (replica, send);
  }
  return false;
}

static bool settle_closed (struct replica *replica,
                           struct replica_send *send) {
  wal_snapshot_reader_free (&send->reader);
  memset (&send->reader, 0, sizeof send->reader);
  if (send->is_wanted_anew) {
    want (replica, send);
  } else if (replica->role != RAFT_LEADER || send->term != replica->term) {
    send->state = SEND_FREE;
  } else {
    send->state = SEND_PAUSING;
  }
  return true;
}

static bool settle_told (struct replica *replica, struct replica_send *send) {
  struct raft_event event;
  if (send->status != RAFT_OK && replica->now < send->resend_at) {
    return false;
  }
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_SENT;
  event.as.sent.member = send->member;
  event.as.sent.status = send->status;
  send->state = SEND_FREE; /* the step may want the next one */
  if (replica_step (replica, &event) != RAFT_OK) {
    send->state = SEND_PAUSING;
    replica_retry (replica);
    return false;
  }
  return true;
}

static bool settle_one (struct replica *replica, struct replica_send *send) {
  bool is_over = replica->role != RAFT_LEADER || send->term != replica->term
                 || send->is_wanted_anew;
  if (is_over && send->state != SEND_CLOSING) {
    close_file (send);
    return true;
  }
  switch (send->state) {
    case SEND_WANTED: return settle_opened (replica, send);
    case SEND_OFFERED:
    case SEND_SENT: return settle_silence (replica, send);
    case SEND_READING: return settle_read (replica, send);
    case SEND_CLOSING: return settle_closed (replica, send);
    case SEND_PAUSING: return settle_told (replica, send);
    case SEND_FREE: break;
  }
  return false;
}

bool replica_settle_sends (struct replica *replica) {
  bool moved = false;
  for (size_t i = 0; i < REPLICA_PEERS_MAX; i++) {
    struct replica_send *send = &replica->sends[i];
    if (send->state != SEND_FREE && !send->is_busy
        && replica->life == REPLICA_OPEN) {
      moved = settle_one (replica, send) || moved;
    }
  }
  return moved;
}

/* ---- answers ----------------------------------------------------------- */

static void go_on (struct replica *replica, struct replica_send *send,
                   uint64_t next) {
  uint64_t blocks = wal_snapshot_blocks (&send->reader);
  send->give_up_at = replica->now + SNAPSHOT_SILENT * pause_of (replica);
  if (next < blocks) {
    send->next = next;
    send->state = SEND_READING;
    send->is_busy = true;
    wal_snapshot_read (&send->reader, next);
  } else {
    send->state = SEND_OFFERED; /* it is being installed: asked now and then */
  }
}

void replica_on_snapshot_result (struct replica *replica, raft_id from,
                                 const struct wire_snapshot_result *result) {
  struct replica_send *send = find (replica, from);
  if (send == NULL || replica->role != RAFT_LEADER
      || result->term != replica->term || send->term != replica->term
      || (send->state != SEND_OFFERED && send->state != SEND_SENT)
      || result->index != send->reader.head.index
      || result->salt != send->reader.head.salt) {
    return;
  }
  if (result->outcome == WIRE_SNAPSHOT_INSTALLED) {
    replica->receive.sent++;
    send->status = RAFT_OK;
    close_file (send);
  } else if (result->outcome == WIRE_SNAPSHOT_REFUSED) {
    fail (replica, send, RAFT_EBUSY);
  } else if (send->state == SEND_OFFERED || result->next == send->next + 1) {
    go_on (replica, send, result->next);
  }
}

/* ---- time, life -------------------------------------------------------- */

raft_time replica_sends_deadline (const struct replica *replica) {
  raft_time deadline = RAFT_TIME_MAX;
  for (size_t i = 0; i < REPLICA_PEERS_MAX; i++) {
    const struct replica_send *send = &replica->sends[i];
    if ((send->state == SEND_OFFERED || send->state == SEND_SENT
         || send->state == SEND_PAUSING)
        && send->resend_at < deadline) {
      deadline = send->resend_at;
    }
  }
  return deadline;
}

bool replica_sends_end (struct replica *replica) {
  bool has_ended = true;
  for (size_t i = 0; i < REPLICA_PEERS_MAX; i++) {
    struct replica_send *send = &replica->sends[i];
    if (!send->is_busy && send->reader.is_open) {
      close_file (send);
    }
    has_ended = has_ended && !send->is_busy;
  }
  return has_ended;
}

void replica_sends_free (struct replica *replica) {
  for (size_t i = 0; i < REPLICA_PEERS_MAX; i++) {
    wal_snapshot_reader_free (&replica->sends[i].reader);
  }
}
