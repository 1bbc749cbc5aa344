/* SPDX-License-Identifier: MIT
**
** handover.c - leadership for another one, or for nobody in particular, as an
** operator asks (admin.c has the verbs).
**
** Rule: it is answered when the next leader is known, or when the engine says
** that nothing came of it. */

#include <string.h>

#include "replica/inside.h"

static int transfer_read (struct wire_view params, raft_id *member) {
  struct wire_cursor cursor = { params.data, params.size, 0 };
  uint32_t count = 0;
  *member = RAFT_ID_NONE;
  if (wire_cursor_array (&cursor, &count) != RAFT_OK || count > 1) {
    return RAFT_EMALFORMED;
  }
  return count == 0 ? RAFT_OK
                    : wire_cursor_unsigned (&cursor, RAFT_INDEX_MAX, member);
}

static int transfer_is_voter (const struct replica *replica, raft_id member,
                              struct raft_detail *why) {
  const struct wire_member *found
    = wire_configuration_find (&replica->configuration, member);
  const char *what = found == NULL ? "no member"
                     : (found->roles & ~(unsigned)WIRE_LEARNER) == 0
                       ? "a learner"
                     : member == replica->identity.member ? "the leader"
                                                          : NULL;
  if (what == NULL) {
    return RAFT_OK;
  }
  return raft_fail (why, RAFT_EINVALID, "expected another voter, got %llu, "
                    "which is %s", (unsigned long long)member, what);
}

/* Who has not answered for an election timeout will not take over in one. */
static int transfer_is_alive (const struct replica *replica, raft_id member,
                              struct raft_detail *why) {
  struct raft_status raft;
  raft_get_status (replica->raft, &raft);
  for (uint32_t i = 0; i < raft.member_count; i++) {
    if (raft.members[i].id == member && raft.members[i].heard != 0
        && replica->now - raft.members[i].heard
             < replica_election_us (replica)) {
      return RAFT_OK;
    }
  }
  return raft_fail (why, RAFT_EUNREACHABLE, "member %llu does not answer",
                    (unsigned long long)member);
}

static int transfer_judge (const struct replica *replica, raft_id member,
                           struct raft_detail *why) {
  int status;
  if (replica->role != RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (member == RAFT_ID_NONE) {
    return RAFT_OK;
  }
  status = transfer_is_voter (replica, member, why);
  return status == RAFT_OK ? transfer_is_alive (replica, member, why)
                           : status;
}

static int transfer_step (struct replica *replica, raft_id member,
                          struct raft_detail *why) {
  struct raft_event event;
  int status;
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_TRANSFER;
  event.as.transfer.member = member;
  status = replica_step (replica, &event);
  if (status == RAFT_EINVALID) {
    return raft_fail (why, RAFT_EUNREACHABLE,
                      "no other voter is there to lead");
  }
  return status;
}

void replica_admin_transfer (struct replica *replica,
                             const struct replica_caller *caller,
                             struct wire_view params) {
  struct replica_admin *admin = &replica->admin;
  struct raft_detail why = { "" };
  raft_id member;
  int status = transfer_read (params, &member);
  if (status != RAFT_OK) {
    replica_answer_error (replica, caller, RAFT_EMALFORMED,
                          "transfer: expected [] or [id]");
    return;
  }
  status = transfer_judge (replica, member, &why);
  if (status == RAFT_OK && admin->is_transferring) {
    status = RAFT_EBUSY;
  } else if (status == RAFT_OK) {
    admin->is_transferring = true;
    admin->transfer_caller = *caller;
    status = transfer_step (replica, member, &why);
    admin->is_transferring = status == RAFT_OK && admin->is_transferring;
  }
  if (status != RAFT_OK) {
    replica_admin_refuse (replica, caller, status, &why);
  }
}

void replica_admin_transferred (struct replica *replica, raft_id member,
                                int status) {
  struct replica_admin *admin = &replica->admin;
  struct raft_detail why;
  if (!admin->is_transferring) {
    return; /* a stalled leader's own */
  }
  if (status == RAFT_OK) {
    admin->is_handed_over = true;
    return;
  }
  admin->is_transferring = false;
  (void)raft_fail (&why, status, "member %llu has not taken over within an "
                   "election timeout; this one leads on",
                   (unsigned long long)member);
  replica_admin_refuse (replica, &admin->transfer_caller, status, &why);
}

/* Who leads now may be another one, if an election came between. */
bool replica_settle_transfer (struct replica *replica) {
  struct replica_admin *admin = &replica->admin;
  if (!admin->is_handed_over || replica->leader == RAFT_ID_NONE) {
    return false;
  }
  admin->is_transferring = false;
  admin->is_handed_over = false;
  replica_admin_answer (replica, &admin->transfer_caller, "leader",
                        replica->leader);
  return true;
}

/* ---- step_down ----------------------------------------------------------- */

void replica_admin_step_down (struct replica *replica,
                              const struct replica_caller *caller,
                              struct wire_view params) {
  static const uint8_t yes = 0xc3;
  struct raft_event event;
  int status = RAFT_OK;
  if (!replica_admin_is_empty (params)) {
    replica_answer_error (replica, caller, RAFT_EMALFORMED,
                          "step_down: expected []");
    return;
  }
  if (replica->role != RAFT_LEADER) {
    status = RAFT_ENOT_LEADER;
  } else {
    memset (&event, 0, sizeof event);
    event.kind = RAFT_EVENT_STEP_DOWN;
    status = replica_step (replica, &event);
  }
  if (status == RAFT_OK) {
    replica_answer_value (replica, caller, &yes, 1);
  } else {
    replica_answer_error (replica, caller, status, NULL);
  }
}
