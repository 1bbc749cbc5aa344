/* SPDX-License-Identifier: MIT
**
** change.c - from the configuration that is to the one that is wanted, step
** by step, each committed before the next:
**
**   1  new members join as learners
**   2  they catch up, in rounds
**   3  the voters change: at once when it is one, else into a joint
**      configuration, in which both halves decide
**   4  out of the joint configuration
**
** Rule (Diss. 4.2.1): a new voter is ready when a round, the replication of
** what there was at its start, took less than an election timeout: then it
** holds up commits no longer than an election would.
** Rule (Diss. 4.3): whoever leads ends a joint configuration that it finds.
** The engine takes no change while one is not committed, so it is ended once.
** Rule: leading is all the memory this has. What a lost leadership leaves is
** a configuration like any other, and the next call goes on from there. */

#include <string.h>

#include "base/checksum.h"
#include "raft/membership.h"
#include "replica/inside.h"

/* ---- one step ----------------------------------------------------------- */

void replica_append_configuration (struct replica *replica,
                                   struct wire_entry *entry) {
  struct replica_admin *admin = &replica->admin;
  raft_assert (admin->entry != NULL);
  entry->kind = RAFT_ENTRY_CONFIGURATION;
  entry->payload = admin->payload->data;
  entry->payload_size = (uint32_t)admin->payload->size;
  entry->payload_checksum
    = raft_checksum (entry->payload, entry->payload_size, 0);
  wire_entry_encode (entry, admin->entry->bytes);
  replica_cache_push (&replica->cache,
                      raft_slice_of (admin->entry, 0,
                                     WIRE_ENTRY_HEAD
                                       + admin->payload->size));
}

static int step_encoded (struct replica *replica,
                         const struct wire_configuration *value) {
  const struct raft_buffer *payload = replica->admin.payload;
  struct raft_configuration sets;
  struct raft_event event;
  wire_configuration_sets (value, &sets);
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_CONFIGURE;
  event.as.configure.value = &sets;
  event.as.configure.expected = replica->configuration_index;
  event.as.configure.entry.size = (uint32_t)(WIRE_ENTRY_HEAD + payload->size);
  event.as.configure.entry.checksum
    = raft_checksum (payload->data, payload->size, 0);
  return replica_step (replica, &event);
}

/* Errors: those of the engine, RAFT_ENOMEM. */
static int change_step (struct replica *replica,
                        const struct wire_configuration *value) {
  struct replica_admin *admin = &replica->admin;
  struct raft_buffer payload;
  int status;
  raft_buffer_init (&payload, replica->memory);
  status = wire_configuration_encode (&payload, value);
  if (status == RAFT_OK) {
    admin->entry
      = raft_block_new (replica->memory, WIRE_ENTRY_HEAD + payload.size);
    admin->payload = &payload;
    status = admin->entry != NULL ? step_encoded (replica, value)
                                  : RAFT_ENOMEM;
    raft_block_release (admin->entry);
    admin->entry = NULL;
    admin->payload = NULL;
  }
  raft_buffer_free (&payload);
  return status;
}

/* ---- which step --------------------------------------------------------- */

bool replica_is_joint (const struct wire_configuration *value) {
  for (uint32_t i = 0; i < value->member_count; i++) {
    if ((value->members[i].roles & WIRE_OUTGOING) != 0) {
      return true;
    }
  }
  return false;
}

static unsigned roles_of (const struct wire_configuration *value,
                          raft_id id) {
  const struct wire_member *member = wire_configuration_find (value, id);
  return member != NULL ? member->roles : 0;
}

bool replica_same_members (const struct wire_configuration *one,
                           const struct wire_configuration *other) {
  if (one->member_count != other->member_count
      || one->lease_us != other->lease_us
      || one->drift_ppm != other->drift_ppm) {
    return false;
  }
  for (uint32_t i = 0; i < one->member_count; i++) {
    const struct wire_member *a = &one->members[i];
    const struct wire_member *b = &other->members[i];
    if (a->id != b->id || a->roles != b->roles
        || a->priority != b->priority
        || strcmp (a->address, b->address) != 0) {
      return false;
    }
  }
  return true;
}

