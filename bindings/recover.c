/* SPDX-License-Identifier: MIT
**
** recover.c - directories that nobody uses, looked at and made anew. */

#include "recover.h"

#include "field.h"
#include "node.h"
#include "sim.h"
#include "uv/directory.h"
#include "value.h"

static void set_hex (lua_State *L, const char *name, uint64_t value) {
  field_push_hex (L, value);
  lua_setfield (L, -2, name);
}

void binding_survivor_push (lua_State *L,
                            const struct replica_survivor *survivor) {
  struct raft_buffer *payload = binding_buffer_push (L);
  if (wire_configuration_encode (payload, &survivor->configuration)
      != RAFT_OK) {
    luaL_error (L, "out of memory");
  }
  lua_createtable (L, 0, 10);
  field_set_number (L, "member", survivor->identity.member);
  set_hex (L, "cluster", survivor->identity.cluster);
  set_hex (L, "incarnation", survivor->identity.incarnation);
  field_set_number (L, "term", survivor->term);
  field_set_number (L, "last", survivor->last_index);
  field_set_number (L, "last_term", survivor->last_term);
  field_set_number (L, "last_time", survivor->last_time);
  field_set_number (L, "snapshot", survivor->snapshot_index);
  field_set_number (L, "configuration_index", survivor->configuration_index);
  lua_pushlstring (L, (const char *)payload->data, payload->size);
  lua_setfield (L, -2, "configuration");
  raft_buffer_free (payload);
  lua_remove (L, -2);
}

static int directory_look (lua_State *L) {
  struct replica_survivor survivor;
  struct raft_detail detail = { "" };
  struct raft_limits limits;
  const char *dir;
  int status;
  luaL_checktype (L, 1, LUA_TTABLE);
  lua_getfield (L, 1, "dir");
  dir = luaL_checkstring (L, -1);
  binding_node_read_limits (L, 1, &limits);
  status = real_directory_look (dir, &limits, binding_sim_is_interrupted,
                                &survivor, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  binding_survivor_push (L, &survivor);
  return 1;
}

static int directory_recover (lua_State *L) {
  struct replica_survivor survivor;
  struct raft_detail detail = { "" };
  struct raft_limits limits;
  const char *dir, *into;
  int status;
  luaL_checktype (L, 1, LUA_TTABLE);
  lua_getfield (L, 1, "dir");
  lua_getfield (L, 1, "into");
  dir = luaL_checkstring (L, -2);
  into = luaL_checkstring (L, -1);
  binding_node_read_limits (L, 1, &limits);
  status = real_directory_recover (dir, into, &limits,
                                   binding_sim_is_interrupted, &survivor,
                                   &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  binding_survivor_push (L, &survivor);
  return 1;
}

static int directory_is_within (lua_State *L) {
  const char *path = luaL_checkstring (L, 1);
  lua_pushboolean (L, real_directory_is_within (path,
                                                luaL_checkstring (L, 2)));
  return 1;
}

void binding_recover_open (lua_State *L) {
  lua_pushcfunction (L, directory_look);
  lua_setfield (L, -2, "directory_look");
  lua_pushcfunction (L, directory_recover);
  lua_setfield (L, -2, "directory_recover");
  lua_pushcfunction (L, directory_is_within);
  lua_setfield (L, -2, "directory_is_within");
}
