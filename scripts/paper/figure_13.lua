-- SPDX-License-Identifier: MIT
--
-- Figure 13, §7: InstallSnapshot, for a follower that is far behind.
--
-- The paper: a leader that has forgotten the entry a follower needs next sends
-- its snapshot instead, piece by piece. The follower throws its own log away,
-- unless that has the last included entry already, begins with the snapshot,
-- and gets the entries after it as ever.
-- Look for: after note 3 a rejected append, "snapshot" messages where before
-- there were appends, raft.install, and appends again. What member S1 had
-- written while nobody heard it is gone with its log.
-- To break it: retained_entries = 1000: the leader has all entries still, and
-- sends them. Or --bug install_takes_term: the term of the snapshot is older
-- than that of the leader, and S1 goes back to it.

return require "raft".scenario {
  name = "Figure 13: a snapshot for a follower far behind",
  nodes = 3, options = { limits = { retained_entries = 1 } },
  run = function(cluster)
    local s1 = cluster:await_leader()
    cluster:client():propose { "set", "x", 0 }
    cluster:note(("S1 (member %d) is cut off; it writes x = 99 alone"):format(
      s1))
    cluster:partition({ s1 }, cluster:others(s1))
    local alone = cluster:client(s1, { only = true, deadline = "200ms" })
    local call = alone:start("propose", { "set", "x", 99 })
    local _, leader = cluster:await "to=leader"
    cluster:note(("S2 (member %d) leads, and commits thirty writes"):format(
      leader))
    local client = cluster:client()
    for i = 1, 30 do
      client:propose { "set", "x", i }
    end
    for _, id in ipairs(cluster:others(s1)) do
      cluster:snapshot(id)
    end
    assert(cluster:wait_until(function()
      return (cluster:status(leader).log_base or 0) > 20
    end, "2s"), "the entries are still there")
    cluster:note("S2 and S3 took snapshots and forgot them; S3 leads now")
    cluster:transfer()
    cluster:await "to=leader"
    cluster:note("S1 is back, and needs the first of them")
    cluster:heal()
    cluster:await("raft.install", s1, "10s")
    cluster:note("S1 begins with the snapshot; x = 99 is gone")
    assert(not call:try())
    client:propose { "set", "x", 31 }
    cluster:settle()
    local own = cluster:client(s1, { only = true })
    assert(own:query({ "get", "x" }, { read = "stale" }) == 31)
    assert(cluster:status(s1).log_base > 20)
  end,
}
