/* SPDX-License-Identifier: MIT
**
** open.c - recovery: the log, then the machine, then the engine.
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
  options.bug = replica->bug;
  options.owner = replica;
  options.opened = replica_on_wal_opened;
  options.durable = replica_on_durable;
  options.failed = replica_on_wal_failed;
  options.full = replica_on_full;
  return wal_open (&replica->wal, &options);
}

/* What is valid only during the log's call, copied. */
static int keep_recovered (struct replica *replica,
                           const struct wal_recovered *recovered,
                           struct raft_detail *detail) {
  size_t size = recovered->run_count * sizeof *replica->runs;
  uint32_t i;
  replica->runs = raft_allocate (replica->memory, size > 0 ? size : 1);
  if (replica->runs == NULL) {
    return raft_fail (detail, RAFT_ENOMEM, "out of memory in recovery");
  }
  memcpy (replica->runs, recovered->runs, size);
  replica->recovered = *recovered;
  replica->recovered.runs = replica->runs;
  replica->recovered.configuration = raft_slice_borrowed (NULL, 0);
  replica->recovered.peers = NULL;
  replica->identity = recovered->identity;
  replica->last = recovered->last_index;
  for (i = 0; i < recovered->peer_count; i++) {
    if (replica_peer_add (&replica->peers, recovered->peers[i].member,
                          recovered->peers[i].incarnation, PEER_KNOWN)
        == NULL) {
      return raft_fail (detail, RAFT_ECORRUPT, "the log names more than %d "
                        "peers", REPLICA_PEERS_MAX);
    }
  }
  return replica_configure (replica, recovered->configuration,
                            recovered->configuration_index, detail);
}

static void open_machine (struct replica *replica) {
  struct machine_request *request = &replica->machine_life;
  request->operation = MACHINE_OPEN;
  request->owner = replica;
  request->done = replica_on_machine_life;
  replica->options.machine->submit (replica->options.machine, request);
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
      open_machine (replica);
    } else {
      replica_stop (replica, status, detail != NULL ? detail->text : NULL);
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
  recovered.last_index = replica->recovered.last_index;
  recovered.last_time = replica->recovered.last_time;
  wire_configuration_sets (&replica->configuration,
                           &recovered.configuration);
  recovered.configuration_index = replica->configuration_index;
  return raft_new (&replica->raft, replica->memory, &options, &recovered,
                   replica->now, given->clock->random (given->clock));
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
  if (request->held_index > replica->recovered.last_index) {
    return raft_fail (detail, RAFT_EMACHINE,
                      "the machine holds index %llu, the log ends at %llu",
                      (unsigned long long)request->held_index,
                      (unsigned long long)replica->recovered.last_index);
  }
  replica->held_index = request->held_index;
  replica->digest.is_blind = request->held_index > 0;
  replica->machine_hash = request->hash;
  memcpy (replica->vm, request->vm, sizeof replica->vm);
  replica->vm[sizeof replica->vm - 1] = '\0';
  return RAFT_OK;
}

static void tell_addresses (struct replica *replica) {
  struct port_net *net = replica->options.net;
  uint32_t i;
  for (i = 0; i < replica->configuration.member_count; i++) {
    const struct wire_member *member = &replica->configuration.members[i];
    if (member->id != replica->identity.member) {
      net->know (net, member->id, member->address);
    }
  }
}

static void on_machine_opened (struct replica *replica,
                               const struct machine_request *request) {
  struct raft_detail why;
  int status = take_machine (replica, request, &why);
  if (status == RAFT_OK) {
    replica_cache_init (&replica->cache, replica->memory,
                        replica->recovered.last_index + 1);
    replica->term = replica->recovered.term;
    status = make_engine (replica);
    raft_fail (&why, status, "the engine: %s", raft_error_text (status));
  }
  if (status != RAFT_OK) {
    replica_stop (replica, status, why.text);
    return;
  }
  replica->life = REPLICA_OPEN;
  replica->tell_opened = true;
  replica->status = RAFT_OK;
  replica_trace (replica, RAFT_TRACE_OPENED, replica->recovered.last_index,
                 replica->recovered.vote, 0);
  tell_addresses (replica);
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

/* ---- init: a member's directory --------------------------------------- */

static bool init_has_member (const struct wire_configuration *value,
                             raft_id id) {
  uint32_t i;
  for (i = 0; i < value->member_count; i++) {
    if (value->members[i].id == id) {
      return true;
    }
  }
  return false;
}

/* Below 2^53, so that every Lua can show it, and never 0. */
static uint64_t init_draw (struct port_clock *clock) {
  uint64_t drawn = clock->random (clock) >> 11;
  return drawn != 0 ? drawn : 1;
}

static int init_entry (const struct wal_options *options, raft_id id,
                       const struct wire_configuration *value,
                       struct wal_identity *identity,
                       struct raft_slice *entry, struct raft_detail *detail) {
  struct raft_buffer bytes;
  int status;
  if (!init_has_member (value, id)) {
    return raft_fail (detail, RAFT_EINVALID, "expected the id of one of the "
                      "%u members, got %llu", (unsigned)value->member_count,
                      (unsigned long long)id);
  }
  raft_buffer_init (&bytes, options->memory);
  status = wire_first_entry (&bytes, 0, value, &identity->cluster, detail);
  if (status == RAFT_OK) {
    status = raft_slice_copy (options->memory, bytes.data, bytes.size,
                              entry);
  }
  if (status == RAFT_ENOMEM) {
    raft_fail (detail, status, "out of memory");
  }
  raft_buffer_free (&bytes);
  identity->member = id;
  identity->incarnation = init_draw (options->clock);
  return status;
}

int replica_init (const struct wal_options *options, raft_id id,
                  const struct wire_configuration *value,
                  void (*done) (void *owner, int status,
                                const struct raft_detail *detail)) {
  struct wal_identity identity;
  struct raft_slice entry = raft_slice_borrowed (NULL, 0);
  struct raft_detail detail;
  int status = init_entry (options, id, value, &identity, &entry, &detail);
  if (status == RAFT_OK) {
    status = wal_init (options, &identity, entry, done);
    raft_fail (&detail, status, "%s", raft_error_text (status));
  }
  raft_slice_release (&entry);
  if (status != RAFT_OK) {
    done (options->owner, status, &detail);
  }
  return status;
}
