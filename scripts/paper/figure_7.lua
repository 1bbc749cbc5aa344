-- SPDX-License-Identifier: MIT
--
-- Figure 7, §5.3: the logs that a new leader may find.
--
-- The paper: (a, b) followers that miss entries; (c, d) that have more of
-- them; (e, f) both, from terms whose leaders lost power or were cut off. The
-- leader does not ask what they have: it sends, and where the entry before
-- does not agree it goes back, until it does.
-- Look for: after the last note, rejected answers and raft.truncate on three
-- lanes, each from another index; nothing on the lanes that only missed some.
-- To break it: --bug reject_truncates: a follower whose entries conflict cuts
-- more than these. Or { 0, 0, 5 } for { 2, 3, 5 }: one log has to be cut.

return require "raft".scenario {
  name = "Figure 7: whatever a new leader finds",
  nodes = 7, options = { limits = { append_entries = 2 } },
  run = function(cluster)
    local gone = {}
    local function write(leader, count, may_fail)
      local client = cluster:client(leader,
        { only = true, deadline = "300ms" })
      for i = 1, count do
        local ok = client:try("propose", { "set", "x", leader * 10 + i },
          { deadline = may_fail and "5ms" or "3s" })
        assert(ok or may_fail)
      end
    end
    local leader = cluster:await_leader()
    for _, count in ipairs { 2, 3, 5 } do -- f, e, c
      write(leader, 2)
      cluster:note(("leader %d is cut off, and adds %d entries that nobody"
        .. " else gets"):format(leader, count))
      cluster:partition({ leader }, cluster:others(leader))
      write(leader, count, true)
      gone[#gone + 1] = leader
      leader = select(2, cluster:await "to=leader")
    end
    write(leader, 4)
    cluster:note(("leader %d adds two entries; one follower misses them (a)")
      :format(leader))
    local follower = cluster:others(leader, gone[1], gone[2], gone[3])[1]
    cluster:cut(leader, follower)
    write(leader, 2, true)

    cluster:note("all hear the leader: it makes seven logs the same")
    cluster:heal()
    cluster:settle()
    for _, id in ipairs(gone) do
      assert(#cluster:events "raft.truncate" >= 3, "too little was cut")
      assert(cluster:status(id).last == cluster:status(leader).last)
    end
  end,
}
