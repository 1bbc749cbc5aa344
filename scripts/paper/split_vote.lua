-- SPDX-License-Identifier: MIT
--
-- Split votes, §5.2: elections that nobody wins, and why there are few.
--
-- The paper: if many become candidates at once, votes are split, and the term
-- ends without a leader. Each member draws its election timeout anew from a
-- range, so one of them is soon alone in asking.
-- Look for: terms above the lanes that rise while nobody is thick (leader):
-- each candidate has its own vote and refuses the others.
-- To break it: election_spread_us = 2000: all ask at once again and again, and
-- there is no leader in time.

return require "raft".scenario {
  name = "Split votes: nobody wins, until timeouts differ",
  seed = 3, -- three terms without a leader
  nodes = 4, options = { -- an even number splits well
    election_us = 150000, election_spread_us = 100000,
    delay_min_us = 30000, delay_max_us = 30000,
  },
  run = function(cluster)
    cluster:note("four members start at once, and messages are slow: there"
      .. " are several candidates")
    local began, leader = cluster:now(), cluster:await_leader "20s"
    local term = cluster:status(leader).term
    cluster:note(("member %d leads in term %d, after %.1f s: %d terms had no"
      .. " leader"):format(leader, term, (cluster:now() - began) / 1e6,
        term - 2))

    cluster:network { delay = "1ms" }
    cluster:sleep "1s"
    cluster:note("the same with fast messages: whoever asks first has won"
      .. " before others ask")
    leader = cluster:await_leader()
    term = cluster:status(leader).term
    cluster:crash(leader)
    local _, next_one = cluster:await "to=leader"
    assert(cluster:status(next_one).term <= term + 3)
    cluster:client():propose { "set", "x", 1 }
  end,
}
