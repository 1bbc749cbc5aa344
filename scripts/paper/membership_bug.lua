-- SPDX-License-Identifier: MIT
--
-- The bug of 2015 in single-server changes, dissertation §4.1 and its erratum.
--
-- The dissertation: old and new members differ by one, so each two majorities
-- meet. The erratum: that holds for a change and the one before it, not for
-- two changes that were begun by different leaders and not committed. So a
-- leader changes nothing before an entry of its own term is committed.
-- Look for: after note 3 no raft.configure of S2, although it is asked: its
-- first entry is on two of four. Then S1, S4 and S5 go on.
-- To break it: --bug change_before_noop: S2 commits the change with S3 alone,
-- and S1, who never heard of it, commits another one with S4 and S5.

return require "raft".scenario {
  name = "Membership: two leaders, two changes, of 2015",
  nodes = 4, options = { -- slow messages, and long terms
    spares = 1, delay_min_us = 10000, delay_max_us = 10000,
    election_us = 400000, election_spread_us = 300000,
    check_quorum_us = 600000, checks = 2,
  },
  run = function(cluster)
    local s1, s5 = cluster:await_leader(), 5
    cluster:client():propose { "set", "x", 0 }
    cluster:note(("S1 (member %d) takes S5 in, without a vote at first"):format(
      s1))
    cluster:set_members({ 1, 2, 3, 4 }, { s5 })
    cluster:sleep "300ms"
    cluster:note("S1 gives S5 a vote, of which only S5 hears")
    local rest = cluster:others(s1, s5)
    cluster:partition({ s1, s5 }, rest)
    cluster:set_members { 1, 2, 3, 4, s5 }
    assert(cluster:wait_until(function()
      return #cluster:events "raft.configure.*voters=5" > 0
    end, "2s"), "S5 got no vote")
    local _, s2 = cluster:await "to=leader"
    local others = cluster:others(s1, s2, s5)
    local s3, s4 = others[1], others[2]
    cluster:note(("the others elect S2 (member %d); it is asked to go on"
      .. " without S1, and heard by S3 (member %d) only"):format(s2, s3))
    cluster:partition({ s4 }, { s2, s3 })
    cluster:set_members { s2, s3, s4 }
    cluster:sleep "100ms"
    cluster:note("S1 comes back; it, S4 and S5 are most of five: it or S5,"
      .. " which has the change too, leads")
    cluster:partition({ s2 }, { s3 })
    cluster:join({ s1, s5 }, { s4 })
    local _, again = cluster:await "to=leader"
    assert(again == s1 or again == s5)
    cluster:await("raft.commit", again)
    cluster:note("S5 has its vote; the change of S2 was never one")
    cluster:heal()
    cluster:settle()
    assert(#cluster:events "raft.configure.*voters=3" == 0)
  end,
}
