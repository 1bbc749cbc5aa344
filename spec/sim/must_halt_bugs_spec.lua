-- SPDX-License-Identifier: MIT
--
-- The check must_halt is shown what it must find: each kind of damage, in the
-- first, a middle and the last segment of a log, with a member that accepts
-- it. Without the bug the member halts, and names the file.
--
-- Needs the build whose members can have a bug: in another there is nothing
-- to see but that they halt.

local probe = require "raft.probe"
local sim = require "raft.sim"

local MEMBER = 1
local WRITES = 70

-- Six segments with batches, the last with several, and a spare one.
local function damaged(row, place, bug)
  local rows = {}
  for i = 1, WRITES do
    rows[i] = { at = ("%dms"):format(400 + 20 * i), "invoke", 1, "write",
                { "set", "x", ("v"):rep(300) } }
  end
  rows[#rows + 1] = { at = "3s", "crash", MEMBER }
  rows[#rows + 1] = { at = "3s", "rot", MEMBER, row.how, file = row.segment,
                      place = place }
  rows[#rows + 1] = { at = "3100ms", "start", MEMBER }
  return sim.replay({
    nodes = 3, schedule = rows,
    options = { duration_us = 4000000, clients = 0,
                limits = { segment_bytes = 8192, batch_bytes = 1024 } },
  }, { bug = bug })
end

local FIRST, MIDDLE, LAST = 0, 2, 5

-- Who cuts the log at a flipped bit does so in the last segment only: before
-- it the next segment's checkpoint tells.
local ROWS = {
  { how = "flip", segment = FIRST, where = "first", bug = "skip_checksum" },
  { how = "flip", segment = MIDDLE, where = "middle",
    bug = "skip_checksum" },
  { how = "flip", segment = LAST, where = "last", bug = "skip_checksum" },
  { how = "flip", segment = LAST, where = "last", bug = "truncate_at_rot" },
  { how = "short", segment = FIRST, where = "first",
    bug = "accept_short_segment" },
  { how = "short", segment = MIDDLE, where = "middle",
    bug = "accept_short_segment" },
  { how = "short", segment = LAST, where = "last",
    bug = "accept_short_segment" },
  { how = "gone", segment = FIRST, where = "first", bug = "accept_gap",
    says = "does not say" }, -- a log that begins later needs a snapshot
  { how = "gone", segment = MIDDLE, where = "middle", bug = "accept_gap" },
  { how = "gone", segment = LAST, where = "last", bug = "accept_gap" },
}

-- Places in a segment: many, for a bug may live with one and not with another.
local function each_place(visit)
  for place = 1001, 65000, 6001 do
    visit(place)
  end
end

describe("sim: must_halt", function ()
  for _, row in ipairs(ROWS) do
    local name = ("%s, in the %s segment"):format(row.how, row.where)
    it(name .. ": the member halts", function ()
      each_place(function (place)
        local result = damaged(row, place)
        assert(result.ok, result.violation and result.violation.text)
        assert.same({ 1, 1 }, { result.rots, result.rots_refused })
      end)
    end)

    if probe.with_bugs then
      it(("%s: %s is found"):format(name, row.bug), function ()
        local found = 0
        each_place(function (place)
          local result = damaged(row, place, row.bug)
          if not result.ok then
            local what = result.violation
            assert.equal("must_halt", what.name)
            found = found + (what.text:find(row.says or "starts") and 1 or 0)
          end
        end)
        assert.is_true(found > 0)
      end)
    end
  end
end)
