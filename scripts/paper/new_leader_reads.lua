-- SPDX-License-Identifier: MIT
--
-- Linear reads, dissertation §6.4: a new leader must not answer at once.
--
-- The dissertation: a new leader has all that is committed (Figure 3), but
-- does not know how much of it is. It knows once it has committed an entry of
-- its own term: so it writes an empty one when its term begins, and reads
-- wait for it.
-- Look for: client 2 asks when the lane has just become thick; its answer
-- comes after the next c-number below that lane.
-- To break it: --bug read_before_noop: the answer comes early, and is what x
-- was before. Or ask with { read = "stale" }, which allows that.

return require "raft".scenario {
  name = "A new leader finds out what is committed, then answers",
  nodes = 3, options = { delay_min_us = 20000, delay_max_us = 20000,
    election_us = 300000, election_spread_us = 600000,
    heartbeat_us = 100000 },
  run = function(cluster)
    local client, old = cluster:client(), cluster:await_leader()
    client:propose { "set", "x", 1 }
    cluster:sleep "200ms"
    cluster:note("x becomes 2; the client knows it before the followers do")
    local call = client:start("propose", { "set", "x", 2 })
    cluster:await("raft.commit", old)
    cluster:partition({ old }, cluster:others(old))
    call:wait()

    local _, new = cluster:await "to=leader"
    for _, id in ipairs(cluster:members()) do
      cluster:disk(id, { slow = "200ms" }) -- its first entry takes a while
    end
    cluster:note(("member %d is elected: it has x = 2, and a read comes in")
      :format(new))
    local reader = cluster:client(new, { only = true })
    local committed = cluster:status(new).commit
    local value = reader:query { "get", "x" }
    assert(value == 2, "an old answer: x = " .. tostring(value))
    assert(cluster:status(new).commit >= committed + 2)
    cluster:note("its own empty entry is committed, and x = 2 before it")
  end,
}