static struct wire_member *put_member (struct wire_configuration *value,
                                       const struct wire_member *member) {
  uint32_t at = value->member_count++;
  raft_assert (at < RAFT_MEMBERS_MAX * 3);
  while (at > 0 && value->members[at - 1].id > member->id) {
    value->members[at] = value->members[at - 1];
    at--;
  }
  value->members[at] = *member;
  if (member->id > value->used) {
    value->used = member->id;
  }
  return &value->members[at];
}

/* 1: all that are there, and who is missing as a learner. All at once: an id
** that came later might be below one that was used by then. */
static bool add_learners (const struct wire_configuration *wanted,
                          struct wire_configuration *next) {
  bool is_new = false;
  for (uint32_t i = 0; i < wanted->member_count; i++) {
    if (wire_configuration_find (next, wanted->members[i].id) == NULL) {
      put_member (next, &wanted->members[i])->roles = WIRE_LEARNER;
      is_new = true;
    }
  }
  return is_new;
}

static uint32_t voters_changed (const struct wire_configuration *from,
                                const struct wire_configuration *to) {
  struct raft_configuration a, b;
  wire_configuration_sets (from, &a);
  wire_configuration_sets (to, &b);
  return raft_id_set_difference (&a.voters, &b.voters);
}

/* 3: the wanted one; while more than one voter changes, with the old voters
** beside the new ones. */
static void enter (const struct wire_configuration *now,
                   const struct wire_configuration *wanted, bool joint,
                   struct wire_configuration *next) {
  raft_id used = next->used;
  *next = *wanted;
  next->used = used > wanted->used ? used : wanted->used;
  for (uint32_t i = 0; joint && i < now->member_count; i++) {
    const struct wire_member *old = &now->members[i];
    struct wire_member *found = NULL;
    if ((old->roles & WIRE_VOTER) == 0) {
      continue;
    }
    for (uint32_t k = 0; k < next->member_count; k++) {
      found = next->members[k].id == old->id ? &next->members[k] : found;
    }
    if (found != NULL) {
      found->roles |= WIRE_OUTGOING;
    } else {
      put_member (next, old)->roles = WIRE_OUTGOING;
    }
  }
}

/* 4 */
void replica_new_half (const struct wire_configuration *now,
                       struct wire_configuration *next) {
  *next = *now;
  next->member_count = 0;
  for (uint32_t i = 0; i < now->member_count; i++) {
    struct wire_member member = now->members[i];
    member.roles &= ~(unsigned)WIRE_OUTGOING;
    if (member.roles != 0) {
      (void)put_member (next, &member);
    }
  }
}

/* ---- catching up --------------------------------------------------------- */

raft_time replica_election_us (const struct replica *replica) {
  struct raft_options options;
  raft_options_default (&options);
  return replica->options.election_us != 0 ? replica->options.election_us
                                           : options.election_us;
}

static raft_index match_of (const struct raft_status *raft, raft_id id) {
  for (uint32_t i = 0; i < raft->member_count; i++) {
    if (raft->members[i].id == id) {
      return raft->members[i].match;
    }
  }
  return 0;
}

static void round_begin (struct replica *replica, struct admin_round *round,
                         raft_index last) {
  round->target = last;
  round->started = replica->now;
  round->count++;
  replica_trace (replica, RAFT_TRACE_CATCH_UP, round->member, round->count,
                 last - round->match);
}

static struct admin_round *round_of (struct replica *replica, raft_id id,
                                     raft_index last) {
  struct replica_admin *admin = &replica->admin;
  struct admin_round *round = admin->rounds;
  while (round < admin->rounds + admin->round_count && round->member != id) {
    round++;
  }
  if (round == admin->rounds + admin->round_count) {
    raft_assert (admin->round_count < RAFT_MEMBERS_MAX);
    admin->round_count++;
    memset (round, 0, sizeof *round);
    round->member = id;
    round->moved = replica->now;
    round_begin (replica, round, last);
  }
  return round;
}

