/* SPDX-License-Identifier: MIT
**
** machine_options.c - a Lua machine from a Lua table. */

#include "field.h"
#include "machine.h"
#include "value.h"

/* package[name] of the host, left on the stack; NULL when it has none. */
static const char *push_package (lua_State *L, const char *name) {
  lua_getglobal (L, "package");
  if (!lua_istable (L, -1)) {
    return NULL;
  }
  lua_getfield (L, -1, name);
  return lua_type (L, -1) == LUA_TSTRING ? lua_tostring (L, -1) : NULL;
}

int binding_machine_from_lua (lua_State *L, int index,
                              struct machine **machine) {
  struct field_table table;
  struct binding_machine_options options = { .sandbox = true };
  int top = lua_gettop (L);
  int status;
  table = field_open (L, lua_absindex (L, index), "machine options",
                      "machine options sandbox memory instructions unsteady "
                      "commands ");
  options.machine = field_string (&table, "machine");
  if (options.machine == NULL) {
    luaL_error (L, "machine options.machine: expected a module name or the "
                   "path of a Lua file, got nothing");
  }
  options.memory_bytes = field_number (&table, "memory", 0, RAFT_INDEX_MAX);
  options.instructions
    = field_number (&table, "instructions", 0, RAFT_INDEX_MAX);
  options.unsteady = field_number (&table, "unsteady", 0, RAFT_INDEX_MAX);
  if (field_is_present (&table, "sandbox")) {
    options.sandbox = field_boolean (&table, "sandbox");
  }
  if (field_is_present (&table, "commands")) {
    options.commands = field_boolean (&table, "commands");
  }
  lua_getfield (L, table.index, "options");
  if (!lua_isnil (L, -1)) {
    struct raft_detail detail = { "" };
    struct raft_buffer *bytes = binding_buffer_push (L);
    status = binding_value_encode (L, -2, bytes, &detail);
    if (status != RAFT_OK) {
      luaL_error (L, "machine options.options: %s", detail.text);
    }
    options.options = bytes->data;
    options.options_size = bytes->size;
  }
  options.package_path = push_package (L, "path");
  options.package_cpath = push_package (L, "cpath");
  status = binding_machine_new (machine, &options);
  lua_settop (L, top);
  return status;
}
