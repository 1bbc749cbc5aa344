-- SPDX-License-Identifier: MIT
--
-- bounds: timings and limits that cannot be are refused by name, with the
-- bound and what came, before anything is started.

local bounds = require "raft.bounds"
local core = require "raft.core"
local raft = require "raft"

-- Raises at this file, with the text.
local function refuses(text, fn, ...)
  local function call(...)
    local result = fn(...)
    return result
  end
  local ok, message = pcall(call, ...)
  assert.is_false(ok)
  assert.truthy(message:find("bounds_spec.lua:%d+: "), message)
  assert.truthy(message:find(text, 1, true), message)
end

local function node(given)
  given.dir, given.machine = "nowhere", "raft.kv"
  local made = raft.node(given)
  return made
end

describe("raft.node: timings", function ()
  it("must stand to each other as an election needs it", function ()
    refuses("raft.node: option heartbeat: expected less than election_timeout "
      .. "(250ms), got 300ms", node, { heartbeat = "300ms" })
    refuses("raft.node: option election_timeout: expected more than heartbeat "
      .. "(50ms), got 50ms", node, { election_timeout = "50ms" })
    refuses("raft.node: option check_quorum: expected at least "
      .. "election_timeout (2s), got 1999ms", node,
      { election_timeout = "2s", check_quorum = "1999ms" })
  end)

  it("are between 1ms and 1h", function ()
    for name in pairs(bounds.TIMINGS) do
      refuses("raft.node: option " .. name .. ": expected a duration of at "
        .. 'least 1ms, got the string "0s"', node, { [name] = "0s" })
      refuses("option " .. name .. ": expected a duration of at most 1h, got "
        .. 'the string "2h"', node, { [name] = "2h" })
    end
  end)

  it("a longer election timeout needs no check_quorum", function ()
    local o = { election_timeout = 1000000 }
    bounds.check_timings(o, 1)
    assert.equal(2000000, o.check_quorum)
    o = {}
    bounds.check_timings(o, 1)
    assert.equal(500000, o.check_quorum)
  end)
end)

describe("raft.node and raft.init: limits", function ()
  it("have bounds, each of them", function ()
    for _, limit in ipairs(core.limits) do
      refuses("raft.node: limits: option " .. limit.name .. ": expected a ",
        node, { limits = { [limit.name] = limit.unit == "microseconds"
          and "0s" or 0 } })
      refuses("raft.node: limits: option " .. limit.name .. ": expected a ",
        node, { limits = { [limit.name] = limit.unit == "microseconds"
          and "2h" or 2 ^ 31 } })
    end
  end)

  it("name the bound and what came", function ()
    refuses("limits: option entry_bytes: expected a size of at least 1KiB, "
      .. "got the number 1", node, { limits = { entry_bytes = 1 } })
    refuses("limits: option reads: expected a whole number from 1 to 1000000,"
      .. " got the number 0", node, { limits = { reads = 0 } })
    refuses("raft.init: limits: option segment_bytes: expected a size of at "
      .. "most 1GiB", raft.init, { id = 1, dir = "nowhere",
      members = { "127.0.0.1:7101" }, limits = { segment_bytes = "2GiB" } })
  end)

  it("are read as people write them", function ()
    assert.same({ entry_bytes = 65536, sync_stall_us = 2000000, reads = 3 },
      bounds.limits("raft.node", { entry_bytes = "64KiB",
        sync_stall_us = "2s", reads = 3 }, 1))
  end)
end)