/* Whether it is hopeless. */
static bool round_step (struct replica *replica, struct admin_round *round,
                        const struct raft_status *raft) {
  raft_index match = match_of (raft, round->member);
  if (match > round->match) {
    round->match = match;
    round->moved = replica->now;
  }
  if (round->is_ready || match < round->target) {
    return !round->is_ready
           && replica->now - round->moved
                >= replica->options.limits.catch_up_us;
  }
  if (replica->now - round->started < replica_election_us (replica)) {
    round->is_ready = true;
  } else if (round->count < ADMIN_ROUNDS_MAX) {
    round_begin (replica, round, raft->last);
  } else {
    return true;
  }
  return false;
}

/* ---- the end ------------------------------------------------------------- */

static void change_end (struct replica *replica, int status,
                        const char *text) {
  struct replica_admin *admin = &replica->admin;
  admin->is_changing = false;
  admin->round_count = 0;
  if (status != RAFT_OK) {
    replica_answer_error (replica, &admin->caller, status, text);
  } else {
    replica_admin_answer_index (replica, &admin->caller,
                                replica->configuration_index);
  }
}

static void change_give_up (struct replica *replica,
                            const struct admin_round *round,
                            raft_index last) {
  struct raft_detail why;
  (void)raft_fail (&why, RAFT_ETIMEOUT, "member %llu does not catch up: it "
                   "has %llu of %llu entries after %u rounds, and stays a "
                   "learner", (unsigned long long)round->member,
                   (unsigned long long)round->match,
                   (unsigned long long)last, round->count);
  change_end (replica, RAFT_ETIMEOUT, why.text);
}

/* 2. Whether all new voters are ready; a hopeless one ends the change. */
static bool await_voters (struct replica *replica) {
  struct replica_admin *admin = &replica->admin;
  struct raft_status raft;
  bool is_ready = true;
  raft_get_status (replica->raft, &raft);
  for (uint32_t i = 0; i < admin->wanted.member_count; i++) {
    const struct wire_member *member = &admin->wanted.members[i];
    struct admin_round *round;
    if ((member->roles & WIRE_VOTER) == 0
        || (roles_of (&replica->configuration, member->id) & WIRE_VOTER)) {
      continue;
    }
    round = round_of (replica, member->id, raft.last);
    if (round_step (replica, round, &raft)) {
      change_give_up (replica, round, raft.last);
      return false;
    }
    is_ready = is_ready && round->is_ready;
  }
  return is_ready;
}

/* ---- driving ------------------------------------------------------------- */

static bool take_step (struct replica *replica,
                       const struct wire_configuration *next) {
  int status = change_step (replica, next);
  if (status == RAFT_ENOMEM) {
    replica_retry (replica);
  } else if (status != RAFT_OK && status != RAFT_EBUSY
             && replica->admin.is_changing) {
    change_end (replica, status, NULL);
  }
  return status == RAFT_OK;
}

static bool drive (struct replica *replica) {
  const struct wire_configuration *now = &replica->configuration;
  const struct wire_configuration *wanted = &replica->admin.wanted;
  struct wire_configuration next = *now;
  if (replica_is_joint (now)) {
    replica_new_half (now, &next);
  } else if (!add_learners (wanted, &next)) {
    if (!await_voters (replica)) {
      return false;
    }
    enter (now, wanted,
           voters_changed (now, wanted) > 1
             && !raft_bug (replica, CHANGE_TOO_WIDE),
           &next);
  }
  return take_step (replica, &next);
}

bool replica_settle_change (struct replica *replica) {
  struct replica_admin *admin = &replica->admin;
  bool is_committed = replica->commit >= replica->configuration_index
                      || raft_bug (replica, CHANGES_OVERLAP);
  if (admin->is_changing && is_committed
      && replica_same_members (&admin->wanted, &replica->configuration)) {
    change_end (replica, RAFT_OK, NULL);
    return true;
  }
  if (admin->is_changing
      && (replica->role != RAFT_LEADER || replica->term != admin->term)) {
    change_end (replica, RAFT_EUNKNOWN, "leadership was lost while the "
                "change was under way: set the same members again, at the "
                "new leader");
    return true;
  }
  return replica->role == RAFT_LEADER && is_committed
         && (admin->is_changing || replica_is_joint (&replica->configuration))
         && drive (replica);
}
