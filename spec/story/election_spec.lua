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
        1363.292 ms 3 t1 role from=follower to=pre_candidate leader=none
        + reason="no leader was heard in time"
        1363.292 ms 3 t1 send kind=pre_vote to=1 term=2 a=1 b=1 c=0
        1363.292 ms 3 t1 send kind=pre_vote to=2 term=2 a=1 b=1 c=0
        1364.508 ms 1 t1 receive kind=pre_vote from=3 term=2 a=1 b=1 c=0
        1364.508 ms 1 t1 vote for=3 granted=yes reason=granted
        1364.508 ms 1 t1 send kind=pre_vote_result to=3 term=2 a=1 b=0
        + c=0
        1366.106 ms 2 t1 receive kind=pre_vote from=3 term=2 a=1 b=1 c=0
        1366.106 ms 2 t1 vote for=3 granted=yes reason=granted
        1366.106 ms 2 t1 send kind=pre_vote_result to=3 term=2 a=1 b=0
        + c=0
        1366.837 ms 3 t1 receive kind=pre_vote_result from=1 term=2 a=1
        + b=0 c=0
        1366.837 ms 3 t2 role from=pre_candidate to=candidate
        + leader=none reason="a majority would vote"
        1367.623 ms 2 t1 role from=follower to=pre_candidate leader=none
        + reason="no leader was heard in time"
        1367.623 ms 2 t1 send kind=pre_vote to=1 term=2 a=1 b=1 c=0
        1367.623 ms 2 t1 send kind=pre_vote to=3 term=2 a=1 b=1 c=0
        1367.852 ms 3 t2 receive kind=pre_vote_result from=2 term=2 a=1
        + b=0 c=0
        1368.335 ms 1 t1 receive kind=pre_vote from=2 term=2 a=1 b=1 c=0
        1368.335 ms 1 t1 vote for=2 granted=yes reason=granted
        1368.335 ms 1 t1 send kind=pre_vote_result to=2 term=2 a=1 b=0
        + c=0
        1368.503 ms 3 t2 send kind=vote to=1 term=2 a=1 b=1 c=0
        1368.503 ms 3 t2 send kind=vote to=2 term=2 a=1 b=1 c=0
        1368.886 ms 1 t1 receive kind=vote from=3 term=2 a=1 b=1 c=0
        1368.886 ms 1 t2 role from=follower to=follower leader=none
        + reason="a higher term was seen"
        1368.886 ms 1 t2 vote for=3 granted=yes reason=granted
        1369.107 ms 2 t1 receive kind=vote from=3 term=2 a=1 b=1 c=0
        1369.107 ms 2 t2 role from=pre_candidate to=follower leader=none
        + reason="a higher term was seen"
        1369.107 ms 2 t2 vote for=3 granted=yes reason=granted
        1369.735 ms 3 t2 receive kind=pre_vote from=2 term=2 a=1 b=1 c=0
        1369.735 ms 3 t2 vote for=2 granted=no reason="the candidate's
        + term is old"
        1369.735 ms 3 t2 send kind=pre_vote_result to=2 term=2 a=0 b=0
        + c=0
        1370.179 ms 2 t2 receive kind=pre_vote_result from=1 term=2 a=1
        + b=0 c=0
        1370.405 ms 2 t2 send kind=vote_result to=3 term=2 a=1 b=0 c=0
        1370.722 ms 2 t2 receive kind=pre_vote_result from=3 term=2 a=0
        + b=0 c=0
        1371.113 ms 1 t2 send kind=vote_result to=3 term=2 a=1 b=0 c=0
        1372.072 ms 3 t2 receive kind=vote_result from=2 term=2 a=1 b=0
        + c=0
        1372.072 ms 3 t2 role from=candidate to=leader leader=3
        + reason="a majority voted"
        1372.072 ms 3 t2 append first=2 count=1
        1372.072 ms 3 t2 send kind=append to=1 term=2 a=1 b=1 c=0
        1372.072 ms 3 t2 send kind=append to=2 term=2 a=1 b=1 c=0
        1372.952 ms 2 t2 receive kind=append from=3 term=2 a=1 b=1 c=0
        1372.952 ms 2 t2 role from=follower to=follower leader=3
        + reason="a leader of this term was heard"
        1372.952 ms 2 t2 append first=2 count=1
        1372.952 ms 2 t2 send kind=append_result to=3 term=2 a=0 b=1 c=1
      ]])
    end)
end)
