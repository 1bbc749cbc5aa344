-- SPDX-License-Identifier: MIT
--
-- Figure 2, §5: the rules on one page, each one at work once.
--
-- The paper: terms only rise; a vote goes to the first who asks and is not
-- behind; AppendEntries fits where the entry before agrees, cuts what
-- conflicts, and tells how far the leader has committed; a follower commits
-- no further than what it has compared with the leader.
-- Look for: the old leader's lane after note 4. The first append that reaches
-- it names a commit index that its own log has too, with other entries there:
-- it answers "rejected", and commits nothing until they are cut away.
-- To break it: --bug commit_past_match commits what was not compared. Or
-- leave out note 2's writes: there is nothing to cut, and raft.truncate is
-- awaited in vain.

return require "raft".scenario {
  name = "Figure 2: the rules, once around",
  nodes = 3,
  run = function(cluster)
    local old = cluster:await_leader()
    local others = cluster:others(old)
    cluster:note("a leader: it writes to its log, then to most logs, commits,"
      .. " and answers")
    assert(cluster:client():propose { "set", "x", 1 } == nil)
    cluster:sleep "100ms"

    cluster:note("the leader is cut off; what it writes now reaches nobody")
    cluster:partition({ old }, others)
    local lonely = cluster:client(old, { only = true, deadline = "200ms" })
    for i = 1, 5 do
      lonely:start("propose", { "set", "lonely", i })
    end

    cluster:note("the others hear nothing, elect one of them in a new term,"
      .. " and serve")
    local _, leader = cluster:await "to=leader"
    local client = cluster:client(leader, { only = true })
    for i = 2, 6 do
      client:propose { "set", "x", i }
    end

    cluster:note("the old leader hears of the new term, and follows; its"
      .. " entries conflict and are cut away")
    cluster:heal()
    cluster:await("raft.truncate", old)
    cluster:settle()
    assert(client:query { "get", "lonely" } == nil)
    assert(client:query { "get", "x" } == 6)
  end,
}
