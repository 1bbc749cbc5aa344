/* SPDX-License-Identifier: MIT
**
** probe_machine.c - struct machine for specs: machine_handle.c, as it is. */

#include "machine.h"

void raft_probe_machine (lua_State *L);

void raft_probe_machine (lua_State *L) {
  binding_machine_handle_open (L);
}
