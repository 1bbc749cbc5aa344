-- SPDX-License-Identifier: MIT
--
-- Figure 3, Election Safety (§5.2): at most one leader in a term.
--
-- The paper: each member has one vote in a term, which it keeps over crashes,
-- and a leader needs the votes of most. Two majorities share a member.
-- Look for: several lanes that are dotted (candidates) in one term. Each has
-- voted for itself and says "voted for another" to the rest.
-- To break it: --bug campaign_forgets_vote: a candidate votes for others too,
-- and two lanes become leaders of one term. Or delay_max_us = 100 and
-- delay_min_us with it: who is first has all votes before another asks.

return require "raft".scenario {
  name = "Figure 3: two candidates, and one leader at most",
  nodes = 3, options = { -- all lose patience at once, messages are slow
    election_us = 200000, election_spread_us = 20000,
    delay_min_us = 15000, delay_max_us = 15000,
  },
  run = function(cluster)
    for round = 1, 5 do
      cluster:note(("election %d: all lose patience at nearly the same time")
        :format(round))
      local leader = cluster:await_leader()
      cluster:sleep "100ms"
      cluster:crash(leader)
      cluster:await "to=candidate"
      cluster:restart(leader)
    end

    local leaders = {}
    for _, line in ipairs(cluster:events "raft.role.*to=leader") do
      local term = line:match " t(%d+) "
      assert(not leaders[term], "two leaders in term " .. term)
      leaders[term] = true
    end
    local refused = cluster:events "granted=no.*voted for another"
    assert(#refused > 0, "no vote was refused")
    cluster:note(("%d votes were refused: that vote was given")
      :format(#refused))
  end,
}
