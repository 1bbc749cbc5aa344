/* SPDX-License-Identifier: MIT
**
** digest.c - do the members compute the same? */

#include "replica/digest.h"

#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"

void replica_digest_init (struct replica_digest *digest, uint64_t interval) {
  raft_assert (interval > 0);
  memset (digest, 0, sizeof *digest);
  digest->interval = interval;
}

void replica_digest_result (struct replica_digest *digest, raft_index index,
                            int status, const uint8_t *data, size_t size) {
  uint64_t salt = raft_mix (digest->hash ^ index);
  salt = raft_mix (salt + (uint64_t)-(int64_t)status);
  digest->hash = raft_checksum (data, size, salt);
}

static size_t digest_slot (const struct replica_digest *digest,
                           raft_index index) {
  return (size_t)(index / digest->interval % DIGEST_POINTS);
}

/* Without a hole: after a jump it begins anew. */
static void digest_keep (struct replica_digest *digest, raft_index index) {
  if (index != digest->kept_end) {
    digest->kept_from = index;
  }
  digest->kept_end = index + 1;
  if (digest->kept_end - digest->kept_from > DIGEST_KEPT) {
    digest->kept_from = digest->kept_end - DIGEST_KEPT;
  }
  digest->kept[index % DIGEST_KEPT] = digest->hash;
}

bool replica_digest_reached (struct replica_digest *digest, raft_index index) {
  struct digest_point *point = &digest->points[digest_slot (digest, index)];
  digest_keep (digest, index);
  if (index % digest->interval != 0 || digest->is_blind) {
    return false;
  }
  point->index = index;
  point->hash = digest->hash;
  return true;
}

const struct digest_point *replica_digest_point_at (
  const struct replica_digest *digest, raft_index index) {
  const struct digest_point *point
    = &digest->points[digest_slot (digest, index)];
  return index != 0 && point->index == index ? point : NULL;
}

static void put_hash (uint8_t bytes[8], uint64_t hash) {
  for (unsigned i = 0; i < 8; i++) {
    bytes[i] = (uint8_t)(hash >> 8 * i);
  }
}

static uint64_t get_hash (const uint8_t bytes[8]) {
  uint64_t hash = 0;
  for (unsigned i = 0; i < 8; i++) {
    hash |= (uint64_t)bytes[i] << 8 * i;
  }
  return hash;
}

void replica_digest_trail (const struct replica_digest *digest,
                           raft_index last, struct digest_trail *trail) {
  raft_index i, count
    = digest->interval < DIGEST_TOLD ? digest->interval : DIGEST_TOLD;
  trail->last = last;
  trail->count = 0;
  if (last < digest->kept_from || last >= digest->kept_end) {
    return;
  }
  if (count > last - digest->kept_from + 1) {
    count = last - digest->kept_from + 1;
  }
  trail->count = (uint32_t)count;
  for (i = 0; i < count; i++) {
    put_hash (trail->bytes + 8 * i,
              digest->kept[(last - count + 1 + i) % DIGEST_KEPT]);
  }
}

/*   index    compared   …  first          hi  …  last
**   own         h1          h4        h5  h6      h9
**   other       h1          h4        h5  h7      h8
**
** Each hash is over all before it: from the first difference on all differ. */
struct digest_parting replica_digest_parting (
  const struct replica_digest *digest, const struct digest_trail *trail) {
  struct digest_parting parting
    = { digest->compared + 1, trail->last, 0, 0 };
  raft_index first = trail->last - trail->count + 1, i;
  for (i = first; i <= trail->last; i++) {
    uint64_t own, other;
    if (i < digest->kept_from || i >= digest->kept_end) {
      continue;
    }
    own = digest->kept[i % DIGEST_KEPT];
    other = get_hash (trail->bytes + 8 * (i - first));
    if (own != other) {
      parting.hi = i;
      parting.own = own;
      parting.other = other;
      break;
    }
    parting.lo = i + 1;
  }
  return parting;
}

static uint64_t trail_end (const struct digest_trail *trail) {
  return get_hash (trail->bytes + 8 * (size_t)(trail->count - 1));
}

void replica_digest_keep_trail (struct digest_poll *poll, uint64_t hash,
                                const struct digest_trail *trail) {
  bool is_better = poll->trail.count == 0
                   || (poll->state == DIGEST_DECIDED && hash == poll->hash
                       && trail_end (&poll->trail) != hash);
  if (trail->count > 0 && is_better && trail_end (trail) == hash) {
    poll->trail = *trail;
  }
}

void replica_digest_polls_clear (struct replica_digest *digest) {
  memset (digest->polls, 0, sizeof digest->polls);
}

static bool digest_votes (const struct raft_id_set *voters, raft_id member) {
  uint32_t i;
  for (i = 0; i < voters->count; i++) {
    if (voters->ids[i] == member) {
      return true;
    }
  }
  return false;
}

/* A report that is repeated counts once; a member that restarted may report
** another hash than before, and its last word counts. */
static void digest_poll_note (struct digest_poll *poll, raft_id member,
                              uint64_t hash) {
  uint32_t i;
  for (i = 0; i < poll->count; i++) {
    if (poll->reports[i].member == member) {
      poll->reports[i].hash = hash;
      return;
    }
  }
  raft_assert (poll->count < RAFT_MEMBERS_MAX);
  poll->reports[poll->count].member = member;
  poll->reports[poll->count].hash = hash;
  poll->count++;
}

static void digest_poll_judge (struct digest_poll *poll, uint32_t voters) {
  uint32_t majority = voters / 2 + 1;
  uint32_t missing = voters - poll->count;
  uint32_t best = 0, i, j;
  if (poll->state == DIGEST_DECIDED) {
    return;
  }
  for (i = 0; i < poll->count; i++) {
    uint32_t equal = 0;
    for (j = 0; j < poll->count; j++) {
      equal += poll->reports[j].hash == poll->reports[i].hash;
    }
    if (equal >= majority) {
      poll->state = DIGEST_DECIDED;
      poll->hash = poll->reports[i].hash;
      return;
    }
    best = equal > best ? equal : best;
  }
  poll->state = best + missing < majority ? DIGEST_UNDECIDABLE : DIGEST_OPEN;
}

struct digest_poll *replica_digest_report (struct replica_digest *digest,
                                           const struct raft_id_set *voters,
                                           raft_id member, raft_index index,
                                           uint64_t hash) {
  struct digest_poll *poll = &digest->polls[digest_slot (digest, index)];
  if (index == 0 || index % digest->interval != 0 || index < poll->index
      || !digest_votes (voters, member)) {
    return NULL;
  }
  if (poll->index != index) {
    memset (poll, 0, sizeof *poll);
    poll->index = index;
  }
  digest_poll_note (poll, member, hash);
  digest_poll_judge (poll, voters->count);
  return poll;
}
