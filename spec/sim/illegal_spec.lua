-- SPDX-License-Identifier: MIT
--
-- What no disk may do is in no profile, and does lose data: so the checks
-- would see a log that believed in less than a sync.

local sim = require "raft.sim"

-- Power goes out everywhere, again and again; disks are otherwise sound.
local DARK = { crash_all = 1, crash = 3, fault_us = 300000,
               fault_length_us = 600000, duration_us = 5000000 }

describe("sim: a disk that lies about its syncs", function ()
  it("is in no profile", function ()
    for _, name in ipairs(sim.profiles.names) do
      assert.equal(nil, sim.profiles[name].lying_sync, name)
      assert.equal(0, sim.run(sim.mix(sim.profiles[name],
        { seed = 1, duration_us = 2000000 })).lies, name)
    end
  end)

  it("loses what was acknowledged, and that is seen", function ()
    local world = sim.new { seed = 1, members = 3 }
    world:start_all()
    world:await_leader()
    local client = world:client()
    for i = 1, 20 do
      assert(client:propose { "set", "x", i })
      assert(client:wait().ok)
      if i == 10 then
        for id = 1, 3 do
          world:lie(id, "on")
        end
      end
    end
    for id = 1, 3 do
      world:crash(id, "nothing")
      world:start(id)
    end
    world:run_for(1000000)
    assert.equal("durability", world:result().violation.name)
    world:close()
  end)

  it("fails most runs, which are sound without it", function ()
    local failed, found = 0, {}
    for seed = 1, 20 do
      assert.is_true(sim.run(sim.mix(DARK, { seed = seed })).ok)
      local result = sim.run(sim.mix(DARK, { seed = seed, lying_sync = 2 }))
      failed = failed + (result.ok and 0 or 1)
      found[result.ok or result.violation.name] = true
    end
    assert.is_true(found.must_start) -- a log that the disk has holed
    assert.is_true(failed >= 12, failed .. " of 20")
  end)

  it("is seen at once where durable bytes are read back", function ()
    local result = sim.run(sim.mix(DARK, { seed = 1, lying_sync = 9,
      fault_us = 50000, inspect_disk = 1000000 }))
    assert.equal("durable_ack", result.violation.name)
  end)

  it("is recorded, and replayed", function ()
    for seed = 1, 3 do
      local result = sim.run(sim.mix(DARK,
        { seed = seed, lying_sync = 2, record = 1 }))
      assert.equal(result.trace_hash,
        sim.replay(result.schedule).trace_hash)
    end
  end)
end)
