-- SPDX-License-Identifier: MIT
--
-- Exactly once, dissertation §6.3: a command that is tried again is applied
-- once.
--
-- The dissertation: a leader may lose power after it committed a command and
-- before it answered. The client must try again, and cannot know. So it gives
-- its session and a number with the command; each machine remembers what it
-- answered to that number, and answers the same again.
-- Look for: the bar of client 1 that spans the crash; raft.append on two
-- leaders for one "add"; the number that comes back is one higher, not two.
-- To break it: --bug no_deduplication. Or cluster:client { session = false }:
-- such a client does not try again, and its call ends as unknown.

return require "raft".scenario {
  name = "A command that is tried again is applied once",
  nodes = 3,
  run = function(cluster)
    local client = cluster:client()
    for visit = 1, 5 do
      local leader = cluster:await_leader()
      cluster:note(("visit %d is committed, and its answer is lost")
        :format(visit))
      cluster:cut(leader, "clients")
      local call = client:start("propose", { "add", "visits", 1 })
      cluster:await("raft.commit", leader)
      assert(not call:is_done())

      cluster:note("that leader loses power; the client asks the next one")
      cluster:crash(leader)
      cluster:heal()
      assert(call:wait() == visit, "counted twice")
      cluster:restart(leader)
      cluster:sleep "500ms"
    end
    cluster:settle()
    assert(client:query { "get", "visits" } == 5)
  end,
}
