/* SPDX-License-Identifier: MIT
**
** snapshot_ask.c - an operator wants a snapshot now.
**
**   snapshot  []  -> { index = n }: it stands under its name, durably
**
** Rule: what cannot be done is said at once, and changes nothing; who waits
**       is answered when the snapshot that was begun for it is whole, or has
**       failed. */

#include <string.h>

#include "replica/inside.h"

static int ask_judge (const struct replica *replica,
                      struct raft_detail *why) {
  const struct replica_take *take = &replica->take;
  const struct replica_receive *receive = &replica->receive;
  if (take->has_no_method) {
    return raft_fail (why, RAFT_ENO_METHOD, "the machine takes no snapshots: "
                      "expected the methods 'snapshot' and 'restore'");
  }
  if (receive->state != RECEIVE_IDLE) {
    return raft_fail (why, RAFT_EBUSY, "the snapshot of entry %llu is being "
                      "received from member %llu",
                      (unsigned long long)receive->what.index,
                      (unsigned long long)receive->from);
  }
  if (take->is_asked
      || (take->state != TAKE_IDLE && take->state != TAKE_SWEEPING)) {
    return raft_fail (why, RAFT_EBUSY, "a snapshot is being taken already");
  }
  if (replica->applied <= replica->snapshot_index) {
    return raft_fail (why, RAFT_EEXISTS, "nothing was applied since the "
                      "snapshot of entry %llu",
                      (unsigned long long)replica->snapshot_index);
  }
  return RAFT_OK;
}

void replica_admin_snapshot (struct replica *replica,
                             const struct replica_caller *caller,
                             struct wire_view params) {
  struct replica_take *take = &replica->take;
  struct raft_detail why;
  int status = params.size == 1 && params.data[0] == 0x90
                 ? ask_judge (replica, &why)
                 : raft_fail (&why, RAFT_EMALFORMED, "snapshot: expected []");
  if (status != RAFT_OK) {
    replica_answer_error (replica, caller, status, why.text);
    return;
  }
  take->caller = *caller;
  take->is_asked = true;
}

void replica_take_done (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (take->caller.connection != 0) {
    replica_admin_answer_index (replica, &take->caller, take->index);
    take->caller.connection = 0;
  }
}

void replica_take_failed (struct replica *replica, int status,
                          const char *why) {
  struct replica_take *take = &replica->take;
  if (take->caller.connection != 0) {
    replica_answer_error (replica, &take->caller, status, why);
    take->caller.connection = 0;
  }
}

int replica_snapshot (struct replica *replica) {
  struct replica_take *take = &replica->take;
  if (replica->life != REPLICA_OPEN) {
    return RAFT_ECLOSED;
  }
  if (take->has_no_method) {
    return RAFT_ENO_METHOD;
  }
  replica_enter (replica);
  take->is_asked = true;
  replica_leave (replica);
  return RAFT_OK;
}
