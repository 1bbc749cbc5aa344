-- SPDX-License-Identifier: MIT
--
-- Figure 10, §6: why many members cannot change in one step.
--
-- The paper: members learn of a new set one after the other. In between, a
-- majority of the old set and one of the new need not share a member, and
-- could decide different things. So for a time decisions need both.
-- Look for: raft.configure "voters=5 outgoing=3": both sets count. After the
-- cut, three of five new ones are not enough for the leader: two old ones are
-- on the other side, which elect a leader as the old set.
-- To break it: cut off one of the old ones only: the leader has most of both
-- sets, and nobody else can be elected.

return require "raft".scenario {
  name = "Figure 10: two majorities that do not meet",
  nodes = 3, options = { spares = 2, check_quorum_us = 3000000,
    delay_min_us = 5000, delay_max_us = 5000 },
  run = function(cluster)
    local leader, client = cluster:await_leader(), cluster:client()
    client:propose { "set", "x", 1 }
    cluster:note("three members are to become five")
    cluster:set_members { 1, 2, 3, 4, 5 }
    cluster:await("raft.configure.*voters=5", leader)

    cluster:note(("only leader %d knows of it, and is cut off with the new"
      .. " ones from the old ones"):format(leader))
    local old = cluster:others(leader, 4, 5)
    cluster:partition({ leader, 4, 5 }, old)
    local here = cluster:client(leader, { only = true, deadline = "2s" })
    local write = here:start("propose", { "set", "x", 2 })
    local _, other = cluster:await "to=leader"
    cluster:note(("the old ones elected %d: they are two of three")
      :format(other))
    cluster:client(other, { only = true }):propose { "set", "x", 3 }
    assert(not write:try(), "decided on both sides")

    cluster:note("the cut ends: one history, and the change goes on or not")
    cluster:heal()
    cluster:settle()
    assert(client:query { "get", "x" } == 3)
  end,
}
