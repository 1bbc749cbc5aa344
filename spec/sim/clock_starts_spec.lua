-- SPDX-License-Identifier: MIT
--
-- Runs that differ only in where their clocks start are alike: each record at
-- the same time after the start, each counter the same.

local sim = require "raft.sim"

local MS, S = 1000, 1000 * 1000

-- What goes over 2^31 ms, 2^32 ms and 2^52 us a second after it has begun.
local STARTS = { ["2^31 ms"] = 2 ^ 31 * MS - S, ["2^32 ms"] = 2 ^ 32 * MS - S,
                 ["2^52 us"] = 2 ^ 52 - S }

local FAULTS = sim.mix(sim.profiles.crashes, { duration_us = 3 * S,
  drift = 3, jump = 3, isolate = 2, pause = 2, keep_traces = 200000,
  fault_us = 150 * MS,
  skew_us = 2 * S, check_quorum_us = 400 * MS })

local function run(start, seed)
  local world = sim.new(sim.mix(FAULTS, { start_us = start, seed = seed }))
  world:run()
  local records, result = world:records(), world:result()
  world:close()
  assert(result.ok, result.violation and result.violation.text)
  result.now = result.now - start
  result.trace_hash = nil
  return records, result
end

local function text_of(record, start)
  local fields = {}
  for name, value in pairs(record.fields) do
    fields[#fields + 1] = ("%s=%s"):format(name, tostring(value))
  end
  table.sort(fields)
  return ("%.0f %d %d %s %s"):format(record.time - start, record.member,
    record.term, record.kind, table.concat(fields, " "))
end

describe("sim: clocks that start just below", function ()
  for name, start in pairs(STARTS) do
    it(name .. " go on as others do", function ()
      for seed = 1, 3 do
        local few, plain = run(S, seed)
        local many, late = run(start, seed)
        assert.is_true(#few > 1000 and plain.jumps + plain.drifts > 0,
          #few .. " records")
        for i, record in ipairs(few) do
          local want, got = text_of(record, S), text_of(many[i], start)
          assert(want == got, ("seed %d, record %d: expected %s, got %s")
            :format(seed, i, want, got))
        end
        assert.equal(#few, #many)
        assert.same(plain, late)
      end
    end)
  end
end)
