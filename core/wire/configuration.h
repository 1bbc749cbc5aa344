/* SPDX-License-Identifier: MIT
**
** configuration.h - the payload of a configuration entry: who the members
** are, where they listen, and what all must agree on.
**
**   { name = "…", members = [[id, "host:port", role], …], lease_us = 0 }
**
** sorted by id; role 1 voter, 2 learner, 4 outgoing voter, as a sum; a fourth
** element is the member's priority, when that is not the default. It is
** canonical (value.h): equal values are equal bytes.
**
** Ids are never used again: a fourth key, 'used', is the highest id that ever
** was a member's, when that one has gone. Without it, it is the last one.
** How wrong a clock may be while leases are on, 'drift_ppm', stands there when
** it is not RAFT_DRIFT_PPM.
**
** 'recovered' is a random number that stands there once a lost majority was
** given up (replica/recover.h): in entry 1 it makes another cluster of the
** same members, in which none of the old ones counts. */

#ifndef RAFT_WIRE_CONFIGURATION_H
#define RAFT_WIRE_CONFIGURATION_H

#include "base/buffer.h"
#include "base/error.h"
#include "raft/raft.h"
#include "wire/rpc.h"

#define WIRE_ADDRESS_MAX 128 /* bytes of "host:port", ending zero included */
#define WIRE_NAME_MAX 64     /* bytes of a cluster's name, likewise */

enum wire_member_role {
  WIRE_VOTER = 1,
  WIRE_LEARNER = 2,
  WIRE_OUTGOING = 4
};

struct wire_member {
  raft_id id;
  unsigned roles; /* a set of enum wire_member_role */
  uint32_t priority; /* RAFT_PRIORITY_DEFAULT, or 0 … RAFT_PRIORITY_MAX */
  char address[WIRE_ADDRESS_MAX];
};

struct wire_configuration {
  char name[WIRE_NAME_MAX];
  uint64_t lease_us;
  uint64_t drift_ppm;   /* 0: RAFT_DRIFT_PPM */
  uint64_t recovered;   /* 0: it never was; below 2^53 */
  raft_id used;         /* no new member has an id at or below it */
  uint32_t member_count;
  struct wire_member members[RAFT_MEMBERS_MAX * 3]; /* sorted by id */
};

RAFT_HIDDEN_BEGIN

/* Appends the canonical payload. Errors: RAFT_ENOMEM. */
int wire_configuration_encode (struct raft_buffer *out,
                               const struct wire_configuration *value);

/* Errors: RAFT_EMALFORMED (said in *detail): not canonical, unsorted, an id
** twice or 0, no voter, an address without port, too many members. */
int wire_configuration_decode (struct wire_view payload,
                               struct wire_configuration *value,
                               struct raft_detail *detail);

/* NULL: it has no such member. */
const struct wire_member *wire_configuration_find (
  const struct wire_configuration *value, raft_id id);

/* The engine's view of it. */
void wire_configuration_sets (const struct wire_configuration *value,
                              struct raft_configuration *sets);

/* Entry 1 of a cluster (index 1, term 1, time 0, random 0), appended with
** its envelope; *cluster becomes the cluster's id: the hash of these bytes.
** Errors: RAFT_ENOMEM, RAFT_EINVALID (said in *detail). */
int wire_first_entry (struct raft_buffer *out, uint64_t group,
                      const struct wire_configuration *value,
                      uint64_t *cluster, struct raft_detail *detail);
/* The cluster's id, of the bytes of its first entry. */
uint64_t wire_cluster_of (struct wire_view first);

RAFT_HIDDEN_END

#endif
