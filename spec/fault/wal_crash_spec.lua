-- SPDX-License-Identifier: MIT
--
-- wal_crash_spec - a short story of a log, with every crash there is.
--
-- Goal:   whatever was reported durable is found again, after any crash, and
--         a recovered log is one of the states that the story went through.
-- Method: the story (bindings/probe_story.c) votes, appends, cuts, meets
--         peers and changes the configuration, over several segments of
--         4 KiB, in batches of at most six sectors. Everything is enumerated
--         in C (bindings/probe_crash.c); here are the sums.

local probe = require "raft.probe"

-- moments: of the disk, before and after each request of each process;
-- images: disks that differ, and are judged.
local function run(way)
  local result = probe.crash_run { way = way }
  print(("%s: %d moments, %d images, %d recoveries"):format(way,
    result.moments, result.images, result.recoveries))
  assert.is_nil(result.failure)
  return result
end

describe("wal: every legal crash image", function ()
  it("recovers after power was lost, with any subset of the unsynced, and "
    .. "again at each moment of the recovery", function ()
    local result = run "power"
    assert.is_true(result.moments > 5000)
    assert.is_true(result.images > 700)
    assert.is_true(result.most_unsynced <= 14, "subsets were left out")
  end)

  it("recovers when a process was killed first, then power lost", function ()
    local result = run "kill"
    assert.is_true(result.images > 700)
  end)

  it("recovers when a sync failed first, then power lost", function ()
    local result = run "sync"
    assert.is_true(result.images > 700)
  end)

  it("recovers when a write failed first, then power lost", function ()
    local result = run "write"
    assert.is_true(result.images > 700)
  end)

  it("recovers when a sync of the recovery failed, then power lost",
  function ()
    local result = run "recovery"
    assert.is_true(result.images > 2000)
  end)
end)
