/* SPDX-License-Identifier: MIT
**
** open.c - recovery: the log, then the machine, its snapshot, the engine.
**
** The log comes first: it takes the directory's lock, so that no machine
** opens files of its own there beside another process. The engine comes last:
** its election timeout begins when the member can take part. */

#include <string.h>

#include "replica/inside.h"

int replica_open_log (struct replica *replica) {
  struct wal_options options;
  memset (&options, 0, sizeof options);
  options.memory = replica->memory;
  options.fs = replica->options.fs;
  options.clock = replica->options.clock;
  options.tracer = replica->options.tracer;
  options.place = replica->options.place;
  options.limits = replica->options.limits;
  options.covered
    = replica->opening.is_chosen ? replica->opening.head.index : 0;
  options.bug = replica->bug;
  options.owner = replica;
  options.opened = replica_on_wal_opened;
  options.durable = replica_on_durable;
  options.failed = replica_on_wal_failed;
  options.full = replica_on_full;
  options.voted = replica_on_voted;
  return wal_open (&replica->wal, &options);
}

/* The one before is needed when the latest is cut. What was begun with a
** snapshot may have neither in its log. */
static int keep_configurations (struct replica *replica,
                                const struct wal_recovered *recovered,
                                struct raft_detail *detail) {
  int status = RAFT_OK;
  if (recovered->previous_index != 0) {
    status = replica_configure (replica, recovered->previous,
                                recovered->previous_index, detail);
  }
  if (status == RAFT_OK && recovered->configuration_index != 0) {
    status = replica_configure (replica, recovered->configuration,
                                recovered->configuration_index, detail);
  }
  return status;
}

/* Who has gone may fall out; the log keeps them. */
static int keep_peers (struct replica *replica,
                       const struct wal_recovered *recovered,
                       struct raft_detail *detail) {
  for (uint32_t i = 0; i < 2 * recovered->peer_count; i++) {
    const struct wal_peer *peer
      = &recovered->peers[i % recovered->peer_count];
    bool is_member = replica_is_member (replica, peer->member);
    if (is_member == (i < recovered->peer_count)
        && replica_peer_add (&replica->peers, peer->member,
                             peer->incarnation, PEER_KNOWN) == NULL
        && is_member) {
      return raft_fail (detail, RAFT_ECORRUPT, "the log names more than %d "
                        "peers", REPLICA_PEERS_MAX);
    }
  }
  return RAFT_OK;
}

/* What is valid only during the log's call, copied. */
static int keep_recovered (struct replica *replica,
                           const struct wal_recovered *recovered,
                           struct raft_detail *detail) {
  size_t size = recovered->run_count * sizeof *replica->runs;
  int status;
  replica->runs = raft_allocate (replica->memory, size > 0 ? size : 1);
  if (replica->runs == NULL) {
    return raft_fail (detail, RAFT_ENOMEM, "out of memory in recovery");
  }
  memcpy (replica->runs, recovered->runs, size);
  replica->runs_size = size > 0 ? size : 1;
  replica->recovered = *recovered;
  replica->recovered.runs = replica->runs;
  replica->recovered.configuration = raft_slice_borrowed (NULL, 0);
  replica->recovered.previous = raft_slice_borrowed (NULL, 0);
  replica->recovered.peers = NULL;
  replica->identity = recovered->identity;
  replica->last = recovered->last_index;
  status = keep_configurations (replica, recovered, detail);
  return status == RAFT_OK ? keep_peers (replica, recovered, detail)
                           : status;
}

void replica_open_machine (struct replica *replica) {
  struct machine_request *request = &replica->machine_life;
  request->operation = MACHINE_OPEN;
  request->owner = replica;
  request->done = replica_on_machine_life;
  replica->options.machine->submit (replica->options.machine, request);
}

/* A log without its beginning is explained by the snapshot that was refused,
** and one that is damaged is the second thing to know. */
static void stop_opening (struct replica *replica, int status,
                          const struct raft_detail *detail) {
  const struct raft_detail *refused = &replica->opening.refused;
  struct raft_detail why;
  if (status == RAFT_ECORRUPT && refused->text[0] != '\0') {
    raft_fail (&why, status, "%.*s: remove this member, add a new one; %s",
               SNAPSHOT_REFUSED_SHOWN, refused->text,
               detail != NULL ? detail->text : "");
    detail = &why;
  }
  replica_stop (replica, status, detail != NULL ? detail->text : NULL);
}

void replica_on_wal_opened (void *owner, int status,
                            const struct wal_recovered *recovered,
                            const struct raft_detail *detail) {
  struct replica *replica = owner;
  struct raft_detail why;
  replica_enter (replica);
  replica->wal_opened = true;
  replica->wal_usable = status == RAFT_OK;
  if (replica->life == REPLICA_OPENING) {
    if (status == RAFT_OK) {
      status = keep_recovered (replica, recovered, &why);
      detail = &why;
    }
    if (status == RAFT_OK) {
      replica_opening_judge (replica);
    } else {
      stop_opening (replica, status, detail);
    }
  }
  replica_leave (replica);
}

