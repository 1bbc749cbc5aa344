-- SPDX-License-Identifier: MIT
--
-- Figure 6, §5.3: logs of several lengths, and which entries are committed.
--
-- The paper: an entry is committed when the leader that made it has it on
-- most members; then everything before it is. Followers may lag: the leader
-- tries again for as long as it takes.
-- Look for: the commit indexes below the lanes (c5, c6, …). They rise with
-- three of five, however far behind the other two are.
-- To break it: --bug quorum_unsorted reads the index from members in no
-- order. Or cut off all followers where one is: this leader commits nothing
-- any more, and they elect another.

return require "raft".scenario {
  name = "Figure 6: committed is what most have",
  nodes = 5, options = { delay_min_us = 2000, delay_max_us = 2000 },
  run = function(cluster)
    local leader, client = cluster:await_leader(), cluster:client()
    local slow, slower = cluster:others(leader)[1], cluster:others(leader)[2]
    client:propose { "set", "x", 3 }
    cluster:sleep "100ms"

    local function write(first, last)
      for i = first, last do
        client:propose { "set", "y", i }
      end
      cluster:sleep "100ms"
      return cluster:status(leader).last
    end
    cluster:note(("member %d falls behind"):format(slower))
    cluster:cut(leader, slower)
    local at = write(1, 3)
    assert(cluster:status(leader).commit == at)
    cluster:note(("member %d falls behind too: three of five are enough")
      :format(slow))
    cluster:cut(leader, slow)
    local later = write(4, 6)
    assert(cluster:status(leader).commit == later)
    assert(cluster:status(slow).last == at)
    assert(cluster:status(slower).last < at)

    cluster:note("both hear the leader again, and get what they missed")
    cluster:heal()
    cluster:settle()
    assert(cluster:status(slow).commit == cluster:status(slower).commit)
  end,
}
