-- SPDX-License-Identifier: MIT
--
-- Figure 11, §6: joint consensus, from the old members to the new.
--
-- The paper: an entry with both sets comes first and counts as soon as it is
-- in a log; when most of both have it, an entry with the new set follows;
-- when most of that have it, the old ones may go. A leader that is not in the
-- new set leads until then, and leaves.
-- Look for: raft.configure three times: learners that catch up, both sets
-- ("outgoing=3"), the new set; then the lanes of the old members end.
-- To break it: kill two of the new ones before they are asked for: they do
-- not catch up, and the old set stays.

return require "raft".scenario {
  name = "Figure 11: all three members are replaced",
  nodes = 3, options = { spares = 3 },
  run = function(cluster)
    local client, leader = cluster:client(), cluster:await_leader()
    for i = 1, 20 do
      client:propose { "set", "x", i }
    end
    cluster:note("1, 2 and 3 are to be replaced by 4, 5 and 6")
    cluster:set_members { 4, 5, 6 }
    cluster:await("raft.configure.*voters=3 outgoing=3", leader)
    cluster:note("both sets decide now; clients notice nothing")
    local call = client:start("propose", { "set", "x", 21 })
    cluster:await "raft.configure.*voters=3 outgoing=0"
    cluster:note("the new set decides alone; the leader is not in it")
    local _, new = cluster:await "to=leader"
    assert(new > 3)
    call:wait()
    for id = 1, 3 do
      assert(cluster:wait_until(function()
        return cluster:status(id).state ~= "up"
      end, "5s"), "an old one stayed")
    end
    cluster:note("the old ones are told, and end; nothing is lost")
    assert(client:query { "get", "x" } == 21)
  end,
}
