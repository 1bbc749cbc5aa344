-- SPDX-License-Identifier: MIT
--
-- A configuration for luarocks (LUAROCKS_CONFIG) that needs no network: it
-- asks no server, and names what Debian 12 has installed for every Lua.
-- With RAFT_LUAJIT=1 luarocks-5.1 builds for LuaJIT.
rocks_servers = {}
rocks_provided = {
  argparse = "0.7.1-1",
  dkjson = "2.6-1",
}
if os_getenv "RAFT_LUAJIT" then
  lua_interpreter = "luajit"
  variables = {
    LUA_BINDIR = "/usr/bin",
    LUA_INCDIR = "/usr/include/luajit-2.1",
  }
end
