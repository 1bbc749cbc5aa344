-- SPDX-License-Identifier: MIT
--
-- Figure 9, §5.4.3: why a later leader has every committed entry.
--
-- The paper: suppose the leader of a later term lacked a committed entry. Most
-- members had stored it, and most have voted for that leader, so at least one
-- did both. It stored the entry before it voted, so it had it when it voted,
-- and would not have voted for somebody with less.
-- Look for: the one voter that is in both majorities. Of the three that can
-- hear each other after note 2 it alone can win: it votes for nobody else.
-- To break it: --bug last_term_is_current: a candidate claims a newer log. Or
-- cut off the leader alone, { leader } from the rest: either of two can win.

return require "raft".scenario {
  name = "Figure 9: the voter that was there",
  nodes = 5,
  run = function(cluster)
    local leader, client = cluster:await_leader(), cluster:client()
    local rest = cluster:others(leader)
    local voter, other, c, d = rest[1], rest[2], rest[3], rest[4]
    cluster:sleep "100ms"
    for round = 1, 4 do
      cluster:note(("%d is committed by %d, %d and %d alone"):format(round,
        leader, voter, other))
      cluster:partition({ leader, voter, other }, { c, d })
      client:propose { "set", "x", round }

      cluster:note(("two of these are cut off; %d, %d and %d elect a leader:"
        .. " only %d can win"):format(voter, c, d, voter))
      cluster:heal()
      cluster:partition({ leader, other }, { voter, c, d })
      local _, elected = cluster:await "to=leader"
      assert(elected == voter, "elected without what was committed")
      assert(client:query { "get", "x" } == round)
      cluster:heal()
      cluster:sleep "500ms"
      leader, voter = voter, leader
    end
  end,
}
