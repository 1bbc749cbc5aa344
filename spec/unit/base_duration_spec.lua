-- SPDX-License-Identifier: MIT
--
-- Durations, counted by powers of two.

local helper = require "spec.helper"
local probe = require "raft.probe"

-- The first power of two that is not below.
local function bucket_of(took)
  local bucket, bound = 1, 1
  while took > bound and bucket < 24 do
    bucket, bound = bucket + 1, bound * 2
  end
  return bucket
end

describe("raft_durations: add", function ()
  it("counts a bound in its own bucket, what is above in the next one",
    function ()
      for power = 0, 22 do
        local counts = probe.durations(2 ^ power, 2 ^ power + 1)
        assert.equal(1, counts[power + 1], power)
        assert.equal(1, counts[power + 2], power)
      end
      assert.equal(3, probe.durations(0, 1, 1)[1])
      assert.equal(2, probe.durations(2 ^ 23, 2 ^ 50)[24])
    end)

  it("agrees with counting one by one, on random durations", function ()
    helper.check(200, function (random)
      local expected, given, total, longest = {}, {}, 0, 0
      for i = 1, 24 do
        expected[i] = 0
      end
      for i = 1, random:integer(1, 20) do
        local took = random:integer(0, 2 ^ 24)
        given[i] = took
        expected[bucket_of(took)] = expected[bucket_of(took)] + 1
        total, longest = total + took, math.max(longest, took)
      end
      local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
      assert.same({ expected, total, longest },
        { probe.durations(unpack(given)) })
    end)
  end)
end)
