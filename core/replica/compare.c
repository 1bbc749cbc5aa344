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

_Static_assert (DIGEST_TOLD == WIRE_TRAIL_MAX, "a trail is told as it is");

/* 'trail': what led to the hash, NULL: not told. */
static void send_point (struct replica *replica, raft_id to,
                        const struct digest_point *told,
                        const struct digest_trail *trail) {
  struct port_net *net = replica->options.net;
  struct wire_result_hash point;
  struct raft_slice bytes;
  int status;
  point.term = replica->term;
  point.index = told->index;
  point.hash = told->hash;
  point.trail.data = trail == NULL ? NULL : trail->bytes;
  point.trail.size = trail == NULL ? 0 : (size_t)trail->count * 8;
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

static void stop_diverged (struct replica *replica,
                           const struct digest_parting *parting) {
  struct raft_event event;
  struct raft_detail why;
  replica_trace (replica, RAFT_TRACE_DIVERGED, replica->identity.member,
                 parting->lo, parting->hi);
  if (replica->role == RAFT_LEADER) {
    memset (&event, 0, sizeof event);
    event.kind = RAFT_EVENT_STEP_DOWN;
    (void)replica_step (replica, &event); /* it stops either way */
  }
  if (parting->lo == parting->hi) {
    raft_fail (&why, RAFT_EDIVERGED, "the result of entry %llu differs from "
               "that of a majority: result hash %016llx here, %016llx there",
               (unsigned long long)parting->hi,
               (unsigned long long)parting->own,
               (unsigned long long)parting->other);
  } else {
    raft_fail (&why, RAFT_EDIVERGED, "results of the entries %llu to %llu "
               "differ from those of a majority",
               (unsigned long long)parting->lo,
               (unsigned long long)parting->hi);
  }
  replica_stop (replica, RAFT_EDIVERGED, why.text);
}

/* The majority's word about a point. */
static void accept_verdict (struct replica *replica,
                            const struct digest_point *verdict,
                            const struct digest_trail *trail) {
  const struct digest_point *own
    = replica_digest_point_at (&replica->digest, verdict->index);
  if (own == NULL) {
    return;
  }
  if (own->hash != verdict->hash) {
    struct digest_parting parting
      = replica_digest_parting (&replica->digest, trail);
    stop_diverged (replica, &parting);
  } else if (verdict->index > replica->digest.compared) {
    replica->digest.compared = verdict->index;
  }
}

/* Once decided, everyone who reported is told, and whoever reports later: a
** member in the majority then knows up to where it was compared, and one in
** the minority gets the majority's trail. */
static void tell_poll (struct replica *replica, struct digest_poll *poll,
                       raft_id newest) {
  struct digest_point verdict = { poll->index, poll->hash };
  uint32_t i;
  for (i = 0; i < poll->count; i++) {
    const struct replica_digest_report *report = &poll->reports[i];
    if (report->member != replica->identity.member
        && (!poll->is_told || report->member == newest)) {
      send_point (replica, report->member, &verdict,
                  report->hash == poll->hash ? NULL : &poll->trail);
    }
  }
  poll->is_told = true;
}

/* Nobody knows who is right; where they part is known from any two. */
static void note_undecidable (struct replica *replica,
                              const struct digest_poll *poll,
                              const struct digest_trail *newest) {
  struct digest_parting parting
    = replica_digest_parting (&replica->digest, newest);
  if (parting.own == parting.other) { /* the newest is the own */
    parting = replica_digest_parting (&replica->digest, &poll->trail);
  }
  if (parting.own == parting.other) {
    parting.lo = replica->digest.compared + 1;
    parting.hi = poll->index;
  }
  replica->is_diverged = true;
  replica->digest.parted = parting.hi;
  replica_trace (replica, RAFT_TRACE_DIVERGED, RAFT_ID_NONE, parting.lo,
                 parting.hi);
}

static void note_report (struct replica *replica, raft_id member,
                         const struct digest_point *point,
                         const struct digest_trail *trail) {
  struct digest_poll *poll = replica_digest_report (
    &replica->digest, &replica->voters, member, point->index, point->hash);
  if (poll == NULL) {
    return;
  }
  replica_digest_keep_trail (poll, point->hash, trail);
  if (poll->state == DIGEST_UNDECIDABLE && !replica->is_diverged) {
    note_undecidable (replica, poll, trail);
  }
  if (poll->state == DIGEST_DECIDED) {
    struct digest_point verdict = { poll->index, poll->hash };
    tell_poll (replica, poll, member);
    accept_verdict (replica, &verdict, &poll->trail);
  }
}

static void report_point (struct replica *replica,
                          const struct digest_point *point) {
  struct digest_trail trail;
  replica_digest_trail (&replica->digest, point->index, &trail);
  if (replica->role == RAFT_LEADER) {
    note_report (replica, replica->identity.member, point, &trail);
  } else if (replica->leader != RAFT_ID_NONE) {
    send_point (replica, replica->leader, point, &trail);
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
  struct digest_point point = { hash->index, hash->hash };
  struct digest_trail trail;
  if (hash->term != replica->term) {
    return; /* from another leadership; it is told anew in this one */
  }
  raft_assert (hash->trail.size <= sizeof trail.bytes);
  trail.last = hash->index;
  trail.count = (uint32_t)(hash->trail.size / 8);
  if (trail.count > 0) {
    memcpy (trail.bytes, hash->trail.data, hash->trail.size);
  }
  if (replica->role == RAFT_LEADER) {
    if (hash->index <= replica->last) {
      note_report (replica, from, &point, &trail);
    }
  } else if (from == replica->leader) {
    accept_verdict (replica, &point, &trail);
  }
}
