-- SPDX-License-Identifier: MIT
--
-- Goal: the majority serves while the leader is cut off, and the old leader
-- comes back as a follower without disturbing the new one.
-- Method: cut the leader's links both ways, write on the other side, heal.

local story = require("spec.story.story")

describe("story: the leader is cut off #recorded", function()
  it("steps down, while the majority elects and serves", function()
    local world, leader, client = story.begin { seed = 4, members = 3 }
    story.propose(client, { "set", "x", 1 })
    world:partition({ leader }, world:others(leader))
    story.propose(client, { "set", "x", 2 })
    world:run_for(1000 * 1000)
    assert.are_not.equal(leader, world:leader())
    world:heal()
    world:run_for(500 * 1000)
    assert.equal(2, story.query(client, { "get", "x" })[1])
    assert.equal("follower", world:status(leader).role)
    story.told(world, "^raft%.role", [[
      1431.951 ms 2 t1 role from=follower to=pre_candidate leader=none
      + reason="no leader was heard in time"
      1435.992 ms 2 t2 role from=pre_candidate to=candidate
      + leader=none reason="a majority would vote"
      1438.094 ms 3 t2 role from=follower to=follower leader=none
      + reason="a higher term was seen"
      1438.865 ms 2 t2 role from=candidate to=leader leader=2
      + reason="a majority voted"
      1438.971 ms 1 t2 role from=follower to=follower leader=none
      + reason="a higher term was seen"
      1441.066 ms 3 t2 role from=follower to=follower leader=2
      + reason="a leader of this term was heard"
      1441.689 ms 1 t2 role from=follower to=follower leader=2
      + reason="a leader of this term was heard"
      1742.004 ms 3 t2 role from=follower to=pre_candidate leader=none
      + reason="no leader was heard in time"
      1746.378 ms 3 t3 role from=pre_candidate to=candidate
      + leader=none reason="a majority would vote"
      1750.733 ms 1 t3 role from=follower to=follower leader=none
      + reason="a higher term was seen"
      1754.197 ms 3 t3 role from=candidate to=leader leader=3
      + reason="a majority voted"
      1756.737 ms 1 t3 role from=follower to=follower leader=3
      + reason="a leader of this term was heard"
      1967.210 ms 2 t2 role from=leader to=follower leader=none
      + reason="no majority answered in time"
      2309.659 ms 2 t2 role from=follower to=pre_candidate leader=none
      + reason="no leader was heard in time"
      2907.081 ms 2 t3 role from=pre_candidate to=follower leader=3
      + reason="a higher term was seen"
    ]])
  end)
end)
