-- SPDX-License-Identifier: MIT
--
-- Reads by lease, dissertation §6.4.1: clocks that go wrong.
--
-- The dissertation: who answers a heartbeat elects nobody for a while. For so
-- long the leader may answer reads without asking anyone, if no clock is
-- wrong by more than was said before: the leader counts less of the time than
-- it was promised.
-- Look for: in each round a leader that is cut off and answers for a while,
-- and is silent before the next one leads, although its clock is slow and
-- theirs are fast.
-- To break it: --bug lease_ignores_drift: it counts all of the time by its
-- slow clock, and tells what was true before the others wrote. Or read
-- "stale" answers, which nothing is promised of.

return require "raft".scenario {
  name = "Leases: who answers alone stops before others can begin",
  nodes = 3, options = {
    lease_us = 2000000, heartbeat_us = 20000, election_us = 40000,
    election_spread_us = 20000, check_quorum_us = 4000000,
    delay_min_us = 100, delay_max_us = 500,
  },
  run = function(cluster)
    local client, leader = cluster:client(), cluster:await_leader "60s"
    client:propose { "set", "x", 1 }
    cluster:note("the clock of the leader is 5 % slow, those of the others"
      .. " 5 % fast, as was declared; it is cut off")
    for id = 1, 3 do
      cluster:clock(id, { drift = id == leader and "-5%" or "5%" })
    end
    cluster:sleep "3s"
    leader = cluster:await_leader "60s"
    local alone = cluster:client(leader, { only = true })
    assert(alone:query({ "get", "x" }, { read = "lease" }) == 1)
    cluster:partition({ leader }, cluster:others(leader))
    local function read()
      return alone:try("query", { "get", "x" },
        { read = "lease", deadline = "20ms" })
    end
    local answers = 0
    local reader = cluster:spawn(function()
      while read() do
        answers = answers + 1
        cluster:sleep "5ms"
      end
      cluster:note("its lease is over, and it answers no more")
    end)
    local _, other = cluster:await("to=leader", "10s")
    cluster:client(other):propose { "set", "x", 2 }
    cluster:note("another leader has written x = 2")
    assert(not read(), "an old answer")
    reader:wait()
    assert(answers > 50, "no lease")
  end,
}