static int make_engine (struct replica *replica) {
  const struct replica_options *given = &replica->options;
  struct raft_options options;
  struct raft_recovered recovered;
  raft_options_default (&options);
  options.id = replica->identity.member;
  options.group = given->group;
  options.limits = given->limits;
  options.trace_levels = given->tracer != NULL ? given->tracer->levels : 0;
  options.bug = replica->bug;
  if (given->heartbeat_us != 0) {
    options.heartbeat_us = given->heartbeat_us;
  }
  if (given->election_us != 0) {
    options.election_us = given->election_us;
  }
  if (given->election_spread_us != 0) {
    options.election_spread_us = given->election_spread_us;
  }
  if (given->check_quorum_us != 0) {
    options.check_quorum_us = given->check_quorum_us;
  }
  memset (&recovered, 0, sizeof recovered);
  recovered.term = replica->recovered.term;
  recovered.vote = replica->recovered.vote;
  recovered.runs = replica->runs;
  recovered.run_count = replica->recovered.run_count;
  recovered.base_index = replica->snapshot_index;
  recovered.base_term
    = replica->snapshot_index > 0 ? replica->opening.head.term : 0;
  recovered.last_index = replica->recovered.last_index;
  recovered.last_time = replica->recovered.last_time;
  wire_configuration_sets (&replica->configuration,
                           &recovered.configuration);
  recovered.configuration_index = replica->configuration_index;
  if (replica->previous_index != 0) {
    wire_configuration_sets (&replica->previous, &recovered.previous);
    recovered.previous_index = replica->previous_index;
  }
  return raft_new (&replica->raft, replica->memory, &options, &recovered,
                   replica->now, given->clock->random (given->clock));
}

static raft_index last_known (const struct replica *replica) {
  const struct replica_opening *opening = &replica->opening;
  raft_index last = replica->recovered.last_index;
  return opening->is_chosen && opening->head.index > last
           ? opening->head.index : last;
}

/* The machine is there. What it holds already must be in our log. */
static int take_machine (struct replica *replica,
                         const struct machine_request *request,
                         struct raft_detail *detail) {
  if (request->status != RAFT_OK) {
    return raft_fail (detail, request->status, "%.*s",
                      (int)sizeof request->message - 1,
                      request->message[0] != '\0'
                        ? request->message
                        : raft_error_text (request->status));
  }
  replica->machine_open = true;
  if (request->held_index > last_known (replica)) {
    return raft_fail (detail, RAFT_EMACHINE,
                      "the machine holds index %llu, the log ends at %llu",
                      (unsigned long long)request->held_index,
                      (unsigned long long)last_known (replica));
  }
  replica->held_index = request->held_index;
  replica->machine_hash = request->hash;
  memcpy (replica->vm, request->vm, sizeof replica->vm);
  replica->vm[sizeof replica->vm - 1] = '\0';
  return RAFT_OK;
}

static void on_machine_opened (struct replica *replica,
                               const struct machine_request *request) {
  struct raft_detail why;
  int status = take_machine (replica, request, &why);
  if (status != RAFT_OK) {
    replica_stop (replica, status, why.text);
    return;
  }
  replica_opening_restore (replica);
}

/* Results of what the machine holds and the snapshot does not are gone. */
void replica_open_engine (struct replica *replica) {
  struct raft_detail why;
  int status;
  if (replica->held_index > replica->snapshot_index) {
    replica->digest.is_blind = true;
  }
  replica_cache_init (&replica->cache, replica->memory,
                      replica->recovered.last_index + 1);
  replica->term = replica->recovered.term;
  replica->apply.next = replica->apply.end = replica->applied + 1;
  status = make_engine (replica);
  raft_fail (&why, status, "the engine: %s", raft_error_text (status));
  if (status != RAFT_OK) {
    replica_stop (replica, status, why.text);
    return;
  }
  replica->life = REPLICA_OPEN;
  replica->tell_opened = true;
  replica->status = RAFT_OK;
  replica_trace (replica, RAFT_TRACE_OPENED, replica->recovered.last_index,
                 replica->recovered.vote, 0);
  replica_know_members (replica);
}

void replica_on_machine_life (struct machine_request *request) {
  struct replica *replica = request->owner;
  replica_enter (replica);
  request->owner = NULL; /* free again */
  if (request->operation == MACHINE_CLOSE) {
    replica->machine_closed = true;
  } else if (replica->life == REPLICA_OPENING) {
    on_machine_opened (replica, request);
  } else {
    replica->machine_open = request->status == RAFT_OK;
  }
  replica_leave (replica);
}
