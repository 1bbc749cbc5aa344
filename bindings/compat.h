/* SPDX-License-Identifier: MIT
**
** compat.h - lua.h of 5.1, 5.3, 5.4 and LuaJIT as one.
**
** Holds:  the names of Lua 5.3 that older ones lack, as far as bindings/
**         uses them.
** Rule:   the only file that compares LUA_VERSION_NUM for a function; each
**         shim is guarded by #ifndef, since LuaJIT has some of them. */

#ifndef RAFT_BINDINGS_COMPAT_H
#define RAFT_BINDINGS_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#if LUA_VERSION_NUM < 502

#ifndef LUA_OK
#define LUA_OK 0
#endif

#ifndef lua_rawlen
#define lua_rawlen(L, index) lua_objlen (L, index)
#endif

#ifndef lua_absindex
#define lua_absindex(L, index)                        \
  ((index) > 0 || (index) <= LUA_REGISTRYINDEX ? (index) \
                                               : lua_gettop (L) + (index) + 1)
#endif

/* LuaJIT has these three, and tells by the macro. */
#ifndef luaL_newlib

static inline void luaL_setfuncs (lua_State *L, const luaL_Reg *list,
                                  int upvalues) {
  (void)upvalues; /* always 0 here */
  luaL_register (L, NULL, list);
}

#define luaL_newlibtable(L, list) \
  lua_createtable (L, 0, (int)(sizeof (list) / sizeof (list)[0] - 1))
#define luaL_newlib(L, list) \
  (luaL_newlibtable (L, list), luaL_setfuncs (L, list, 0))

#endif
#endif

#endif
