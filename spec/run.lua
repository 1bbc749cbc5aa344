-- SPDX-License-Identifier: MIT
--
-- run.lua - the specs under `luarocks test`, with the Lua that it selected.
--
-- The rock does not hold raft.probe: where it cannot be loaded, only the specs
-- that need nothing but the rock are run. scripts/test runs them all.
--
--   eval "$(luarocks-5.4 path --tree TREE)" && luarocks-5.4 test

if #arg == 0 then
  local all = pcall(require, "raft.probe")
  arg[1] = all and "spec" or "spec/lua"
  io.stderr:write("running ", arg[1], all and "\n"
    or " only: raft.probe is not there (see scripts/test)\n")
end

require "busted.runner" { standalone = false }
