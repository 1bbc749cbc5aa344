-- SPDX-License-Identifier: MIT
--
-- wal_damage_spec - every truncation and every flipped bit of a closed log.
--
-- Each is refused, naming file and offset, or the log opens and holds
-- everything that was acknowledged. There is no third outcome.

local probe = require "raft.probe"
local helper = require "spec.helper"

local function run(way, what, stride)
  local result = probe.crash_damage { way = way, what = what,
    stride = stride }
  print(("%s, %s: %d tried, %d refused, %d opened whole"):format(way, what,
    result.tried, result.refused, result.opened))
  assert.is_nil(result.failure)
  assert.equal(result.tried, result.refused + result.opened)
  return result
end

describe("wal: a closed log", function ()
  it("is refused when a file is shorter, by any number of bytes",
  function ()
    local result = run("truncate", "told", 1)
    assert.is_true(result.tried >= 5 * 4096)
    assert.equal(0, result.opened)
  end)

  it("is refused or whole when any bit is flipped", function ()
    -- Nothing else sees the order in which bits are tried: every seventh
    -- touches each byte.
    local result = run("flip", "told", helper.full and 1 or 7)
    assert.is_true(result.refused > 10000)
    assert.is_true(result.opened > 10000) -- zeros behind the last batch
  end)

  it("is refused or whole when it was only made", function ()
    assert.equal(4096, run("truncate", "made", 1).refused)
    assert.is_true(run("flip", "made", 1).refused > 512 * 8)
  end)
end)
