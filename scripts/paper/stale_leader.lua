-- SPDX-License-Identifier: MIT
--
-- Linear reads, dissertation §6.4: a leader that was left must not answer.
--
-- The dissertation: a leader answers a read only after most members have told
-- it, after the read came in, that it still leads. Whoever was replaced
-- without knowing hears nothing, and says nothing.
-- Look for: two lanes that are thick at once, of different terms; the read of
-- client 2, which gets no answer while the old leader is cut off.
-- To break it: --bug read_without_round: the old leader answers x = 1, after
-- client 1 was told that x is 2. Or ask with { read = "stale" }: then that
-- old answer is allowed, and the assertion behind it fails.

return require "raft".scenario {
  name = "A leader that was replaced does not answer reads",
  nodes = 5, options = { check_quorum_us = 3000000 },
  run = function(cluster)
    local client, old = cluster:client(), cluster:await_leader()
    client:propose { "set", "x", 1 }
    cluster:note("the leader is cut off with one follower, and a client")
    local friend = cluster:others(old)[1]
    local rest = cluster:others(old, friend)
    cluster:partition({ old, friend }, rest)
    local _, new = cluster:await "to=leader"
    cluster:note(("member %d leads the others: x becomes 2"):format(new))
    cluster:client(new, { only = true }):propose { "set", "x", 2 }

    cluster:note("a read at the old leader, which still thinks it leads")
    assert(cluster:status(old).role == "leader")
    local lonely = cluster:client(old, { only = true, deadline = "1s" })
    local ok, value = lonely:try("query", { "get", "x" })
    assert(not ok, "a stale answer: x = " .. tostring(value))

    cluster:note("the cut ends, and reads give what is true")
    cluster:heal()
    cluster:settle()
    assert(client:query { "get", "x" } == 2)
  end,
}
