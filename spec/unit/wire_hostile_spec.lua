-- SPDX-License-Identifier: MIT
local helper = require "spec.helper"
local probe = require "raft.probe"

-- Which answers a run must have seen, so that it proves something.
local SEEN = { "scanned", "scan_refused", "values", "canonical", "rpcs",
  "proposes", "queries", "messages", "entries", "greetings",
  "configurations", "leaders", "decoded" }

local function run(count)
  local warm_up = 5000 -- what is kept for reuse has its size after it
  local seen = probe.hostile_run(helper.seed, warm_up, count)
  local seed = ("seed=%.0f"):format(helper.seed)
  assert.equal(warm_up + count, seen.inputs)
  for _, name in ipairs(SEEN) do
    assert.is_true(seen[name] > 0, seed .. " never " .. name)
    assert.is_true(seen[name] < seen.inputs, seed .. " always " .. name)
  end
  assert.equal(0, seen.disagreements, seed)
  assert.is_true(seen.room_peak < 64 * 1024, seed)
  if not probe.is_sanitized() then
    assert.is_true(seen.kib_peak - seen.kib_before <= 1024,
      ("%s: from %.0f to %.0f KiB"):format(seed, seen.kib_before,
      seen.kib_peak))
  end
end

describe("core/wire and the codec against hostile bytes", function ()
  it("read 50000 inputs: nothing crashes, no two readers disagree, memory "
    .. "stays", function ()
    run(50000)
  end)

  it("read 1000000 inputs #full", function ()
    run(1000000)
  end)

  it("are given the same bytes for the same seed", function ()
    assert.equal(probe.hostile_input(5, 300), probe.hostile_input(5, 300))
    assert.is_not.equal(probe.hostile_input(5, 300),
      probe.hostile_input(6, 300))
  end)
end)
