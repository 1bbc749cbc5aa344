/* SPDX-License-Identifier: MIT
**
** check_vote.c - votes, and what messages claim to be durable.
**
** Rule: a vote, a request for votes and an acknowledgement are promises. They
**       are taken from the bytes that leave a member, and compared with what
**       the member itself calls durable at that moment; a sample also with
**       the bytes on its disk (check_disk.c). */

#include <string.h>

#include "sim/build.h"
#include "sim/check_inside.h"
#include "wire/message.h"
#include "wire/value.h"

typedef unsigned long long number;

/* ---- votes ------------------------------------------------------------- */

void sim_check_vote (struct sim_world *world, raft_id id, raft_term term,
                     raft_id candidate) {
  struct check_member *own = &world->checks->members[id];
  raft_id *vote;
  own->votes = sim_check_grow (own->votes, &own->vote_capacity, term + 1,
                               sizeof *own->votes);
  vote = &own->votes[term];
  if (*vote != 0 && *vote != candidate) {
    sim_violate (world, "vote_once",
                 "member %llu votes for %llu and for %llu in term %llu",
                 (number)id, (number)*vote, (number)candidate,
                 (number)term);
  }
  *vote = candidate;
}

void sim_check_votes (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status) {
  const struct check_member *own = &world->checks->members[member->id];
  if (status->durable_vote != 0
      && (status->durable_vote != own->durable_vote
          || status->durable_term != own->durable_term)) {
    sim_check_vote (world, member->id, status->durable_term,
                    status->durable_vote);
  }
  if (status->term == own->term && own->vote != 0
      && status->vote != own->vote) {
    sim_violate (world, "vote_once",
                 "member %llu forgets its vote for %llu in term %llu",
                 (number)member->id, (number)own->vote,
                 (number)status->term);
  }
}

static bool is_elected_by (const struct sim_world *world,
                           const struct raft_id_set *voters, raft_id leader,
                           raft_term term) {
  uint32_t granted = 0;
  for (uint32_t i = 0; i < voters->count; i++) {
    const struct check_member *voter
      = &world->checks->members[voters->ids[i]];
    granted
      += term < voter->vote_capacity && voter->votes[term] == leader;
  }
  return voters->count == 0 || granted > voters->count / 2;
}

void sim_check_elected (struct sim_world *world, struct sim_member *member,
                        const struct raft_status *status) {
  const struct check_member *own = &world->checks->members[member->id];
  const struct raft_configuration *value = status->configuration;
  if (own->role == RAFT_LEADER && own->term == status->term) {
    return;
  }
  if (!is_elected_by (world, &value->voters, member->id, status->term)
      || !is_elected_by (world, &value->outgoing, member->id,
                         status->term)) {
    sim_violate (world, "elected",
                 "member %llu leads term %llu, and no majority has voted for "
                 "it in that term",
                 (number)member->id, (number)status->term);
  }
}

/* ---- claims ------------------------------------------------------------ */

/* The kind of a message of the engine, 0 for others: its body begins with
** it. Entries are not looked at. */
static uint64_t kind_of (const uint8_t *data, size_t size,
                         struct wire_view *params) {
  struct wire_cursor cursor = { data, size, 0 };
  struct wire_value value;
  struct wire_cursor body;
  size_t skipped;
  if (wire_cursor_next (&cursor, &value) != RAFT_OK || value.count != 3
      || wire_cursor_skip (&cursor) != RAFT_OK
      || wire_cursor_next (&cursor, &value) != RAFT_OK || value.count != 4
      || memcmp (value.data, "raft", 4) != 0) {
    return 0;
  }
  params->data = data + cursor.at;
  params->size = size - cursor.at;
  if (wire_cursor_next (&cursor, &value) != RAFT_OK || value.count != 5) {
    return 0;
  }
  for (skipped = 0; skipped < 4; skipped++) {
    if (wire_cursor_skip (&cursor) != RAFT_OK) {
      return 0;
    }
  }
  if (wire_cursor_next (&cursor, &value) != RAFT_OK
      || value.type != WIRE_STRING) {
    return 0;
  }
  body = (struct wire_cursor){ value.data, value.count, 0 };
  if (wire_cursor_next (&body, &value) != RAFT_OK
      || wire_cursor_next (&body, &value) != RAFT_OK
      || value.type != WIRE_INTEGER) {
    return 0;
  }
  return (uint64_t)value.integer;
}

static bool makes_claim (const struct raft_message *message) {
  switch (message->kind) {
    case RAFT_MESSAGE_VOTE:
      return true;
    case RAFT_MESSAGE_VOTE_RESULT:
      return message->as.vote_result.granted;
    case RAFT_MESSAGE_APPEND_RESULT:
      return !message->as.append_result.rejected;
    default:
      return false;
  }
}

static void add_claim (struct sim_world *world, struct sim_member *member,
                       const struct raft_message *message) {
  struct check_member *own = &world->checks->members[member->id];
  struct check_claim *claim;
  if (own->claim_count == SIM_CLAIMS_MAX) {
    struct raft_status status;
    raft_get_status (replica_raft (member->replica), &status);
    sim_check_claims (world, member, &status);
  }
  claim = &own->claims[own->claim_count++];
  claim->kind = message->kind;
  claim->to = message->to;
  claim->term = message->term;
  claim->match = message->kind == RAFT_MESSAGE_APPEND_RESULT
                   ? message->as.append_result.match_index
                   : 0;
}

