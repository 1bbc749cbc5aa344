-- SPDX-License-Identifier: MIT
--
-- Goal: what the leader had alone when its power failed is gone, what it had
-- told to a client is not.
-- Method: cut the leader off, propose to it in vain, crash it, write with the
-- others, start it again: its tail is cut.

local story = require("spec.story.story")

describe("story: the leader crashes before it can commit #recorded", function()
  it("its uncommitted tail is replaced by the new leader's log", function()
    local world, leader, client = story.begin { seed = 2, members = 3 }
    local kept = story.propose(client, { "set", "x", 1 })
    for _, other in ipairs(world:others(leader)) do
      world:cut(leader, other)
      world:cut(other, leader)
    end
    local call = assert(client:propose({ "set", "x", 2 }, 90 * 1000))
    world:run_for(100 * 1000)
    world:kill(leader)
    world:run_for(1500 * 1000)
    world:heal()
    local done = assert(client:wait(call))
    assert.equal("timeout", done.code) -- nobody can know: it was not undone
    world:start(leader)
    world:run_for(1000 * 1000)
    local value = story.query(client, { "get", "x" })
    assert.equal(1, value[1])
    assert.equal(kept, value[2])
    assert.equal("follower", world:status(leader).role)
    for id = 1, 3 do
      assert.equal(world:status(1).result_hash, world:status(id).result_hash)
    end
    story.told(world, "^raft%.truncate", [[
      3044.540 ms 2 t3 truncate from=5 last=5
    ]])
  end)
end)
