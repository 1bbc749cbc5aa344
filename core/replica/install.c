/* SPDX-License-Identifier: MIT
**
** install.c - the engine wants what was received: the member becomes what the
** snapshot says.
**
**   naming ─► resetting ─► waiting ─► restoring ─► telling
**    the file  the log      for what   the machine  INSTALLED
**    is synced begins       was given
**    and named anew         before
**
** Rule: each of these is durable before the next. A crash after the name finds
**       the snapshot ahead of the log, and begins the log anew
**       (snapshot_open.c); before it, nothing has changed.
** Rule: nothing of the log is read meanwhile, and the machine is asked nothing
**       while it is between two states. */

#include <string.h>

#include "replica/inside.h"

bool replica_is_installing (const struct replica *replica) {
  return replica->receive.state >= INSTALL_NAMING;
}

bool replica_is_restoring (const struct replica *replica) {
  return replica->receive.state >= INSTALL_RESTORING;
}

void replica_install_start (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  receive->state = INSTALL_NAMING;
  receive->is_busy = true;
  wal_snapshot_end (&receive->writer);
}

/* ---- the answer to the engine ------------------------------------------ */

static bool tell (struct replica *replica, int status) {
  struct raft_event event;
  memset (&event, 0, sizeof event);
  event.kind = RAFT_EVENT_INSTALLED;
  event.as.installed.status = status;
  if (replica_step (replica, &event) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  return true;
}

/* ---- step by step ------------------------------------------------------ */

static bool settle_naming (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (receive->status != RAFT_OK) {
    if (!tell (replica, receive->status)) {
      return false;
    }
    replica_trace_text (replica, RAFT_TRACE_SNAPSHOT_FAILED,
                        receive->what.index,
                        (uint64_t)(int64_t)receive->status,
                        receive->writer.detail.text);
    replica_receive_answer (replica, WIRE_SNAPSHOT_REFUSED);
    replica_receive_done (replica);
    return true;
  }
  replica->snapshot_previous = replica->snapshot_index;
  replica->snapshot_index = receive->what.index;
  replica->snapshot_time = receive->what.time;
  replica->snapshot_bytes = receive->what.size;
  receive->state = INSTALL_RESETTING;
  receive->ticket = 0;
  return true;
}

static bool reset_log (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  struct raft_status status;
  struct wal_write write;
  raft_get_status (replica->raft, &status);
  memset (&write, 0, sizeof write);
  write.ticket = replica->wal_ticket + 1;
  write.term = status.term;
  write.vote = status.vote;
  write.first = receive->what.index + 1;
  write.is_reset = true;
  if (wal_persist (replica->wal, &write) != RAFT_OK) {
    replica_retry (replica);
    return false;
  }
  if (replica->wal_ticket == replica->wal_durable) {
    replica->write_since = replica->now;
  }
  replica->wal_ticket = write.ticket;
  replica->peers.reset_ticket = write.ticket;
  receive->ticket = write.ticket;
  return true;
}

static bool settle_resetting (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (receive->ticket == 0) {
    return replica->peers.reset_ticket == 0 && reset_log (replica);
  }
  if (replica->wal_stepped < receive->ticket) {
    return false;
  }
  receive->state = INSTALL_WAITING;
  return true;
}

static void on_restored (struct replica *replica, int status) {
  if (status != RAFT_OK) {
    replica_stop (replica, status, replica->restore.detail.text);
    return;
  }
  replica->receive.state = INSTALL_TELLING;
}

static bool settle_waiting (struct replica *replica) {
  const struct replica_apply *apply = &replica->apply;
  if (apply->next != apply->end || apply->is_told
      || replica->reads.asked_count > 0) {
    return false;
  }
  replica->receive.state = INSTALL_RESTORING;
  replica_restore_start (replica, replica->receive.what.index, true,
                         on_restored);
  replica_restore_know (replica, &replica->receive.meta);
  return true;
}

/* What was proposed here and is not applied may be in the snapshot, or was
** cut: nobody here knows. */
static void fail_calls (struct replica *replica) {
  const struct replica_call *call;
  while ((call = replica_calls_oldest (&replica->calls)) != NULL) {
    replica_answer_error (replica, &call->caller, RAFT_EUNKNOWN, NULL);
    replica_calls_pop_oldest (&replica->calls);
  }
}

static void adopt (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  const struct replica_meta *meta = &replica->restore.meta;
  raft_index index = receive->what.index;
  if (!raft_bug (replica, INSTALL_KEEPS_MEMBERS)) {
    replica_configure_value (replica, &meta->configuration,
                             meta->configuration_index);
    replica->previous_index = 0;
    replica_know_members (replica);
  }
  replica_restore_adopt (replica, &receive->meta.sessions);
  fail_calls (replica);
  replica_cache_restart (&replica->cache, index + 1);
  replica->apply.next = replica->apply.end = index + 1;
  replica->held_index = 0;
  replica->applied = index;
  replica->applied_time = receive->what.time;
  replica->last = index;
  replica->take.log_bytes = 0;
  receive->is_adopted = true;
}

static bool settle_telling (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (!receive->is_adopted) {
    adopt (replica);
  }
  if (!tell (replica, RAFT_OK)) {
    return false;
  }
  receive->installed++;
  replica_stall_applied (replica);
  replica_receive_answer (replica, WIRE_SNAPSHOT_INSTALLED);
  replica_receive_done (replica);
  replica_take_sweep (replica);
  return true;
}

bool replica_settle_install (struct replica *replica) {
  struct replica_receive *receive = &replica->receive;
  if (receive->is_busy) {
    return false;
  }
  switch (receive->state) {
    case INSTALL_NAMING: return settle_naming (replica);
    case INSTALL_RESETTING: return settle_resetting (replica);
    case INSTALL_WAITING: return settle_waiting (replica);
    case INSTALL_TELLING: return settle_telling (replica);
    default: return false;
  }
}