/* The other's build may be older; a newer one reads what an older did. */
static void check_read_by (struct sim_world *world,
                           const struct sim_member *member, raft_id to,
                           uint64_t kind) {
  struct wire_version own = sim_build_of (member);
  struct wire_version theirs = sim_build_of (world->members[to]);
  if (!wire_version_reads (&own, kind)
      || !wire_version_reads (&theirs, kind)) {
    sim_violate (world, "sent",
                 "member %llu sends member %llu a message of kind %llu, "
                 "which one of their builds does not know",
                 (number)member->id, (number)to, (number)kind);
  }
}

enum sim_matter_kind sim_check_sent (struct sim_world *world,
                                     struct sim_member *member, raft_id to,
                                     const uint8_t *data, size_t size) {
  struct wire_view params;
  uint64_t kind = kind_of (data, size, &params);
  struct wire_message_room room;
  struct wire_message message;
  struct raft_detail detail;
  check_read_by (world, member, to, kind);
  if (world->options.checks == 0
      || (kind != RAFT_MESSAGE_VOTE && kind != RAFT_MESSAGE_VOTE_RESULT
          && kind != RAFT_MESSAGE_APPEND_RESULT)) {
    return kind == 0 || kind > SIM_MATTER_MESSAGE
             ? SIM_MATTER_MESSAGE
             : (enum sim_matter_kind)kind;
  }
  wire_message_room_init (&room, &raft_memory_plain);
  if (wire_message_decode (params, &room, &message, &detail) != RAFT_OK
      || message.from != member->id || message.to != to) {
    sim_violate (world, "sent", "member %llu sends what is not a message",
                 (number)member->id);
  } else if (makes_claim (&message.message)) {
    if (kind != RAFT_MESSAGE_VOTE) {
      struct check_member *own = &world->checks->members[member->id];
      own->met = (uint16_t)(own->met | 1u << to);
    }
    add_claim (world, member, &message.message);
  }
  wire_message_room_free (&room);
  return (enum sim_matter_kind)kind;
}

static void check_voted (struct sim_world *world, struct sim_member *member,
                         const struct raft_status *status,
                         const struct check_claim *claim) {
  raft_id candidate
    = claim->kind == RAFT_MESSAGE_VOTE ? member->id : claim->to;
  sim_check_vote (world, member->id, claim->term, candidate);
  if (status->durable_term < claim->term
      || (status->durable_term == claim->term
          && status->durable_vote != candidate)) {
    sim_violate (world, "durable_ack",
                 "a vote of member %llu for %llu in term %llu left before "
                 "it was durable",
                 (number)member->id, (number)candidate,
                 (number)claim->term);
  }
}

static void check_acknowledged (struct sim_world *world,
                                struct sim_member *member,
                                const struct raft_status *status,
                                const struct check_claim *claim) {
  const struct sim_checks *checks = world->checks;
  const struct check_member *own = &checks->members[member->id];
  const struct check_member *leader = &checks->members[claim->to];
  /* An acknowledgement of term 8 can wait for a sync while a leader of term 9
  ** has asked for a truncation. It was given before the member knew of term
  ** 9, so it counts for Leader Completeness as if it had left then, and what
  ** it names is gone rightly, or soon will be. */
  bool is_past = status->term > claim->term;
  if (status->durable_term < claim->term
      || (!is_past && status->stable < claim->match)) {
    sim_violate (world, "durable_ack",
                 "member %llu acknowledges entry %llu in term %llu before "
                 "it is durable",
                 (number)member->id, (number)claim->match,
                 (number)claim->term);
  } else if (leader->is_open && leader->role == RAFT_LEADER
             && leader->term == claim->term && claim->match > 0
             && (claim->match > leader->last
                 || leader->log[claim->match].term
                      != own->log[claim->match].term)) {
    sim_violate (world, "acknowledged_matches",
                 "member %llu acknowledges entry %llu, which differs from "
                 "that of leader %llu",
                 (number)member->id, (number)claim->match,
                 (number)claim->to);
  }
}

/* Reading a disk back costs as much as a hundred events. It is done for every
** vote, for the first acknowledgements after a restart or a truncation, when
** what is durable is least obvious, and for a sample of the others. */
static bool is_worth_inspecting (struct sim_world *world,
                                 struct check_member *own,
                                 const struct check_claim *claim) {
  struct sim_matter matter = sim_matter (
    world, SIM_MATTER_CLAIM,
    sim_whom_member ((raft_id)(own - world->checks->members)));
  if (claim->kind != RAFT_MESSAGE_APPEND_RESULT) {
    return true;
  }
  if (own->doubtful > 0) {
    own->doubtful--;
    return true;
  }
  return sim_rare (world, SIM_CHOICE_INSPECT, matter,
                   world->options.inspect_disk);
}

void sim_check_claims (struct sim_world *world, struct sim_member *member,
                       const struct raft_status *status) {
  struct check_member *own = &world->checks->members[member->id];
  bool is_worth = false;
  for (unsigned i = 0; i < own->claim_count; i++) {
    const struct check_claim *claim = &own->claims[i];
    world->counters.claims++;
    if (claim->kind == RAFT_MESSAGE_APPEND_RESULT) {
      check_acknowledged (world, member, status, claim);
    } else {
      check_voted (world, member, status, claim);
    }
    is_worth |= is_worth_inspecting (world, own, claim);
  }
  if (is_worth && !member->is_damaged) {
    sim_check_disk (world, member, status);
  }
  own->claim_count = 0;
}
