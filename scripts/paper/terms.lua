-- SPDX-License-Identifier: MIT
--
-- Terms, §5.1: a clock that no wall shows, and what comes from the past.
--
-- The paper: terms number the elections; every message carries one. Who sees
-- a higher term takes it over; what carries a lower one is answered with the
-- higher, or, if it is an answer itself, means nothing any more.
-- Look for: arrows that arrive a term too late, after detours of up to 400 ms
-- (network { reorder }), and members that do not count them.
-- To break it: --seeds 1..20 --bug stale_ack: a leader counts an answer that
-- it was given in an earlier term. Or reorder = false: hardly a vote is late.

return require "raft".scenario {
  name = "Terms: what is late counts for nothing",
  nodes = 5, options = { -- everybody asks at once
    election_us = 100000, election_spread_us = 60000,
    check_quorum_us = 100000, heartbeat_us = 30000,
  },
  run = function(cluster)
    cluster:await_leader()
    for round = 1, 6 do
      cluster:note(("round %d: four in ten messages take a detour")
        :format(round))
      cluster:network { reorder = "40%", reorder_by = "400ms",
        delay = { "2ms", "30ms" } }
      local leader = cluster:leader()
      if leader then
        cluster:crash(leader)
      end
      cluster:sleep "2s"
      cluster:network { reorder = false, delay = false }
      if leader then
        cluster:restart(leader)
      end
      cluster:await_leader()
    end

    local late, terms = 0, {}
    for _, line in ipairs(cluster:events "raft.receive kind=vote_result") do
      local own, of = line:match " t(%d+) .* term=(%d+)"
      late = late + (tonumber(of) < tonumber(own) and 1 or 0)
    end
    for _, line in ipairs(cluster:events "to=leader") do
      local term = line:match " t(%d+) "
      assert(not terms[term], "two leaders in term " .. term)
      terms[term] = true
    end
    cluster:note(("%d votes came when their term was over"):format(late))
    assert(late > 0, "no vote was late")
  end,
}
