-- SPDX-License-Identifier: MIT
--
-- Figure 8, §5.4.2: an entry of an old term on a majority is not committed.
--
-- The paper: an entry of an earlier term may be on most members, and still
-- somebody can be elected who lacks it and cuts it away. So a leader counts
-- entries of its own term; older ones are committed with these.
-- Look for: raft.append on S3 before note 4, raft.truncate of it before note
-- 6. No client was told that it is done.
-- To break it: --bug commit_old_term counts it: leader_completeness fails
-- when S5 is elected. Or sleep 300 ms after note 4: S3 gets the leader's own
-- entry too, and does not vote for S5.

return require "raft".scenario {
  name = "Figure 8: an old entry on a majority is not committed yet",
  nodes = 5, options = { -- slow messages, and long terms
    delay_min_us = 20000, delay_max_us = 20000, check_quorum_us = 1000000,
    election_us = 500000, election_spread_us = 900000, checks = 2,
    limits = { append_entries = 1, inflight_messages = 1 },
  },
  run = function(cluster)
    local s1 = cluster:await_leader()
    local s2 = cluster:others(s1)[1]
    cluster:client():propose { "set", "x", 0 }
    cluster:sleep "100ms"
    cluster:note(("(a) S1 (member %d) writes x = 1, which reaches S2 (member"
      .. " %d) alone"):format(s1, s2))
    cluster:partition({ s1, s2 }, cluster:others(s1, s2))
    local client = cluster:client(s1, { only = true, deadline = "200ms" })
    local call = client:start("propose", { "set", "x", 1 })
    cluster:await("raft.append", s2)
    cluster:crash(s1)
    local _, s5 = cluster:await "to=leader"
    local rest = cluster:others(s1, s2, s5)
    cluster:note(("(b) S1 lost power; S3 and S4 elected S5 (member %d), which"
      .. " loses power before anybody has its first entry"):format(s5))
    cluster:partition({ s5 }, rest)
    cluster:sleep "30ms" -- its disk has the entry, its messages are lost
    cluster:crash(s5)
    cluster:note("(c) S1 comes back; it or S2 leads with S3's vote")
    cluster:heal()
    cluster:partition({ rest[2] }, { s1, s2, rest[1] })
    cluster:restart(s1)
    local _, leader = cluster:await "to=leader"
    cluster:await("raft.append", rest[1])
    cluster:note(("x = 1 is on S1, S2 and S3 (member %d): a majority, and not"
      .. " committed"):format(rest[1]))
    cluster:sleep "30ms" -- the leader knows; its own entry is on its way
    cluster:crash(leader)
    cluster:note("(d) S5 comes back; S3 and S4 vote for it: its log is newer")
    cluster:heal()
    cluster:partition({ s1, s2 }, cluster:others(s1, s2))
    cluster:restart(s5)
    cluster:await("to=leader", s5)
    cluster:await("raft.truncate", rest[1])
    cluster:note("S3 cuts x = 1 away: nobody was ever told it was done")
    assert(not call:try())
    assert(cluster:client():query { "get", "x" } == 0)
  end,
}
