-- SPDX-License-Identifier: MIT
--
-- Schedules that scripts/mutants --keep has shrunk and kept: each one fails
-- with its bug, by the check of that time, and passes without.

local core = require "raft.core"
local sim = require "raft.sim"

local function load_kept(name)
  local path = ("spec/fixture/mutants/%s.lua"):format(name)
  local file = io.open(path)
  if not file then
    return nil
  end
  file:close()
  return dofile(path)
end

describe("sim: the kept schedule of a known bug", function ()
  local count = 0
  for _, row in ipairs(core.bugs) do
    local kept = load_kept(row.name)
    if kept then
      count = count + 1
      it(row.name .. " fails with it, and not without", function ()
        local with = sim.replay(kept, { bug = row.name })
        assert(with.violation and with.violation.name == kept.check,
          ("expected %s, got %s; scripts/mutants --keep %s tells more"):format(
            kept.check, with.violation and with.violation.name or "nothing",
            row.name))
        local without = sim.replay(kept)
        assert(without.ok, without.violation and without.violation.text)
      end)
    end
  end

  it("is there for more than half of them", function ()
    assert.is_true(count * 2 >= #core.bugs)
  end)
end)
