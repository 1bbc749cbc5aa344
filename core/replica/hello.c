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
  const char *address
    = replica_address_of (replica, replica->identity.member);
  memset (greeting, 0, sizeof *greeting);
  greeting->role = WIRE_ROLE_MEMBER;
  greeting->protocol = replica->version.protocol;
  greeting->oldest = replica->version.oldest;
  greeting->features = replica->version.features;
  greeting->cluster = replica->identity.cluster;
  greeting->group = replica->options.group;
  greeting->member = replica->identity.member;
  greeting->incarnation = replica->identity.incarnation;
  greeting->machine_hash = replica->machine_hash;
  memcpy (greeting->vm, replica->vm, sizeof greeting->vm);
  if (address != NULL) {
    memcpy (greeting->address, address, strlen (address) + 1);
  }
}

/* ---- judging ---------------------------------------------------------- */

static int judge_cluster (const struct replica *replica,
                          const struct wire_greeting *greeting,
                          struct raft_detail *detail) {
  if (greeting->role != WIRE_ROLE_MEMBER) {
    return raft_fail (detail, RAFT_EUNSUPPORTED, "expected a member, got a "
                                                 "client");
  }
  if (greeting->cluster != replica->identity.cluster
      || greeting->group != replica->options.group) {
    return raft_fail (detail, RAFT_EWRONG_CLUSTER, "expected cluster %016llx "
                      "(%.32s) group %llu, got %016llx group %llu",
                      (unsigned long long)replica->identity.cluster,
                      replica->configuration.name,
                      (unsigned long long)replica->options.group,
                      (unsigned long long)greeting->cluster,
                      (unsigned long long)greeting->group);
  }
  return RAFT_OK;
}

/* An id above all that the log here has seen may have been added since. As
** long as the latest configuration may be cut, what it says of others is no
** reason to refuse them: one whom it leaves out may be the leader that cuts
** it, one whom it does not know may have been added in its place. */
static bool may_be_member (const struct replica *replica, raft_id id) {
  bool is_sure = replica->previous_index == 0
                 || replica->commit >= replica->configuration_index;
  const struct wire_configuration *sure
    = is_sure ? &replica->configuration : &replica->previous;
  return replica_is_member (replica, id)
         || wire_configuration_find (sure, id) != NULL || id > sure->used;
}

static int judge_member (const struct replica *replica,
                         const struct wire_greeting *greeting,
                         raft_id dialled, struct raft_detail *detail) {
  if (dialled != RAFT_ID_NONE && greeting->member != dialled) {
    return raft_fail (detail, RAFT_ENOT_FOUND, "expected member %llu",
                      (unsigned long long)dialled);
  }
  if (replica_is_removed (replica, greeting->member)) {
    return raft_fail (detail, RAFT_EREMOVED, "expected a member of "
                      "configuration %llu",
                      (unsigned long long)replica->configuration_index);
  }
  if (greeting->member == replica->identity.member
      || !may_be_member (replica, greeting->member)
      || greeting->incarnation == 0) {
    return raft_fail (detail, RAFT_ENOT_FOUND, "expected another member of "
                      "the configuration");
  }
  return RAFT_OK;
}

static struct wire_version version_of (
  const struct wire_greeting *greeting) {
  return (struct wire_version){ greeting->protocol, greeting->oldest,
                                greeting->features };
}

static int judge_version (const struct replica *replica,
                          const struct wire_greeting *greeting,
                          struct raft_detail *detail) {
  struct wire_version theirs = version_of (greeting);
  struct wire_version both;
  uint64_t needed = replica->agreement.features;
  int status = wire_version_meet (&replica->version, &theirs, &both, detail);
  if (status == RAFT_OK && (needed & ~theirs.features) != 0) {
    status = raft_fail (detail, RAFT_EUNSUPPORTED, "expected features %llx, "
                        "that the members have agreed on, got %llx",
                        (unsigned long long)needed,
                        (unsigned long long)theirs.features);
  }
  return status;
}

