-- SPDX-License-Identifier: MIT
--
-- Schedules that scripts/mutants --keep has shrunk and kept: with its bug each
-- one fails for one of its seeds at least, by the check of that time, and
-- without it passes for all of them.

local core = require "raft.core"
local keep = require "scripts.mutants_keep"

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
  local count, rows = 0, {}
  for _, row in ipairs(core.bugs) do
    local kept = load_kept(row.name)
    if kept then
      count = count + 1
      rows[count] = #kept.schedule
      it(row.name .. " fails with it, and not without", function ()
        local failed = false
        for seed = 1, kept.seeds or 1 do
          local with = keep.replay(kept, seed, row.name)
          local without = keep.replay(kept, seed)
          failed = failed or not with.ok and with.violation.name == kept.check
          assert(without.ok, without.violation and without.violation.text)
        end
        assert(failed, ("expected %s; scripts/mutants --keep %s tells more")
          :format(kept.check, row.name))
      end)
    end
  end

  it("stands on the page of all bugs, with what caught it", function ()
    local file = assert(io.open "docs/bugs.md")
    local page = file:read "*a"
    file:close()
    for _, row in ipairs(core.bugs) do
      assert.truthy(page:find(("| `%s` | %s | %s | `"):format(row.name,
        row.seen, row.text), 1, true), row.name)
    end
  end)

  if core.bugs[1] then -- else this build has none
    it("is there for more than half of them, and is short", function ()
      assert.is_true(count * 2 >= #core.bugs)
      table.sort(rows)
      assert.is_true(rows[math.ceil(count / 2)] <= 5 and rows[count] <= 25)
    end)
  end
end)
