-- SPDX-License-Identifier: MIT
--
-- init.lua - what `require "raft"` gives.
--
-- Holds:  the names of the toolkit. Parts of it are loaded when they are first
--         used, so that a program pays for what it needs.
-- Rule:   nothing happens at require time but the making of tables.

local core = require "raft.core"

-- Name in this table -> module that returns it.
local PARTS = {
  client = "raft.client",
  kv = "raft.kv",
  nemesis = "raft.nemesis",
  ordered = "raft.ordered",
  scenario = "raft.scenario",
  sim = "raft.sim",
  textbook = "raft.textbook",
  workload = "raft.workload",
}

-- Name in this table -> module and the function of it.
local FUNCTIONS = {
  admin = { "raft.admin", "open" },
  init = { "raft.node", "init" },
  inspect = { "raft.inspect", "open" },
  join = { "raft.admin", "join" },
  node = { "raft.node", "start" },
  recover = { "raft.recover", "recover" },
}

local raft = {
  _VERSION = "luaraft " .. core.version,
  version = core.version,
  core = core,
  --- Every code of an expected failure, with its text:
  -- { not_leader = { number = 3, text = "this member is not the leader" } }
  errors = core.errors,
  --- A nil that a container can hold: { 1, raft.null, 3 }.
  null = core.null,
  --- Marks an empty table as a map: raft.map {}.
  map = core.map,
}

return setmetatable(raft, {
  __index = function (self, name)
    local part, one = PARTS[name], FUNCTIONS[name]
    if part == nil and one == nil then
      return nil
    end
    local value = part and require(part) or require(one[1])[one[2]]
    rawset(self, name, value)
    return value
  end,
})
