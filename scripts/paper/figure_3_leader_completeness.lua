-- SPDX-License-Identifier: MIT
--
-- Figure 3, Leader Completeness (§5.4): what is committed in a term is in the
-- logs of the leaders of all later terms.
--
-- The paper: voters refuse a candidate whose log is behind their own: whose
-- last entry has an older term, or the same term and a smaller index.
-- Look for: "the candidate's log is behind" after note 2: the member that was
-- away asks first and often, and is never elected.
-- To break it: --bug last_term_is_current: a candidate names the term it asks
-- for as that of its last entry, and looks newer than all. Or leave out the
-- cut: both have everything, and either may win.

return require "raft".scenario {
  name = "Figure 3: nobody leads who lacks what is committed",
  nodes = 3,
  run = function(cluster)
    local client, leader = cluster:client(), cluster:await_leader()
    local away, other = cluster:others(leader)[1], cluster:others(leader)[2]
    for round = 1, 4 do
      cluster:note(("member %d hears nothing, and %d is committed without it")
        :format(away, round))
      cluster:cut({ leader, other }, away)
      client:propose { "set", "x", round }

      cluster:note(("the leader loses power: %d would like to lead, and"
        .. " member %d does not vote for it"):format(away, other))
      cluster:crash(leader)
      cluster:heal()
      assert(cluster:await_leader() == other)
      assert(client:query { "get", "x" } == round)
      cluster:restart(leader)
      leader, other = other, leader
      cluster:sleep "300ms"
    end
  end,
}
