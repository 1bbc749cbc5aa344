-- SPDX-License-Identifier: MIT
--
-- The timing requirement, §5.6: broadcast time much below the election
-- timeout, and that much below the time between failures.
--
-- The paper: safety never depends on time. Availability does: votes must come
-- back before the candidates lose patience, and a leader must live longer
-- than it takes to elect one.
-- Look for: after note 2, lanes that are dashed and dotted by turns and never
-- thick: each answer comes when it is not waited for any more.
-- To break it: delay = "100ms" instead of "600ms": it is well below the
-- election timeout (250 to 500 ms), there is a leader, and the assertion
-- that nobody leads fails.

return require "raft".scenario {
  name = "Timing: slow answers cost the leader, never the data",
  nodes = 3,
  run = function(cluster)
    local client, leader = cluster:client(), cluster:await_leader()
    cluster:note("messages take 1 ms, timeouts 250 ms and more: one leader")
    cluster:network { delay = "1ms" }
    for i = 1, 10 do
      client:propose { "set", "x", i }
      cluster:sleep "200ms"
    end
    assert(cluster:leader() == leader)

    cluster:note("messages take 600 ms, longer than the timeouts; the leader"
      .. " loses power")
    cluster:network { delay = "600ms" }
    cluster:crash(leader)
    cluster:sleep "10s"
    assert(cluster:leader() == nil, "elected in spite of the delay")
    local ok = client:try("propose", { "set", "x", 11 },
      { deadline = "2s" })
    assert(not ok)

    cluster:note("messages take 1 ms again: a leader at once, nothing lost")
    cluster:network { delay = "1ms" }
    cluster:restart(leader)
    cluster:await_leader "5s"
    assert(client:query { "get", "x" } >= 10)

    cluster:note("a failure every 300 ms, as often as elections take: hardly"
      .. " anything gets done")
    for _ = 1, 10 do
      local now = cluster:leader()
      if now then
        cluster:crash(now)
      end
      cluster:sleep "300ms"
      for _, id in ipairs(cluster:members()) do
        cluster:restart(id)
      end
    end
    cluster:settle()
    assert(client:query { "get", "x" } >= 10)
  end,
}
