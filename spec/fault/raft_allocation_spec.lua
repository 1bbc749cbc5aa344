-- SPDX-License-Identifier: MIT
--
-- Every allocation of a step fails once. The step must then say so and leave
-- the engine as it was; tried again, it must do what it does without failure.

local probe = require("raft.probe")
local round_table = require("spec.paper.round_table")
local MS = round_table.MS

-- A life with an election, a batch, a conflict, reads and a load from disk.
local function live(watch)
  local t = round_table.new {
    members = 3, limits = { cached_bytes = 300 }, watch = watch,
    logs = { { 1, 1 }, { 1, 1 }, { 1, 2, 2, 2 } }, terms = { 2, 2, 2 },
  }
  t:cut(3, 1)
  t:cut(3, 2)
  t:timeout(1)
  t:settle()
  t:heal()
  t:propose(1, 20)
  for id = 1, 20 do t:read(1, id) end
  t:run(300 * MS)
  assert.equal(t:commit(1), t:commit(3))
end

describe("raft_step: out of memory", function()
  it("changes nothing, wherever it strikes", function()
    local failures = 0
    live(function(engine, event)
      local before = engine:hash()
      for nth = 1, 1000 do
        local trial = engine:copy()
        trial:fail_allocation(nth)
        local _, _, code = trial:step(event)
        if code ~= "no_memory" then
          trial:close()
          break
        end
        failures = failures + 1
        assert.equal(before, trial:hash())
        trial:fail_allocation(0)
        assert.is_truthy(trial:step(event))
        trial:close()
      end
      assert.equal(before, engine:hash())
    end)
    assert.is_true(failures > 100)
  end)
end)

describe("raft_new, raft_copy: out of memory", function()
  it("say so and leave nothing behind, wherever it strikes", function()
    for nth = 1, 100 do
      local failed, bytes = probe.state_new_fails(nth)
      assert.equal(0, bytes)
      if not failed then
        return assert.is_true(nth > 5)
      end
    end
    error("no allocation was the last")
  end)
end)

describe("raft_copy", function()
  it("goes the same way as its original, and shares nothing", function()
    local steps = 0
    live(function(engine, event)
      local copy = engine:copy()
      assert.equal(engine:hash(), copy:hash())
      local expected = copy:step(event)
      local after = copy:hash()
      copy:close()
      return function(effects)
        assert.same(expected, effects)
        assert.equal(after, engine:hash())
        steps = steps + 1
      end
    end)
    assert.is_true(steps > 50)
  end)
end)
