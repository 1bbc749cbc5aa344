-- SPDX-License-Identifier: MIT
--
-- Disruptive servers, dissertation §4.2.3: a member that hears no leader, but
-- is heard, must not bring down a leader that the others are happy with.
--
-- The dissertation: a removed member, or a deaf one, loses patience and asks
-- for votes in ever higher terms. So who heard a leader within the shortest
-- election timeout does not vote, and leaves its term as it is.
-- Look for: pre-vote arrows from one lane, "the leader is alive" as answers,
-- and one term above all lanes from the beginning to the end.
-- To break it: --bug leader_votes: the leader itself grants the pre-vote. Or
-- cluster:partition({ deaf }, cluster:others(deaf)): then nobody is asked.

return require "raft".scenario {
  name = "A deaf member does not disturb the leader",
  nodes = 3,
  run = function(cluster)
    local client, leader = cluster:client(), cluster:await_leader()
    client:propose { "set", "x", 0 }
    cluster:sleep "300ms"
    local term = cluster:status(leader).term
    local deaf = cluster:others(leader)[1]

    cluster:note(("member %d hears nobody, and everybody hears it")
      :format(deaf))
    cluster:cut(cluster:others(deaf), deaf)
    for i = 1, 10 do
      client:propose { "set", "x", i }
      cluster:sleep "300ms"
    end
    cluster:note("three seconds later the leader and the term are the same")
    assert(cluster:leader() == leader, "the leader was brought down")
    assert(cluster:status(leader).term == term)
    local asked = cluster:events "granted=no.*the leader is alive"
    assert(#asked >= 4, "nobody was asked")

    for _ = 1, 3 do
      cluster:note("it hears again, just when it asks: the leader's own answer"
        .. " counts too, and is no")
      cluster:await("raft.send kind=pre_vote ", deaf)
      cluster:heal()
      cluster:sleep "100ms"
      assert(cluster:leader() == leader, "the leader was brought down")
      assert(cluster:status(deaf).term == term)
      cluster:cut(cluster:others(deaf), deaf)
    end
    cluster:settle()
    assert(cluster:leader() == leader)
  end,
}
