/* SPDX-License-Identifier: MIT
**
** hello.c - other members: greetings, links, incarnations.
**
** Rule (DESIGN: identity): a peer's incarnation is in the own log, synced,
** before the first of its messages reaches the engine. So a member that comes
** back with another directory under its old id is recognised by everyone who
** ever counted on it, also after their own restart. */

#include <string.h>

#include "replica/inside.h"

void replica_greeting (const struct replica *replica,
                       struct wire_greeting *greeting) {
  memset (greeting, 0, sizeof *greeting);
  greeting->role = WIRE_ROLE_MEMBER;
  greeting->protocol = WIRE_PROTOCOL;
  greeting->cluster = replica->identity.cluster;
  greeting->group = replica->options.group;
  greeting->member = replica->identity.member;
  greeting->incarnation = replica->identity.incarnation;
  greeting->machine_hash = replica->machine_hash;
  memcpy (greeting->vm, replica->vm, sizeof greeting->vm);
}

static int judge_cluster (const struct replica *replica,
                          const struct wire_greeting *greeting,
                          struct raft_detail *detail) {
  if (greeting->role != WIRE_ROLE_MEMBER
      || greeting->protocol != WIRE_PROTOCOL || greeting->features != 0) {
    return raft_fail (detail, RAFT_EUNSUPPORTED, "expected a member with "
                      "protocol %d and no features, got protocol %u, "
                      "features %llx", WIRE_PROTOCOL,
                      (unsigned)greeting->protocol,
                      (unsigned long long)greeting->features);
  }
  if (greeting->cluster != replica->identity.cluster
      || greeting->group != replica->options.group) {
    return raft_fail (detail, RAFT_EWRONG_CLUSTER, "expected cluster %016llx "
                      "group %llu, got %016llx group %llu",
                      (unsigned long long)replica->identity.cluster,
                      (unsigned long long)replica->options.group,
                      (unsigned long long)greeting->cluster,
                      (unsigned long long)greeting->group);
  }
  if (greeting->member == replica->identity.member
      || !replica_is_member (replica, greeting->member)
      || greeting->incarnation == 0) {
    return raft_fail (detail, RAFT_ENOT_FOUND, "expected another member of "
                      "the configuration, got member %llu",
                      (unsigned long long)greeting->member);
  }
  return RAFT_OK;
}

static int judge_machine (const struct replica *replica,
                          const struct wire_greeting *greeting,
                          struct raft_detail *detail) {
  if (replica->options.mixed_vm
      || strncmp (greeting->vm, replica->vm, sizeof replica->vm) == 0) {
    return RAFT_OK;
  }
  return raft_fail (detail, RAFT_EUNSUPPORTED, "expected the VM of this "
                    "member (%.15s), got %.15s; mixed_vm allows it",
                    replica->vm, greeting->vm);
}

static int judge_incarnation (struct replica *replica,
                              const struct wire_greeting *greeting,
                              struct raft_detail *detail) {
  const struct replica_peer *peer
    = replica_peer_find (&replica->peers, greeting->member);
  if (peer == NULL || peer->incarnation == greeting->incarnation
      || raft_bug (replica, WIPED_ACCEPTED)) {
    return RAFT_OK;
  }
  return raft_fail (detail, RAFT_EWIPED, "expected member %llu with "
                    "incarnation %016llx, got %016llx: its directory was "
                    "made anew",
                    (unsigned long long)greeting->member,
                    (unsigned long long)peer->incarnation,
                    (unsigned long long)greeting->incarnation);
}

/* From its greeting on a peer is met: its messages may come before the link
** back to it is up. */
static void meet (struct replica *replica, raft_id member,
                  uint64_t incarnation) {
  if (replica_peer_find (&replica->peers, member) == NULL) {
    (void)replica_peer_add (&replica->peers, member, incarnation, PEER_MET);
  }
}

