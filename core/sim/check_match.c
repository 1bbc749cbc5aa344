/* SPDX-License-Identifier: MIT
**
** check_match.c - what a leader believes of its followers' logs.
**
** Rule (Paper 5.3, end): where the logs part is found in a step per term, not
** per entry. A leader that probes entry by entry is right, and for ever late
** behind a follower that was away.
**
**   leader     1 1 1 2 2 5 5 5     probes at 8 (term 5); the other's last
**   follower   1 1 1 3 3 3         entry of a term <= 5 is 6, of term 3: so
**                                  the leader goes to its own last one of a
**                                  term <= 3, which is 5; then to 3: agreed */

#include <string.h>

#include "sim/check_inside.h"

/* A leader believes that a follower has stored its entries up to 'match'. As
** long as the follower knows of no newer leader, it must have. */
static void check_match_is_true (struct sim_world *world,
                                 const struct sim_member *member,
                                 const struct raft_status *status,
                                 const struct raft_member_status *peer) {
  const struct check_member *own = &world->checks->members[member->id];
  const struct check_member *other = &world->checks->members[peer->id];
  /* Of who has ended the last step was not seen: its disk is looked at, when
  ** its claim is (durable_ack). */
  if (other->term > status->term || peer->match > status->last
      || !sim_member_is_up (world->members[peer->id])) {
    return;
  }
  if (peer->match > other->last || peer->match > other->stable
      || other->log[peer->match].term != own->log[peer->match].term) {
    sim_violate (world, "match_is_true",
                 "leader %llu believes that member %llu has its entry %llu",
                 (unsigned long long)member->id,
                 (unsigned long long)peer->id,
                 (unsigned long long)peer->match);
  }
}

/* Terms that the leader's log is made of. */
static unsigned runs_of (const struct check_member *own) {
  unsigned runs = 1;
  for (raft_index index = own->base + 2; index <= own->last; index++) {
    runs += own->log[index].term != own->log[index - 1].term;
  }
  return runs;
}

#define STEPS_FREE 8 /* copies of old rejections among them */

static void check_steps (struct sim_world *world, struct check_member *own,
                         const struct raft_status *status,
                         const struct raft_member_status *peer) {
  unsigned *steps = &own->steps[peer->id];
  bool is_back = peer->probing && peer->next < own->next[peer->id];
  *steps = is_back ? *steps + 1 : 0;
  own->next[peer->id] = peer->next;
  if (*steps > STEPS_FREE && *steps > STEPS_FREE + runs_of (own)) {
    sim_violate (world, "probing",
                 "leader %llu of term %llu goes back %u times to find where "
                 "the log of member %llu agrees",
                 (unsigned long long)(own - world->checks->members),
                 (unsigned long long)status->term, *steps,
                 (unsigned long long)peer->id);
  }
}

void sim_check_match (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status) {
  struct check_member *own = &world->checks->members[member->id];
  if (own->match_term != status->term) {
    own->match_term = status->term;
    memset (own->match, 0, sizeof own->match);
    memset (own->next, 0, sizeof own->next);
    memset (own->steps, 0, sizeof own->steps);
  }
  for (uint32_t i = 0; i < status->member_count; i++) {
    const struct raft_member_status *peer = &status->members[i];
    raft_assert (peer->id <= SIM_MEMBERS_MAX);
    if (peer->match < own->match[peer->id]) {
      sim_violate (world, "monotone",
                   "the match index of member %llu at leader %llu went back",
                   (unsigned long long)peer->id,
                   (unsigned long long)member->id);
    }
    if (peer->match >= peer->next || peer->match > status->last) {
      sim_violate (world, "order",
                   "at leader %llu member %llu has match %llu, next %llu",
                   (unsigned long long)member->id,
                   (unsigned long long)peer->id,
                   (unsigned long long)peer->match,
                   (unsigned long long)peer->next);
    }
    if (peer->match > own->match[peer->id]) {
      if (own->hears_late) {
        sim_violate (world, "late_message",
                     "leader %llu counts what member %llu said in an earlier "
                     "term", (unsigned long long)member->id,
                     (unsigned long long)peer->id);
      }
      check_match_is_true (world, member, status, peer);
    }
    if (peer->match > 0) {
      own->met = (uint16_t)(own->met | 1u << peer->id);
    }
    own->match[peer->id] = peer->match;
    if (peer->next != own->next[peer->id]) {
      check_steps (world, own, status, peer);
    }
  }
}
