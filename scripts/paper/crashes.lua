-- SPDX-License-Identifier: MIT
--
-- Crashes of followers and candidates, §5.5: a vote outlives its voter.
--
-- The paper: who does not answer is asked again, for ever, and does again
-- what it did before: nothing is done twice by that. That works because term,
-- vote and log are on disk before anybody hears of them.
-- Look for: a voter that loses power right after its vote, comes back, and
-- says "voted for another" in the same term; wal.sync before each answer.
-- To break it: --bug vote_before_sync: it answers first, forgets the vote,
-- and votes again.

return require "raft".scenario {
  name = "Crashes: a vote outlives its voter",
  nodes = 3, options = {
    election_us = 200000, election_spread_us = 60000, redial_us = 5000,
    delay_min_us = 3000, delay_max_us = 12000,
  },
  run = function(cluster)
    for _ = 1, 8 do
      cluster:await_leader()
      cluster:sleep "400ms" -- whoever was asking has heard of it
      local leader = cluster:await_leader()
      cluster:note("all disks are slow; the leader loses power")
      for _, id in ipairs(cluster:members()) do
        cluster:disk(id, { slow = "20ms" })
      end
      cluster:crash(leader)
      cluster:await "to=candidate"
      local _, voter = cluster:await "raft.vote.*granted=yes"
      cluster:note(("member %d has voted, and loses power"):format(voter))
      cluster:sleep "2ms"
      cluster:crash(voter)
      cluster:restart(voter)
      cluster:restart(leader)
      for _, id in ipairs(cluster:members()) do
        cluster:disk(id, { slow = false })
      end
    end
    cluster:settle()
    cluster:client():propose { "set", "x", 1 }
  end,
}