int replica_judge (struct replica *replica,
                   const struct wire_greeting *greeting,
                   struct raft_detail *detail) {
  int status;
  replica_enter (replica);
  status = replica->life == REPLICA_OPEN ? RAFT_OK : RAFT_ECLOSED;
  if (status == RAFT_OK) {
    status = judge_cluster (replica, greeting, detail);
  }
  if (status == RAFT_OK) {
    status = judge_machine (replica, greeting, detail);
  }
  if (status == RAFT_OK) {
    status = judge_incarnation (replica, greeting, detail);
  }
  if (status == RAFT_OK) {
    meet (replica, greeting->member, greeting->incarnation);
  } else {
    replica_trace (replica, RAFT_TRACE_REFUSED, greeting->member,
                   (uint64_t)(int64_t)status, 0);
  }
  replica_leave (replica);
  return status;
}

/* ---- links ------------------------------------------------------------ */

void replica_on_link_up (struct replica *replica, raft_id member,
                         uint64_t incarnation) {
  struct replica_peer *peer;
  replica_enter (replica);
  if (replica->life == REPLICA_OPEN && incarnation != 0
      && replica_is_member (replica, member)
      && member != replica->identity.member) {
    meet (replica, member, incarnation);
    peer = replica_peer_find (&replica->peers, member);
    if (peer != NULL && (peer->incarnation == incarnation
                         || raft_bug (replica, WIPED_ACCEPTED))) {
      peer->is_linked = true;
      replica_trace (replica, RAFT_TRACE_LINK_UP, member, 0, 0);
    }
  }
  replica_leave (replica);
}

static enum raft_reason reason_of (enum net_down why) {
  switch (why) {
    case NET_DOWN_ENDED:
      return RAFT_REASON_ENDED;
    case NET_DOWN_REFUSED:
      return RAFT_REASON_REFUSED;
    case NET_DOWN_SILENT:
      break;
  }
  return RAFT_REASON_SILENT;
}

void replica_on_link_down (struct replica *replica, raft_id member,
                           enum net_down why) {
  struct replica_peer *peer;
  replica_enter (replica);
  peer = replica_peer_find (&replica->peers, member);
  if (replica->life == REPLICA_OPEN && peer != NULL && peer->is_linked) {
    peer->is_linked = false;
    replica_trace (replica, RAFT_TRACE_LINK_DOWN, member, reason_of (why),
                   0);
  }
  replica_leave (replica);
}

/* ---- what was noted --------------------------------------------------- */

static bool write_peer (struct replica *replica, struct replica_peer *peer) {
  struct wal_peer write;
  write.member = peer->member;
  write.incarnation = peer->incarnation;
  if (wal_persist_peer (replica->wal, replica->wal_ticket + 1, &write)
      != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  if (replica->wal_ticket == replica->wal_durable) {
    replica->write_since = replica->now;
  }
  replica->wal_ticket++;
  peer->wal_ticket = replica->wal_ticket;
  peer->state = PEER_WRITING;
  return true;
}

static bool tell_link (struct replica *replica, struct replica_peer *peer) {
  struct raft_event event;
  bool is_linked = peer->is_linked;
  memset (&event, 0, sizeof event);
  event.kind = is_linked ? RAFT_EVENT_LINK_UP : RAFT_EVENT_LINK_DOWN;
  event.as.link.member = peer->member;
  if (replica_step (replica, &event) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  peer->is_told = is_linked;
  return true;
}

bool replica_settle_peers (struct replica *replica) {
  bool moved = false;
  uint32_t i;
  for (i = 0; i < replica->peers.count; i++) {
    struct replica_peer *peer = &replica->peers.list[i];
    if (replica->life == REPLICA_OPEN && peer->state == PEER_MET) {
      moved = write_peer (replica, peer) || moved;
    }
    if (replica->life == REPLICA_OPEN && peer->state == PEER_KNOWN
        && peer->is_told != peer->is_linked) {
      moved = tell_link (replica, peer) || moved;
    }
  }
  return moved;
}
