/* SPDX-License-Identifier: MIT
**
** snapshot_send.c - the newest snapshot to a follower whose entries are gone
** from the log.
**
**   leader   offer ─►       blocks 7 8 9 ─►    10 11 ─►  (lost)  offer ─►
**   follower       ◄─ 7 missing   ◄─ 8, ◄─ 9 missing …           ◄─ 10 missing
**
** Rule: a window of blocks is on its way at a time (snapshot_window); the next
**       one is read when the follower has one more on its disk, and not
**       before its time (snapshot_rate). So a slow follower is never pressed,
**       and neither is a slow line.
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
  replica->send_count++;
  want (replica, send);
}

static void set_free (struct replica *replica, struct replica_send *send) {
  send->state = SEND_FREE;
  raft_assert (replica->send_count > 0);
  replica->send_count--;
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
  send->data = NULL;
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
  send->data = status == RAFT_OK ? data : NULL;
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
  send->data = NULL;
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

/* What was read goes out, unless it is asked for no more. */
static void pass_on (struct replica *replica, struct replica_send *send) {
  struct wire_view data = { send->data, send->size };
  send->data = NULL;
  if (send->reading == send->next) {
    send->next++;
    replica_pace_spend (&replica->send_pace, replica->now, data.size);
    transmit (replica, send, send->reading, data);
  }
}

static bool wants_block (const struct replica *replica,
                         const struct replica_send *send) {
  return send->next < wal_snapshot_blocks (&send->reader)
         && send->next - send->stored
              < replica->options.limits.snapshot_window;
}

static bool settle_flowing (struct replica *replica,
                            struct replica_send *send) {
  if (send->status != RAFT_OK) {
    fail (replica, send, send->status);
    return true;
  }
  if (send->data != NULL) {
    pass_on (replica, send);
    return true;
  }
  if (wants_block (replica, send)
      && replica->now >= replica_pace_at (&replica->send_pace)) {
    send->reading = send->next;
    send->is_busy = true;
    wal_snapshot_read (&send->reader, send->next);
    return true;
  }
  return settle_silence (replica, send);
}

static bool settle_closed (struct replica *replica,
                           struct replica_send *send) {
  wal_snapshot_reader_free (&send->reader);
  memset (&send->reader, 0, sizeof send->reader);
  if (send->is_wanted_anew) {
    want (replica, send);
  } else if (replica->role != RAFT_LEADER || send->term != replica->term) {
    set_free (replica, send);
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
  set_free (replica, send); /* the step may want the next one */
  if (replica_step (replica, &event) != RAFT_OK) {
    send->state = SEND_PAUSING;
    replica->send_count++;
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
    case SEND_OFFERED: return settle_silence (replica, send);
    case SEND_FLOWING: return settle_flowing (replica, send);
    case SEND_CLOSING: return settle_closed (replica, send);
    case SEND_PAUSING: return settle_told (replica, send);
    case SEND_FREE: break;
  }
  return false;
}

bool replica_settle_sends (struct replica *replica) {
  bool moved = false;
  for (size_t i = 0; i < REPLICA_PEERS_MAX && replica->send_count > 0; i++) {
    struct replica_send *send = &replica->sends[i];
    if (send->state != SEND_FREE && !send->is_busy
        && replica->life == REPLICA_OPEN) {
      moved = settle_one (replica, send) || moved;
    }
  }
  return moved;
}

/* ---- answers ----------------------------------------------------------- */

/* The follower has so many blocks. Once it has all it installs them, and is
** asked now and then. */
static void go_on (struct replica *replica, struct replica_send *send,
                   uint64_t stored) {
  bool is_answer = send->state == SEND_OFFERED;
  send->give_up_at = replica->now + SNAPSHOT_SILENT * pause_of (replica);
  send->resend_at = replica->now + pause_of (replica);
  send->stored = stored;
  if (is_answer || send->next < stored) {
    send->next = stored;
  }
  send->state = stored < wal_snapshot_blocks (&send->reader)
                  ? SEND_FLOWING : SEND_OFFERED;
}

void replica_on_snapshot_result (struct replica *replica, raft_id from,
                                 const struct wire_snapshot_result *result) {
  struct replica_send *send = find (replica, from);
  if (send == NULL || replica->role != RAFT_LEADER
      || result->term != replica->term || send->term != replica->term
      || (send->state != SEND_OFFERED && send->state != SEND_FLOWING)
      || result->index != send->reader.head.index
      || result->salt != send->reader.head.salt) {
    return;
  }
  if (result->outcome != WIRE_SNAPSHOT_GOES_ON && send->is_busy) {
    return; /* it says so again, of the next block or offer */
  }
  if (result->outcome == WIRE_SNAPSHOT_INSTALLED) {
    replica->receive.sent++;
    send->status = RAFT_OK;
    close_file (send);
  } else if (result->outcome == WIRE_SNAPSHOT_REFUSED) {
    fail (replica, send, RAFT_EBUSY);
  } else if (send->state == SEND_OFFERED || result->next > send->stored) {
    go_on (replica, send, result->next);
  }
}

/* ---- time, life -------------------------------------------------------- */

static raft_time deadline_of (const struct replica *replica,
                              const struct replica_send *send) {
  raft_time block = replica_pace_at (&replica->send_pace);
  if (send->is_busy || send->state == SEND_FREE || send->state == SEND_WANTED
      || send->state == SEND_CLOSING) {
    return RAFT_TIME_MAX; /* something comes that it goes on with */
  }
  return send->state == SEND_FLOWING && wants_block (replica, send)
             && block < send->resend_at
           ? block : send->resend_at;
}

raft_time replica_sends_deadline (const struct replica *replica) {
  raft_time deadline = RAFT_TIME_MAX;
  for (size_t i = 0; i < REPLICA_PEERS_MAX && replica->send_count > 0; i++) {
    raft_time one = deadline_of (replica, &replica->sends[i]);
    deadline = one < deadline ? one : deadline;
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
