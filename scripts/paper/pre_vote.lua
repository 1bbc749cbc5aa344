-- SPDX-License-Identifier: MIT
--
-- Pre-vote, dissertation §9.6: a member that comes back disturbs nobody.
--
-- The dissertation: a member that is alone would count its term up again and
-- again, and with that term end the leader's when it comes back. So it asks
-- first whether it would be elected, in a term that it does not enter yet.
-- Look for: the lane that is cut off is dashed (pre-candidate), and its term
-- does not rise. After the second note, a voter of an old term is needed.
-- To break it: --bug pre_vote_stale_term: a voter in an old term grants the
-- pre-vote with its own term, the answer is ignored, and nobody ever leads.

return require "raft".scenario {
  name = "Pre-vote: coming back without noise",
  nodes = 3,
  run = function(cluster)
    local leader = cluster:await_leader()
    local alone, other = cluster:others(leader)[1], cluster:others(leader)[2]
    cluster:sleep "200ms"
    local term = cluster:status(leader).term
    cluster:note(("member %d is alone: it would like to lead, and asks")
      :format(alone))
    cluster:partition({ alone }, { leader, other })
    cluster:sleep "3s"
    assert(cluster:status(alone).term == term, "its term has risen")
    assert(#cluster:events "to=pre_candidate" >= 2)

    cluster:note("the others change the leader meanwhile: their term rises")
    cluster:kill(leader)
    cluster:sleep "1s"
    cluster:restart(leader)
    local _, second = cluster:await "to=leader"
    assert(cluster:status(second).term > term)
    cluster:note("the leader loses power; what is left: one of the new term,"
      .. " one of the old, and each needs the other")
    cluster:sleep "200ms"
    cluster:crash(second)
    cluster:heal()
    cluster:await_leader "5s"
    cluster:note("elected: the old term was no obstacle")
    cluster:client():propose { "set", "x", 1 }
  end,
}
