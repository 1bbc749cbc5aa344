-- SPDX-License-Identifier: MIT
--
-- Goal: the whole talk of a first election, vote by vote.
-- Method: three members start; nothing is lost; the clock is the world's.

local story = require("spec.story.story")

describe("story: a first election #recorded", function()
  it("asks who would vote, then who votes, then leads with a no-op",
    function()
      local world = story.begin { seed = 1, members = 3 }
      story.told(world, "^raft%.", [[
        1259.791 ms 1 t1 role from=follower to=pre_candidate leader=none
        + reason="no leader was heard in time"
        1259.791 ms 1 t1 send kind=pre_vote to=2 term=2 a=1 b=1 c=0
        1259.791 ms 1 t1 send kind=pre_vote to=3 term=2 a=1 b=1 c=0
        1260.810 ms 2 t1 receive kind=pre_vote from=1 term=2 a=1 b=1 c=0
        1260.810 ms 2 t1 vote for=1 granted=yes reason=granted
        1260.810 ms 2 t1 send kind=pre_vote_result to=1 term=2 a=1 b=0
        + c=0
        1262.196 ms 3 t1 receive kind=pre_vote from=1 term=2 a=1 b=1 c=0
        1262.196 ms 3 t1 vote for=1 granted=yes reason=granted
        1262.196 ms 3 t1 send kind=pre_vote_result to=1 term=2 a=1 b=0
        + c=0
        1262.352 ms 1 t1 receive kind=pre_vote_result from=2 term=2 a=1
        + b=0 c=0
        1262.352 ms 1 t2 role from=pre_candidate to=candidate
        + leader=none reason="a majority would vote"
        1264.034 ms 1 t2 send kind=vote to=2 term=2 a=1 b=1 c=0
        1264.034 ms 1 t2 send kind=vote to=3 term=2 a=1 b=1 c=0
        1264.627 ms 2 t1 receive kind=vote from=1 term=2 a=1 b=1 c=0
        1264.627 ms 2 t2 role from=follower to=follower leader=none
        + reason="a higher term was seen"
        1264.627 ms 2 t2 vote for=1 granted=yes reason=granted
        1264.785 ms 1 t2 receive kind=pre_vote_result from=3 term=2 a=1
        + b=0 c=0
        1264.947 ms 2 t2 send kind=vote_result to=1 term=2 a=1 b=0 c=0
        1266.494 ms 1 t2 receive kind=vote_result from=2 term=2 a=1 b=0
        + c=0
        1266.494 ms 1 t2 role from=candidate to=leader leader=1
        + reason="a majority voted"
        1266.494 ms 1 t2 append first=2 count=1
        1266.494 ms 1 t2 send kind=append to=2 term=2 a=1 b=1 c=0
        1266.494 ms 1 t2 send kind=append to=3 term=2 a=1 b=1 c=0
      ]])
    end)
end)
