/* SPDX-License-Identifier: MIT
**
** digest.h - do the members compute the same?
**
** Holds:     the running hash over all results, its value at the latest
**            points (indexes that are multiples of an interval), and, at a
**            leader, what the members reported for the latest points. Its
**            value at each of the latest indexes, too: the trail, by which
**            the first one is found that differs.
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

#define DIGEST_KEPT 2048 /* indexes: 8 points of 256 */
#define DIGEST_TOLD 256  /* indexes of a trail that is told */

/* The hash at each index of (last - count, last], as bytes: 8 each,
** little-endian. */
struct digest_trail {
  raft_index last;
  uint32_t count;
  uint8_t bytes[DIGEST_TOLD * 8];
};

/* Where two trails part: [lo, hi] holds the first index that differs; lo and
** hi are equal when it is known. */
struct digest_parting {
  raft_index lo;
  raft_index hi;
  uint64_t own;   /* hash at hi; both 0: no trail reaches it */
  uint64_t other;
};

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
  struct digest_trail trail; /* decided: of the majority; else of the member
                                that told its own first */
  uint32_t count;
  struct replica_digest_report reports[RAFT_MEMBERS_MAX];
};

struct replica_digest {
  uint64_t interval;   /* entries between two points */
  uint64_t hash;       /* over all results so far */
  bool is_blind;       /* results before the machine's own start are missing:
                          the hash says nothing */
  raft_index compared; /* the last point that was decided here */
  raft_index parted;   /* nobody is known to be right: since this index, or
                          an earlier one */
  struct digest_point points[DIGEST_POINTS]; /* own, slot by index */
  struct digest_poll polls[DIGEST_POINTS];   /* a leader's */
  raft_index kept_from;  /* [kept_from, kept_end): whose hash is kept */
  raft_index kept_end;
  uint64_t kept[DIGEST_KEPT];                /* slot by index */
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
/* What is kept of the last 'interval' indexes up to 'last', to be told. */
void replica_digest_trail (const struct replica_digest *digest,
                           raft_index last, struct digest_trail *trail);
/* The first index where the own results differ from those of a trail whose
** end differs. */
struct digest_parting replica_digest_parting (
  const struct replica_digest *digest, const struct digest_trail *trail);
/* A member told its trail with a report. */
void replica_digest_keep_trail (struct digest_poll *poll, uint64_t hash,
                                const struct digest_trail *trail);

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
