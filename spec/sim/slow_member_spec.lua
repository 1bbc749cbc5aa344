-- SPDX-License-Identifier: MIT
--
-- One member whose disk or link is slow: what it costs the others, in virtual
-- time; and the leader, in bytes.

local sim = require "raft.sim"

local MS, S = 1000, 1000 * 1000

local LIMITS = { append_bytes = 4096, append_entries = 8,
  inflight_messages = 6, inflight_bytes = 12288, cached_bytes = 32768,
  retained_entries = 100000, snapshot_bytes = 2 ^ 40 }
local VALUE = ("v"):rep(2000)
local WRITES = 150

local function started(seed)
  local world = sim.new { members = 3, seed = seed, limits = LIMITS,
    deadline_us = 60 * S }
  world:start_all()
  local leader = world:await_leader(5 * S)
  local client = world:client()
  return world, leader, leader % 3 + 1, client
end

-- Writes one after the other. @return the longest that one took, in virtual
-- microseconds; the most memory that the leader had; and of the slow member's
-- window the most messages and bytes
local function write(world, leader, slow, client, count, each)
  local most = { took = 0, memory = 0, messages = 0, bytes = 0 }
  for i = 1, count do
    local began = world:now()
    assert(client:propose { "set", "k", VALUE:sub(1, i * 997 % 2000) .. i })
    local done
    repeat
      world:run_for(1 * MS)
      local status = world:status(leader)
      local peer = status.peers[slow]
      most.memory = math.max(most.memory, status.memory)
      most.messages = math.max(most.messages, peer.inflight_messages)
      most.bytes = math.max(most.bytes, peer.inflight_bytes)
      done = client:take()
    until done
    assert.is_true(done.ok, done.code)
    most.took = math.max(most.took, world:now() - began)
    if each then
      each()
    end
  end
  return most
end

local function lag(world, leader, slow)
  local status = world:status(leader)
  return status.last - status.peers[slow].match
end

-- What slows it, and ends it.
local kinds = {
  disk = function (world, _, slow, by)
    world:slow(slow, by)
  end,
  link = function (world, leader, slow, by)
    world:slow_link(leader, slow, by)
    world:slow_link(slow, leader, by)
  end,
}

describe("sim: a member that is far behind", function ()
  for name, slow_down in pairs(kinds) do
    it("for its slow " .. name .. " costs the others nothing", function ()
      local world, leader, slow, client = started(7)
      local before = write(world, leader, slow, client, WRITES)
      slow_down(world, leader, slow, 900 * MS)
      local during = write(world, leader, slow, client, WRITES)
      local behind = lag(world, leader, slow)
      assert.is_true(behind > 64, behind)
      slow_down(world, leader, slow, 0)
      local caught_up
      local after = write(world, leader, slow, client, WRITES, function ()
        caught_up = caught_up or lag(world, leader, slow) <= 1
      end)
      assert.is_true(caught_up)
      for _, most in ipairs { during, after } do
        assert.is_true(most.took <= before.took + 2 * MS, most.took)
        assert.is_true(most.memory <= before.memory + LIMITS.cached_bytes
          + LIMITS.inflight_bytes, most.memory)
        assert.is_true(most.messages <= LIMITS.inflight_messages)
        assert.is_true(most.bytes <= LIMITS.inflight_bytes, most.bytes)
      end
      -- As many were on their way as may be.
      assert.equal(LIMITS.inflight_messages, during.messages)
      assert.is_true(after.bytes > LIMITS.inflight_bytes / 2, after.bytes)
      world:close()
    end)
  end
end)
