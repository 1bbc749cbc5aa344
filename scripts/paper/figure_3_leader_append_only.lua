-- SPDX-License-Identifier: MIT
--
-- Figure 3, Leader Append-Only (§5.3): a leader never overwrites or deletes
-- what is in its log, it only appends.
--
-- The paper: what conflicts is always the follower's mistake. A leader that
-- hears of a higher term is a follower before it looks at the message.
-- Look for: the role of the old leader after note 3: it turns into a follower
-- first, and only then comes raft.truncate.
-- To break it: --bug late_step_down takes over the higher term and stays
-- leader. Or leave out the writes of note 1: nothing is there to be cut.

return require "raft".scenario {
  name = "Figure 3: a leader only appends to its log",
  nodes = 3, options = { check_quorum_us = 5000000 },
  run = function(cluster)
    local old = cluster:await_leader()
    cluster:sleep "100ms"
    cluster:note("the leader is cut off and writes what nobody else gets")
    cluster:partition({ old }, cluster:others(old))
    local lonely = cluster:client(old, { only = true, deadline = "1s" })
    for i = 1, 3 do
      lonely:start("propose", { "set", "lonely", i })
    end

    cluster:note("it thinks that it leads, while the others have a leader")
    local _, new = cluster:await "to=leader"
    cluster:client(new, { only = true }):propose { "set", "x", 1 }
    assert(cluster:status(old).role == "leader")

    cluster:note("the cut ends: it follows first, and then loses its tail")
    cluster:heal()
    cluster:await("raft.truncate", old)
    local roles = cluster:events "raft.role"
    assert(roles[#roles]:find "to=follower")
    cluster:settle()
    assert(cluster:leader() == new, "the higher term does not give way")
  end,
}
