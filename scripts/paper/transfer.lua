-- SPDX-License-Identifier: MIT
--
-- Leadership transfer, dissertation §3.10: handing over without a gap.
--
-- The dissertation: a leader that will stop brings one follower up to date
-- and tells it to ask for votes at once. Voters, who would refuse a candidate
-- while they hear a leader, know from the request that the leader wants it.
-- Look for: raft.transfer, then the vote arrows without any dashed time
-- before them, and the bars of the client, of which none waits long.
-- To break it: --bug transfer_refused: the voters hear the leader, and
-- refuse. Or kill the heir before: the leader gives up, and leads on.

return require "raft".scenario {
  name = "Transfer: the leader chooses who comes next",
  nodes = 5,
  run = function(cluster)
    local client, leader = cluster:client(), cluster:await_leader()
    for round = 1, 4 do
      cluster:sleep "300ms"
      local heir = cluster:others(leader)[round]
      cluster:note(("leader %d hands over to member %d"):format(leader, heir))
      local writer = cluster:spawn(function()
        for i = 1, 10 do
          client:propose { "set", "x", round * 10 + i }
        end
      end)
      cluster:transfer(heir)
      cluster:await("to=leader", heir, "200ms") -- no timeout was waited for
      writer:wait()
      leader = heir
    end
    cluster:note("everything that was written is there")
    assert(client:query { "get", "x" } == 50)
  end,
}
