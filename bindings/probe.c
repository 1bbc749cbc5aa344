/* SPDX-License-Identifier: MIT
**
** probe.c - raft.probe, the module through which specs reach C rooms.
**
** Holds:  luaopen_raft_probe. Each room of probe_rooms.h adds its functions
**         to one flat table, named <noun>_<verb> ("quorum_committed").
** Rule:   for tests only; the rock does not install it. It may be opened
**         several times in one state, since busted opens it per spec file. */

#include "compat.h"

#define X(room) void raft_probe_##room (lua_State *L);
#include "probe_rooms.h"
#undef X

LUALIB_API int luaopen_raft_probe (lua_State *L);

LUALIB_API int luaopen_raft_probe (lua_State *L) {
  lua_newtable (L);
#define X(room) raft_probe_##room (L);
#include "probe_rooms.h"
#undef X
  return 1;
}
