-- SPDX-License-Identifier: MIT
--
-- Figure 3, Log Matching (§5.3): if two logs have an entry with the same
-- index and term, they are the same up to there.
--
-- The paper: a term has one leader, which writes one entry to an index; and
-- AppendEntries is refused unless the entry before the new ones agrees. So
-- each step keeps what was true before it.
-- Look for: append_result "rejected=yes" after note 3, going back until the
-- entry before agrees, and raft.truncate of what comes after.
-- To break it: --bug ack_own_last lets a follower answer with its own last
-- index, beyond what was compared. Or leave out the line tail(…): nothing
-- differs, and raft.truncate is awaited in vain.

return require "raft".scenario {
  name = "Figure 3: what agrees at one place agrees before it",
  nodes = 5, options = { limits = { append_entries = 2 } },
  run = function(cluster)
    local function tail(leader, key, count) -- written and never committed
      local client = cluster:client(leader, { only = true, deadline = "1s" })
      for i = 1, count do
        client:start("propose", { "set", key, i })
      end
    end
    local first = cluster:await_leader()
    cluster:client():propose { "set", "x", 1 }
    cluster:note("the leader of this term keeps one follower and writes")
    local friend = cluster:others(first)[1]
    cluster:partition({ first, friend }, cluster:others(first, friend))
    tail(first, "first", 7)

    cluster:note("the other three elect a leader of the next term; it writes"
      .. " at the same indexes")
    local _, second = cluster:await "to=leader"
    local client = cluster:client(second, { only = true })
    for i = 2, 5 do
      client:propose { "set", "x", i }
    end

    cluster:note("all hear each other: two logs differ from three, and give"
      .. " way where they begin to differ")
    cluster:heal()
    cluster:await("raft.truncate")
    cluster:settle()
    local last = cluster:status(second).last
    for _, id in ipairs(cluster:members()) do
      assert(cluster:status(id).last == last)
    end
    assert(client:query { "get", "first" } == nil)
  end,
}
