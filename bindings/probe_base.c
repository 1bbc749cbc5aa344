/* SPDX-License-Identifier: MIT
**
** probe_base.c - core/base for specs.
**
** Numbers of 64 bits are strings of 16 hexadecimal digits. */

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/limit.h"
#include "field.h"

void raft_probe_base (lua_State *L);

/* checksum(bytes, salt) -> hex */
static int base_checksum (lua_State *L) {
  size_t size;
  const char *data = luaL_checklstring (L, 1, &size);
  uint64_t salt = (uint64_t)luaL_optnumber (L, 2, 0);
  field_push_hex (L, raft_checksum (data, size, salt));
  return 1;
}

/* error_of_name(name) -> number, 0 when there is none */
static int base_error_of_name (lua_State *L) {
  size_t size;
  const char *name = luaL_checklstring (L, 1, &size);
  lua_pushinteger (L, raft_error_of_name (name, size));
  return 1;
}

static const luaL_Reg functions[] = { { "checksum", base_checksum },
                                      { "error_of_name", base_error_of_name },
                                      { NULL, NULL } };

void raft_probe_base (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
