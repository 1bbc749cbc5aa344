/* SPDX-License-Identifier: MIT
**
** order.c - requests of an operator, in the bytes that the command sends. */

#include "sim/order.h"

#include <string.h>

#include "wire/rpc.h"
#include "wire/value.h"

static struct raft_buffer begin (void) {
  struct raft_buffer bytes;
  raft_buffer_init (&bytes, &raft_memory_plain);
  return bytes;
}

static void order (struct sim_member *member, const char *method,
                   struct raft_buffer *params) {
  struct wire_view view = { params->data, params->size };
  struct raft_buffer request = begin ();
  if (sim_member_is_up (member) && !member->is_paused
      && wire_rpc_request (&request, 1, method, view) == RAFT_OK) {
    member->world->counters.orders++;
    (void)replica_on_admin (member->replica, SIM_OPERATOR, request.data,
                            request.size);
    sim_member_settle (member);
  }
  raft_buffer_free (&request);
  raft_buffer_free (params);
}

static int put_members (struct sim_world *world, struct raft_buffer *out,
                        uint32_t set) {
  uint32_t count = 0;
  int status;
  for (raft_id id = 1; id <= world->member_count; id++) {
    count += set >> id & 1;
  }
  status = wire_value_array (out, count);
  for (raft_id id = 1; id <= world->member_count; id++) {
    const char *address = world->members[id]->address;
    if ((set >> id & 1) != 0) {
      status |= wire_value_array (out, 2);
      status |= wire_value_unsigned (out, id);
      status |= wire_value_string (out, address, strlen (address));
    }
  }
  return status;
}

void sim_order_members (struct sim_member *member, uint32_t voters,
                        uint32_t learners) {
  struct raft_buffer params = begin ();
  int status = wire_value_array (&params, 1);
  status |= wire_value_map (&params, 2);
  status |= wire_value_string (&params, "learners", 8);
  status |= put_members (member->world, &params, learners);
  status |= wire_value_string (&params, "voters", 6);
  status |= put_members (member->world, &params, voters);
  raft_assert (status == RAFT_OK);
  order (member, "set_members", &params);
}

void sim_order_transfer (struct sim_member *member, raft_id to) {
  struct raft_buffer params = begin ();
  int status = wire_value_array (&params, to != RAFT_ID_NONE);
  if (to != RAFT_ID_NONE) {
    status |= wire_value_unsigned (&params, to);
  }
  raft_assert (status == RAFT_OK);
  order (member, "transfer", &params);
}

void sim_order_snapshot (struct sim_member *member) {
  struct raft_buffer params = begin ();
  int status = wire_value_array (&params, 0);
  raft_assert (status == RAFT_OK);
  order (member, "snapshot", &params);
}
