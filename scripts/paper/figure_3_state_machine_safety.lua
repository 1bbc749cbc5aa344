-- SPDX-License-Identifier: MIT
--
-- Figure 3, State Machine Safety (§5.4.3): if a member has applied an entry at
-- an index, no other ever applies another one there.
--
-- The paper: applied is only what is committed, committed is what is stored
-- by most, and stored means on disk: it is there when the power comes back.
-- Look for: the answers to the client before the crash of all; the same
-- entries are applied again after it. The tick wal.sync stands before every
-- append_result.
-- To break it: --bug ack_before_sync answers before the disk did, and
-- --bug commit_unsynced counts the leader's own log before it is written.

return require "raft".scenario {
  name = "Figure 3: what was applied stays applied",
  nodes = 3,
  run = function(cluster)
    local client = cluster:client()
    for round = 1, 5 do
      cluster:await_leader()
      cluster:note(("round %d: slow disks; the client hears that x = %d")
        :format(round, round))
      for _, id in ipairs(cluster:members()) do
        cluster:disk(id, { slow = "30ms" })
      end
      client:propose { "set", "x", round }

      cluster:note("at that moment the power goes, everywhere")
      for _, id in ipairs(cluster:members()) do
        cluster:crash(id)
      end
      cluster:sleep "200ms"
      for _, id in ipairs(cluster:members()) do
        cluster:disk(id, { slow = false })
        cluster:restart(id)
      end
      cluster:await_leader()
      assert(client:query { "get", "x" } == round)
    end
  end,
}
