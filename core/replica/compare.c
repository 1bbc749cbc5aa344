/* SPDX-License-Identifier: MIT
**
** compare.c - members that computed something else are found and stopped.
**
** A follower sends each of its hash points to the leader. When a majority,
** the leader included, reported the same hash for a point, the leader tells
** it to all who reported; a member that has another one finds itself in the
** minority and stops. A leader in the minority steps down first. When no hash
** can reach a majority any more nobody knows who is right: the leader takes
** no more commands and goes on answering reads.
**
**   follower ── point ──► leader ── the majority's hash ──► all          */

#include <string.h>

#include "replica/inside.h"

static void send_point (struct replica *replica, raft_id to,
                        raft_index index, uint64_t hash) {
  struct port_net *net = replica->options.net;
  struct wire_result_hash point;
  struct raft_slice bytes;
  int status;
  point.term = replica->term;
  point.index = index;
  point.hash = hash;
  replica->scratch.size = 0;
  status = wire_result_hash_encode (&replica->scratch,
                                    replica->options.group,
                                    replica->identity.member, to, &point);
  if (status == RAFT_OK) {
    status = raft_chunk_copy (&replica->chunk, replica->scratch.data,
                              replica->scratch.size, &bytes);
  }
  if (status == RAFT_OK) {
    net->send (net, to, NET_NORMAL, bytes);
  } else {
    replica->dropped++; /* the next point, or leader, tells the same */
  }
}

static void stop_diverged (struct replica *replica, raft_index index) {
  struct raft_event event;
  struct raft_detail why;
  raft_index lo = replica->digest.compared + 1;
  replica_trace (replica, RAFT_TRACE_DIVERGED, replica->identity.member, lo,
                 index);
  if (replica->role == RAFT_LEADER) {
    memset (&event, 0, sizeof event);
    event.kind = RAFT_EVENT_STEP_DOWN;
    (void)replica_step (replica, &event); /* it stops either way */
  }
  raft_fail (&why, RAFT_EDIVERGED, "results of the entries %llu to %llu "
             "differ from those of a majority", (unsigned long long)lo,
             (unsigned long long)index);
  replica_stop (replica, RAFT_EDIVERGED, why.text);
}

/* The majority's word about a point. */
static void accept_verdict (struct replica *replica, raft_index index,
                            uint64_t hash) {
  const struct digest_point *own
    = replica_digest_point_at (&replica->digest, index);
  if (own == NULL) {
    return;
  }
  if (own->hash != hash) {
    stop_diverged (replica, index);
  } else if (index > replica->digest.compared) {
    replica->digest.compared = index;
  }
}

/* Once decided, everyone who reported is told, and whoever reports later: a
** member in the majority then knows up to where it was compared. */
static void tell_poll (struct replica *replica, struct digest_poll *poll,
                       raft_id newest) {
  uint32_t i;
  for (i = 0; i < poll->count; i++) {
    raft_id member = poll->reports[i].member;
    if (member != replica->identity.member
        && (!poll->is_told || member == newest)) {
      send_point (replica, member, poll->index, poll->hash);
    }
  }
  poll->is_told = true;
}

static void note_report (struct replica *replica, raft_id member,
                         raft_index index, uint64_t hash) {
  struct digest_poll *poll = replica_digest_report (
    &replica->digest, &replica->voters, member, index, hash);
  if (poll == NULL) {
    return;
  }
  if (poll->state == DIGEST_UNDECIDABLE && !replica->is_diverged) {
    replica->is_diverged = true;
    replica_trace (replica, RAFT_TRACE_DIVERGED, RAFT_ID_NONE,
                   replica->digest.compared + 1, poll->index);
  }
  if (poll->state == DIGEST_DECIDED) {
    tell_poll (replica, poll, member);
    accept_verdict (replica, poll->index, poll->hash);
  }
}

static void report_point (struct replica *replica,
                          const struct digest_point *point) {
  if (replica->role == RAFT_LEADER) {
    note_report (replica, replica->identity.member, point->index,
                 point->hash);
  } else if (replica->leader != RAFT_ID_NONE) {
    send_point (replica, replica->leader, point->index, point->hash);
  }
}

void replica_compare_point (struct replica *replica) {
  report_point (replica,
                replica_digest_point_at (&replica->digest, replica->applied));
}

/* A new leader knows of no reports: everyone repeats its latest points. */
void replica_compare_all (struct replica *replica) {
  size_t i;
  replica_digest_polls_clear (&replica->digest);
  replica->is_diverged = false;
  for (i = 0; i < DIGEST_POINTS && replica->life == REPLICA_OPEN; i++) {
    if (replica->digest.points[i].index != 0) {
      report_point (replica, &replica->digest.points[i]);
    }
  }
}

void replica_on_result_hash (struct replica *replica, raft_id from,
                             const struct wire_result_hash *hash) {
  if (hash->term != replica->term) {
    return; /* from another leadership; it is told anew in this one */
  }
  if (replica->role == RAFT_LEADER) {
    if (hash->index <= replica->last) {
      note_report (replica, from, hash->index, hash->hash);
    }
  } else if (from == replica->leader) {
    accept_verdict (replica, hash->index, hash->hash);
  }
}