static int judge_machine (const struct replica *replica,
                          const struct wire_greeting *greeting,
                          struct raft_detail *detail) {
  if (replica->options.mixed_vm
      || strncmp (greeting->vm, replica->vm, sizeof replica->vm) == 0) {
    return RAFT_OK;
  }
  return raft_fail (detail, RAFT_EUNSUPPORTED, "expected the VM %.15s, got "
                    "%.15s (mixed_vm = true on all members allows it)",
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
  return raft_fail (detail, RAFT_EWIPED, "expected incarnation %016llx, got "
                    "%016llx: its directory was made anew",
                    (unsigned long long)peer->incarnation,
                    (unsigned long long)greeting->incarnation);
}

/* From its greeting on a peer is met: its messages may come before the link
** back to it is up. */
static struct replica_peer *meet (struct replica *replica, raft_id member,
                                  uint64_t incarnation) {
  struct replica_peer *peer = replica_peer_find (&replica->peers, member);
  return peer != NULL ? peer
                      : replica_peer_add (&replica->peers, member,
                                          incarnation, PEER_MET);
}

/* Another machine is allowed, while one is being exchanged; results that
** differ for it are found by the result hashes. */
static void compare_machine (struct replica *replica,
                             struct replica_peer *peer, uint64_t theirs) {
  if (peer != NULL && theirs != 0 && replica->machine_hash != 0
      && theirs != replica->machine_hash && theirs != peer->machine_hash) {
    peer->machine_hash = theirs;
    replica_trace (replica, RAFT_TRACE_MACHINE, peer->member,
                   replica->machine_hash, theirs);
  }
}

static void refuse (struct replica *replica,
                    const struct wire_greeting *greeting,
                    const struct replica_origin *origin,
                    struct wire_refusal *refusal) {
  raft_id about = origin->dialled != RAFT_ID_NONE ? origin->dialled
                                                  : greeting->member;
  struct raft_detail what = refusal->why;
  refusal->cluster = replica->identity.cluster;
  refusal->member = replica->identity.member;
  (void)raft_fail (&refusal->why, refusal->code, "%s, of member %llu %s %s",
                   what.text, (unsigned long long)greeting->member,
                   origin->dialled != RAFT_ID_NONE ? "at" : "from",
                   origin->address);
  if (replica_refusal_note (&replica->refusals,
                            replica_is_member (replica, about)
                              ? about : RAFT_ID_NONE,
                            false, refusal->code, replica->now)) {
    replica_trace_text (replica, RAFT_TRACE_REFUSED, about,
                        (uint64_t)(int64_t)refusal->code, refusal->why.text);
  }
}

int replica_judge (struct replica *replica,
                   const struct wire_greeting *greeting,
                   const struct replica_origin *origin,
                   struct wire_refusal *refusal) {
  int status;
  memset (refusal, 0, sizeof *refusal);
  replica_enter (replica);
  if (replica->life != REPLICA_OPEN) {
    replica_leave (replica);
    return RAFT_ECLOSED; /* nothing to be said of the other */
  }
  status = judge_cluster (replica, greeting, &refusal->why);
  if (status == RAFT_OK) {
    status = judge_member (replica, greeting, origin->dialled,
                           &refusal->why);
  }
  if (status == RAFT_OK) {
    status = judge_version (replica, greeting, &refusal->why);
  }
  if (status == RAFT_OK) {
    status = judge_machine (replica, greeting, &refusal->why);
  }
  if (status == RAFT_OK) {
    status = judge_incarnation (replica, greeting, &refusal->why);
  }
  if (status == RAFT_OK) {
    struct replica_peer *peer
      = meet (replica, greeting->member, greeting->incarnation);
    compare_machine (replica, peer, greeting->machine_hash);
    if (peer != NULL) {
      peer->version = version_of (greeting);
    }
    replica_know_guest (replica, greeting);
  } else {
    refusal->code = status;
    refuse (replica, greeting, origin, refusal);
  }
  replica_leave (replica);
  return status;
}

/* ---- being refused ---------------------------------------------------- */

static bool has_accepted (struct replica *replica, raft_id member) {
  const struct replica_peer *peer
    = replica_peer_find (&replica->peers, member);
  return peer != NULL && peer->has_accepted;
}

/* Whether all that is left is less than a majority: who is refused so often
** can take part in nothing. A single one may be mistaken itself. */
static bool is_shut_out (struct replica *replica) {
  const struct raft_id_set *voters = &replica->voters;
  uint32_t refusing = 0;
  for (uint32_t i = 0; i < voters->count; i++) {
    int code = replica_refusal_code (&replica->refusals, voters->ids[i]);
    refusing += (code == RAFT_EWRONG_CLUSTER || code == RAFT_EUNSUPPORTED)
                && !has_accepted (replica, voters->ids[i]);
  }
  return voters->count - refusing < voters->count / 2 + 1;
}

/* Rule: only who was dialled at the address of our own configuration may say
**       so, and not one who has accepted this process before: then it is the
**       other that has changed. */
static void maybe_give_up (struct replica *replica,
                           const struct replica_origin *origin,
                           const struct wire_refusal *refusal) {
  struct raft_detail why;
  const char *advice;
  if (refusal->code == RAFT_EWIPED && refusal->member == origin->dialled
      && refusal->cluster == replica->identity.cluster) {
    advice = "this directory was made anew; bring the old one back, or "
             "start this member with a new id";
  } else if (is_shut_out (replica)) {
    advice = refusal->code == RAFT_EWRONG_CLUSTER
               ? "is --dir the right directory, and was it made with the "
                 "same --name and --members?"
               : "all members need the same VM and version";
  } else {
    return;
  }
  (void)raft_fail (&why, refusal->code, "member %llu at %s refuses this one "
                   "for good: %s", (unsigned long long)origin->dialled,
                   origin->address, advice);
  replica_stop (replica, refusal->code, why.text);
}

/* Only a committed configuration removes, so one who says so is enough. */
static bool is_told_removed (const struct replica *replica,
                             const struct replica_origin *origin,
                             const struct wire_refusal *refusal) {
  return refusal->code == RAFT_EREMOVED
         && refusal->member == origin->dialled
         && refusal->cluster == replica->identity.cluster;
}

static void leave (struct replica *replica,
                   const struct replica_origin *origin) {
  struct raft_detail why;
  (void)raft_fail (&why, RAFT_EREMOVED, "this member, %llu, was removed from "
                   "the cluster, says member %llu at %s",
                   (unsigned long long)replica->identity.member,
                   (unsigned long long)origin->dialled, origin->address);
  replica_stop (replica, RAFT_EREMOVED, why.text);
}

void replica_on_refused (struct replica *replica,
                         const struct replica_origin *origin,
                         const struct wire_refusal *refusal) {
  replica_enter (replica);
  if (replica->life == REPLICA_OPEN
      && replica_is_known (replica, origin->dialled)) {
    if (replica_refusal_note (&replica->refusals, origin->dialled, true,
                              refusal->code, replica->now)) {
      replica_trace_text (replica, RAFT_TRACE_REFUSED_BY, origin->dialled,
                          (uint64_t)(int64_t)refusal->code,
                          refusal->why.text);
    }
    if (is_told_removed (replica, origin, refusal)) {
      leave (replica, origin);
    } else if (!has_accepted (replica, origin->dialled)) {
      maybe_give_up (replica, origin, refusal);
    }
  }
  replica_leave (replica);
}

/* ---- links ------------------------------------------------------------ */

void replica_on_link_up (struct replica *replica, raft_id member,
                         uint64_t incarnation) {
  struct replica_peer *peer;
  replica_enter (replica);
  if (replica->life == REPLICA_OPEN && incarnation != 0
      && may_be_member (replica, member)
      && member != replica->identity.member) {
    peer = meet (replica, member, incarnation);
    if (peer != NULL && (peer->incarnation == incarnation
                         || raft_bug (replica, WIPED_ACCEPTED))) {
      peer->link = LINK_UP;
      peer->has_accepted = true;
      replica_refusal_over (&replica->refusals, member);
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

/* Each refused dial says again that it is gone: the engine may have heard it
** in between, late. */
static void note_down (struct replica_peer *peer, enum net_down why) {
  bool was_up = peer->link == LINK_UP;
  bool has_ended = peer->link == LINK_ENDED || peer->link == LINK_GONE;
  if (was_up && why == NET_DOWN_ENDED) {
    peer->link = LINK_ENDED;
  } else if (has_ended && why == NET_DOWN_REFUSED) {
    peer->link = LINK_GONE;
    peer->told = LINK_ENDED;
  } else if (was_up || why == NET_DOWN_SILENT) {
    peer->link = LINK_SILENT;
  }
}

void replica_on_link_down (struct replica *replica, raft_id member,
                           enum net_down why) {
  struct replica_peer *peer;
  replica_enter (replica);
  peer = replica_peer_find (&replica->peers, member);
  if (replica->life == REPLICA_OPEN && peer != NULL) {
    if (peer->link == LINK_UP) {
      replica_trace (replica, RAFT_TRACE_LINK_DOWN, member, reason_of (why),
                     0);
    }
    note_down (peer, why);
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
  enum replica_link link = peer->link;
  memset (&event, 0, sizeof event);
  event.kind = link == LINK_UP ? RAFT_EVENT_LINK_UP : RAFT_EVENT_LINK_DOWN;
  event.as.link.member = peer->member;
  event.as.link.is_gone = link == LINK_GONE;
  if (replica_step (replica, &event) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  peer->told = link;
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
        && peer->told != peer->link) {
      moved = tell_link (replica, peer) || moved;
    }
  }
  return moved;
}
