-- SPDX-License-Identifier: MIT
--
-- Figure 4, §5.1, §5.2: the roles, and what leads from one to another.
--
-- The paper: all start as followers; who hears no leader in time becomes a
-- candidate; with the votes of most it leads; whoever hears of a higher term
-- follows. (Here a pre-candidate asks first whether it would be elected,
-- section 9.6 of the dissertation.)
-- Look for: one lane that is thin, dashed, dotted, thick, and thin again.
-- To break it: --bug late_step_down: the leader hears of the higher term and
-- does not follow. Or sleep 10 ms where "to=leader" is awaited: nobody has
-- lost patience, and the leader leads on.

return require "raft".scenario {
  name = "Figure 4: a member goes through all roles",
  nodes = 3, options = { check_quorum_us = 5000000 },
  run = function(cluster)
    cluster:note("all are followers, in term 1, until one loses patience")
    local leader = cluster:await_leader()
    for _, role in ipairs { "pre_candidate", "candidate", "leader" } do
      local seen = #cluster:events("raft.role.*to=" .. role)
      assert(seen > 0, "nobody was a " .. role)
    end
    local term = cluster:status(leader).term

    cluster:note(("member %d leads; now its process stands still")
      :format(leader))
    cluster:pause(leader)
    cluster:await "to=leader"
    cluster:note("another leads; the first wakes up and thinks it leads")
    cluster:resume(leader)
    assert(cluster:status(leader).role == "leader")
    cluster:await("to=follower.*a higher term was seen", leader, "5s")
    cluster:note("it heard of the higher term: it is a follower again")
    assert(cluster:status(leader).role == "follower")
    assert(cluster:status(leader).term > term)
  end,
}
