/* SPDX-License-Identifier: MIT
**
** digest.h - do the members compute the same?
**
** Holds:     the running hash over all results, its value at the latest
**            points (indexes that are multiples of an interval), and, at a
**            leader, what the members reported for the latest points.
** Knows not: messages, roles. Pure arithmetic over what it is told.
** Rule:      a point is decided when a majority of the voters reported the
**            same hash for it; then whoever reported another one is wrong.
**            It is undecidable when no hash can reach a majority any more:
**            then nobody knows who is right. */

#ifndef RAFT_REPLICA_DIGEST_H
#define RAFT_REPLICA_DIGEST_H

#include "base/types.h"
#include "raft/raft.h"

#define DIGEST_POINTS 8 /* kept per member; an older one is not compared */

struct digest_point {
  raft_index index; /* 0: none */
  uint64_t hash;
};

struct replica_digest_report {
  raft_id member;
  uint64_t hash;
};

enum digest_state { DIGEST_OPEN, DIGEST_DECIDED, DIGEST_UNDECIDABLE };

struct digest_poll {
  raft_index index; /* 0: none */
  enum digest_state state;
  uint64_t hash;    /* decided: of the majority */
  bool is_told;     /* decided: to all who reported */
  uint32_t count;
  struct replica_digest_report reports[RAFT_MEMBERS_MAX];
};

struct replica_digest {
  uint64_t interval;   /* entries between two points */
  uint64_t hash;       /* over all results so far */
  bool is_blind;       /* results before the machine's own start are missing:
                          the hash says nothing */
  raft_index compared; /* the last point that was decided here */
  struct digest_point points[DIGEST_POINTS]; /* own, slot by index */
  struct digest_poll polls[DIGEST_POINTS];   /* a leader's */
};

RAFT_HIDDEN_BEGIN

void replica_digest_init (struct replica_digest *digest, uint64_t interval);

/* Chains one applied command: its status, and its result when it has one
** that is the same on all members (status 0; size 0 else). */
void replica_digest_result (struct replica_digest *digest, raft_index index,
                            int status, const uint8_t *data, size_t size);
/* Everything up to 'index' is applied; true when it is a point, which is
** then remembered. */
bool replica_digest_reached (struct replica_digest *digest, raft_index index);
/* The own point at an index, NULL: none, or forgotten. */
const struct digest_point *replica_digest_point_at (
  const struct replica_digest *digest, raft_index index);

/* A new leadership: no reports yet. */
void replica_digest_polls_clear (struct replica_digest *digest);
/* 'member' reports a point. Returns the poll, NULL: too old, or from nobody
** who votes. */
struct digest_poll *replica_digest_report (struct replica_digest *digest,
                                           const struct raft_id_set *voters,
                                           raft_id member, raft_index index,
                                           uint64_t hash);

RAFT_HIDDEN_END

#endif
