-- SPDX-License-Identifier: MIT
--
-- Figure 12, §7: a server replaces what is committed in its log by a snapshot.
--
-- The paper: a log cannot grow for ever. Each server by itself writes down
-- what its entries have made of the machine (here x = 40 instead of forty
-- writes), with the index and the term of the last of them, which the next
-- append is compared with. When that is on the disk it forgets them.
-- Look for: raft.snapshot in one lane only, while the others keep their logs;
-- after the last note wal.recovered finds hardly anything, and x is there.
-- To break it: --bug compact_before_snapshot forgets before it has written:
-- after note 2 there is neither the one nor the other. Or retained_entries =
-- 100: so many stay behind a snapshot for those that lag, here all of them.

return require "raft".scenario {
  name = "Figure 12: a snapshot instead of committed entries",
  nodes = 3, options = {
    limits = { retained_entries = 1, segment_bytes = 8192, batch_bytes = 1024 },
  },
  run = function(cluster)
    local client, leader = cluster:client(), cluster:await_leader()
    local server = cluster:others(leader)[1]
    for i = 1, 40 do
      client:propose { "set", "x", i }
    end
    local last = cluster:status(leader).commit
    local function has(name, index)
      return cluster:wait_until(function()
        return (cluster:status(server)[name] or 0) >= index
      end, "2s")
    end
    assert(has("applied", last))
    cluster:note(("member %d has applied %d entries, and begins to write down"
      .. " what they made; its disk is slow"):format(server, last))
    cluster:disk(server, { slow = "60ms" })
    cluster:snapshot(server)
    cluster:sleep "100ms"
    cluster:note("it loses power before that is whole: it forgot no entry yet")
    cluster:crash(server)
    cluster:disk(server, { slow = false })
    cluster:restart(server)
    assert(has("applied", last), "entries are lost")
    cluster:snapshot(server)
    assert(has("snapshot_index", last), "no snapshot was taken")
    assert(has("log_base", last - 1), "the entries are still there")
    cluster:note(("last included index %d: its log begins there now, those of"
      .. " the others with the first entry"):format(last))
    assert(cluster:status(leader).log_base == 0)
    cluster:note("it loses power again, and begins with x = 40")
    cluster:crash(server)
    cluster:restart(server)
    assert(has("applied", last))
    local own = cluster:client(server, { only = true })
    assert(own:query({ "get", "x" }, { read = "stale" }) == 40)
  end,
}
