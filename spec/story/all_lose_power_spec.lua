-- SPDX-License-Identifier: MIT
--
-- Goal: everything that was acknowledged is there after a power cut of all.
-- Method: ten writes, then all crash at once, each disk keeps what it likes
-- of the unsynced sectors; all start again.

local story = require("spec.story.story")

describe("story: all lose power at once #recorded", function()
  it("everything acknowledged is there afterwards", function()
    local world, _, client = story.begin { seed = 3, members = 3 }
    local last
    for i = 1, 10 do last = story.propose(client, { "set", "k" .. i, i }) end
    client:propose { "set", "k11", 11 } -- nobody is told about this one
    for id = 1, 3 do world:crash(id) end
    for id = 1, 3 do
      assert.equal("down", world:status(id).state)
      world:start(id)
    end
    assert.is_truthy(world:await_leader())
    local again = world:client()
    for i = 1, 10 do
      assert.equal(i, story.query(again, { "get", "k" .. i })[1])
    end
    assert.equal(last, story.query(again, { "get", "k10" })[2])
    story.told(world, "^wal%.recovered", [[
      1003.233 ms 1 t1 wal.recovered last=1 term=1 cut=0 segments=1
      1003.970 ms 3 t1 wal.recovered last=1 term=1 cut=0 segments=1
      1004.365 ms 2 t1 wal.recovered last=1 term=1 cut=0 segments=1
      1369.475 ms 3 t2 wal.recovered last=13 term=2 cut=0 segments=2
      1369.807 ms 1 t2 wal.recovered last=13 term=2 cut=0 segments=2
      1370.223 ms 2 t2 wal.recovered last=13 term=2 cut=0 segments=2
    ]])
  end)
end)
