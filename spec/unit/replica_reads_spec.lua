-- SPDX-License-Identifier: MIT

local core = require "raft.core"
local desk = require "spec.desk"

describe("replica: reads", function ()
  it("§6.4 see everything that was committed before them", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    made:hold_machine(1, true)
    for _ = 1, 5 do
      client:propose "command"
      made:settle() -- the machine has the first, the others wait
    end
    local read = client:send("query", { "question", "linear" })
    made:settle()
    assert.same({}, desk.answers(made))
    made:hold_machine(1, false)
    made:settle()
    local answers = desk.answers(made)
    assert.same({ read, 5 }, { answers[6].id, answers[6].result })
  end)

  it("are answered in any number", function ()
    local made = desk.new { members = 3 }
    local client = desk.client(made, desk.leader(made, 3))
    for i = 1, 200 do
      client:send("query", { "question", i % 2 == 0 and "linear" or "stale" })
    end
    made:settle()
    local seen = {}
    for _, answer in ipairs(desk.answers(made)) do
      assert.is_nil(seen[answer.id])
      seen[answer.id] = answer.result
    end
    assert.equal(200, #seen)
  end)

  it("that may be stale are answered by everyone, at once", function ()
    local made = desk.new { members = 3 }
    local leader = desk.leader(made, 3)
    assert.equal(1, desk.client(made, leader):apply("command").result)
    made:run(1e6)
    for id = 1, 3 do
      for other = 1, 3 do
        made:cut(id, other, true)
      end
    end
    for id = 1, 3 do
      assert.equal(1, desk.client(made, id, 5):query("q", "stale").result)
    end
  end)

  it("are not answered by a leader that was replaced", function ()
    local made = desk.new { members = 3 }
    local old = desk.leader(made, 3)
    local client = desk.client(made, old)
    for id = 1, 3 do
      made:cut(old, id, true)
    end
    local read = client:send("query", { "question", "linear" })
    made:settle()
    assert.same({}, desk.answers(made))
    made:run(3e6)
    local answers = desk.answers(made)
    assert.same({ read, "not_leader" }, { answers[1].id, answers[1].code })
  end)

  it("are bounded in number", function ()
    local made = desk.new { limits = { reads = 4 } }
    local client = desk.client(made, 1)
    client:greet()
    made:hold_machine(1, true)
    for _ = 1, 4 do
      client:send("query", { "question", "stale" })
    end
    local refused = client:query "question"
    assert.equal("overloaded", refused.code)
    assert.is_true(refused.detail.retry_ms > 0)
    made:hold_machine(1, false)
    made:settle()
    assert.equal(4, #desk.answers(made))
    assert.equal(0, client:query("question").result)
  end)

  it("leave no results behind", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    for _ = 1, 1000 do
      client:query "question"
    end
    local kept = select(4, made:memory(1))
    assert.is_true(kept <= 64, kept)
  end)

  it("that fail say what the machine said", function ()
    local made = desk.new {}
    local answer = desk.client(made, 1):query "fails to read"
    assert.same({ "apply_failed", "fails to read" },
      { answer.code, answer.message })
    assert.equal("up", (made:state(1)))
  end)
end)

describe("replica: status", function ()
  it("is a page that a person can read", function ()
    local made = desk.new { members = 3 }
    local leader = desk.leader(made, 3)
    local client = desk.client(made, leader)
    client:open_session()
    local page = client:ask("status", {}).result
    assert.equal(leader, page.id)
    assert.equal("desk", page.name)
    assert.equal("leader", page.role)
    assert.equal("desk:" .. leader, page.leader_address)
    assert.equal(page.last, page.applied)
    assert.equal(1, page.sessions)
    assert.equal(16, #page.cluster)
    assert.equal(16, #page.result_hash)
    assert.equal(16, #page.batch_records)
    assert.same({ 0, 0, true }, { page.log_base, page.snapshot_index,
      page.takes_snapshots })
    assert.is_true(page.syncs > 0)
    assert.equal(3, #page.members)
    for id, member in ipairs(page.members) do
      assert.equal(id, member.id)
      assert.equal("desk:" .. id, member.address)
      if id ~= leader then
        assert.equal(page.last, member.match)
        assert.is_number(member.heard_ms_ago)
      end
    end
  end)

  it("is one canonical value", function ()
    local made = desk.new {}
    desk.client(made, 1):send("status", {})
    local raw = made:answers()[1].bytes
    local _, response = core.decode(raw)
    assert.equal(1, response[4].id)
    assert.equal(raw, (select(2, core.encode(response))))
  end)

  it("has the state hash on request, at an index, equal everywhere",
    function ()
      local made = desk.new { members = 3 }
      desk.client(made, desk.leader(made, 3)):apply "command"
      made:run(1e6)
      local hashes = {}
      for id = 1, 3 do
        local page = desk.client(made, id, 4):ask("status",
          { "state_hash" }).result
        assert.equal(page.applied, page.state_hash_index)
        hashes[page.state_hash] = true
      end
      assert.is_truthy(next(hashes))
      assert.is_nil(next(hashes, next(hashes)))
    end)

  it("names the index of the state hash while a batch is applied",
    function ()
      local made = desk.new {}
      local client = desk.client(made, 1)
      made:hold_machine(1, true)
      client:propose "command"
      made:settle()
      client:send("status", { "state_hash" })
      made:settle()
      made:hold_machine(1, false)
      made:settle()
      local page = desk.answers(made)[2].result
      assert.equal(made:status(1).applied, page.state_hash_index)
      local again = client:ask("status", { "state_hash" }).result
      assert.equal(again.state_hash, page.state_hash)
    end)
end)

describe("replica: stalls", function ()
  it("of the machine are seen, traced and shown", function ()
    local made = desk.new { traces = true,
      limits = { apply_stall_us = 1000000 } }
    local client = desk.client(made, 1)
    made:hold_machine(1, true)
    client:propose "command"
    made:run(9e5)
    assert.is_false(made:status(1).stalled)
    made:run(2e5)
    assert.is_true(made:status(1).stalled)
    assert.is_truthy(made:traces():find("replica.stall what=apply", 1, true))
    assert.is_true(client:ask("status", {}).result.apply_stalled)
    made:hold_machine(1, false)
    made:run(1e5)
    assert.is_false(made:status(1).stalled)
  end)

  it("of the disk are seen, traced, shown, and told to the leader",
    function ()
      local made = desk.new { members = 3, traces = true,
        limits = { sync_stall_us = 300000 } }
      local leader = desk.leader(made, 3)
      local slow = leader % 3 + 1
      local client = desk.client(made, leader)
      made:hold_disk(slow, true)
      assert.equal(1, client:apply("command").result)
      made:run(2e5)
      assert.is_false(made:status(slow).stalled)
      made:run(3e5)
      assert.is_true(made:status(slow).stalled)
      assert.is_truthy(made:traces():find("replica.stall what=sync", 1,
        true))
      local page = client:ask("status", {}).result
      assert.is_true(page.members[slow].stalled)
      assert.is_false(page.members[slow % 3 + 1].stalled or false)
      made:hold_disk(slow, false)
      made:run(3e5)
      assert.is_false(made:status(slow).stalled)
    end)

  it("of the disk are seen while ever more is to be written", function ()
    local made = desk.new { members = 3, limits = { sync_stall_us = 300000 } }
    local leader = desk.leader(made, 3)
    local slow = leader % 3 + 1
    local client = desk.client(made, leader)
    made:hold_disk(slow, true)
    for _ = 1, 5 do
      client:apply "command"
      made:run(1e5)
    end
    assert.is_true(made:status(slow).stalled)
  end)
end)
