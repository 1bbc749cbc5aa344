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
        1278.528 ms 2 t1 role from=follower to=pre_candidate leader=none
        + reason="no leader was heard in time"
        1278.528 ms 2 t1 send kind=pre_vote to=1 term=2 a=1 b=1 c=0
        1278.528 ms 2 t1 send kind=pre_vote to=3 term=2 a=1 b=1 c=0
        1279.240 ms 1 t1 receive kind=pre_vote from=2 term=2 a=1 b=1 c=0
        1279.240 ms 1 t1 vote for=2 granted=yes reason=granted
        1279.240 ms 1 t1 send kind=pre_vote_result to=2 term=2 a=1 b=0
        + c=0
        1280.640 ms 3 t1 receive kind=pre_vote from=2 term=2 a=1 b=1 c=0
        1280.640 ms 3 t1 vote for=2 granted=yes reason=granted
        1280.640 ms 3 t1 send kind=pre_vote_result to=2 term=2 a=1 b=0
        + c=0
        1281.084 ms 2 t1 receive kind=pre_vote_result from=1 term=2 a=1
        + b=0 c=0
        1281.084 ms 2 t2 role from=pre_candidate to=candidate
        + leader=none reason="a majority would vote"
        1281.627 ms 2 t2 receive kind=pre_vote_result from=3 term=2 a=1
        + b=0 c=0
        1282.396 ms 2 t2 send kind=vote to=1 term=2 a=1 b=1 c=0
        1282.396 ms 2 t2 send kind=vote to=3 term=2 a=1 b=1 c=0
        1283.695 ms 3 t1 receive kind=vote from=2 term=2 a=1 b=1 c=0
        1283.695 ms 3 t2 role from=follower to=follower leader=none
        + reason="a higher term was seen"
        1283.695 ms 3 t2 vote for=2 granted=yes reason=granted
        1283.912 ms 1 t1 receive kind=vote from=2 term=2 a=1 b=1 c=0
        1283.912 ms 1 t2 role from=follower to=follower leader=none
        + reason="a higher term was seen"
        1283.912 ms 1 t2 vote for=2 granted=yes reason=granted
        1285.355 ms 3 t2 send kind=vote_result to=2 term=2 a=1 b=0 c=0
        1286.108 ms 1 t2 send kind=vote_result to=2 term=2 a=1 b=0 c=0
        1287.964 ms 2 t2 receive kind=vote_result from=3 term=2 a=1 b=0
        + c=0
        1287.964 ms 2 t2 role from=candidate to=leader leader=2
        + reason="a majority voted"
        1287.964 ms 2 t2 append first=2 count=1
        1287.964 ms 2 t2 send kind=append to=1 term=2 a=1 b=1 c=0
        1287.964 ms 2 t2 send kind=append to=3 term=2 a=1 b=1 c=0
      ]])
    end)
end)
