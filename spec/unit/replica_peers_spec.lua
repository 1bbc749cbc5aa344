-- SPDX-License-Identifier: MIT

local desk = require "spec.desk"
local probe = require "raft.probe"

-- What the leader knows of another member.
local function match_of(made, leader, id)
  local client = desk.client(made, leader, 900)
  return client:ask("status", {}).result.members[id].match
end

describe("replica: peers", function ()
  it("that come back wiped are refused by all who met them", function ()
    local made = desk.new { members = 3 }
    local leader = desk.leader(made, 3)
    local wiped = leader % 3 + 1
    assert.equal(1, desk.client(made, leader):apply("command").result)
    made:run(1e6)
    made:wipe(wiped)
    assert(made:init(wiped))
    made:start(wiped)
    made:run(3e6)
    assert.is_true(made:refused() > 0)
    local state, code, text = made:state(wiped)
    assert.same({ "stopped", "wiped" }, { state, code })
    assert.matches("this directory was made anew", text, 1, true)
    assert.equal("up", (made:state(leader)))
  end)

  it("are still known as wiped after the others restarted", function ()
    local made = desk.new { members = 3 }
    made:run(1e6)
    made:wipe(3)
    for id = 1, 2 do
      made:crash(id, 0)
      made:start(id)
    end
    assert(made:init(3))
    made:start(3)
    made:run(3e6)
    assert.is_true(made:refused() > 0)
    assert.same("wiped", (select(2, made:state(3))))
  end)

  it("are not heard before their incarnation is durable", function ()
    local made = probe.desk { members = 3 }
    assert(made:init())
    made:start(1)
    made:start(2)
    made:run(2e6)
    local leader = desk.leader(made, 2)
    assert.is_truthy(desk.client(made, leader):apply "command")
    made:hold_disk(leader, true)
    made:start(3)
    made:run(4e5)
    assert.equal(0, match_of(made, leader, 3))
    made:hold_disk(leader, false)
    made:run(4e5)
    assert.is_true(match_of(made, leader, 3) > 2)
  end)

  it("on another VM are refused", function ()
    local made = probe.desk { members = 2 }
    assert(made:init())
    made:set_vm(2, "Lua 5.1")
    made:start(1)
    made:start(2)
    made:run(3e6)
    assert.is_true(made:refused() > 0)
    for id = 1, 2 do
      assert.not_equal("leader", made:status(id).role)
    end
  end)

  it("share the tickets of the log with the engine", function ()
    -- Peers are met one by one while terms and entries are written.
    local made = probe.desk { members = 5 }
    assert(made:init())
    for id = 1, 5 do
      made:start(id, true)
      made:run(6e5)
    end
    local client = desk.client(made, desk.leader(made, 5))
    for i = 1, 10 do
      assert.equal(i, client:apply("command").result)
    end
  end)
end)

describe("replica: results that differ", function ()
  local function skewed(members, skews)
    local made = desk.new { members = members, hash_interval = 4,
      traces = true }
    local leader = desk.leader(made, members)
    local client = desk.client(made, leader)
    assert.is_number(client:apply("before").result)
    skews(made, leader)
    for _ = 1, 12 do
      client:propose "after"
    end
    made:run(1e6)
    return made, leader
  end

  it("stop the follower that computed them", function ()
    local made, leader = skewed(3, function (made, leader)
      made:skew(leader % 3 + 1, 6)
    end)
    local state, code, text = made:state(leader % 3 + 1)
    assert.same({ "stopped", "diverged" }, { state, code })
    assert.matches("the result of entry 6 differs from that of a majority:"
      .. " result hash %x+ here, %x+ there", text)
    assert.is_truthy(made:traces():find(
      ("replica.diverged peer=%d lo=6 hi=6"):format(leader % 3 + 1), 1, true))
    assert.equal("up", (made:state(leader)))
    assert.equal("up", (made:state((leader + 1) % 3 + 1)))
  end)

  it("stop the leader that computed them, which steps down first", function ()
    local made, leader = skewed(3, function (made, leader)
      made:skew(leader, 6)
    end)
    local state, code, text = made:state(leader)
    assert.same({ "stopped", "diverged" }, { state, code })
    assert.matches("the result of entry 6 differs", text)
    local traces = made:traces()
    local down = traces:find("raft.role from=leader to=follower", 1, true)
    local stop = traces:find("replica.stopped", 1, true)
    assert.is_true(down and stop and down < stop)
    made:run(3e6)
    assert.not_equal(leader, desk.leader(made, 3))
  end)

  it("make the cluster read-only when nobody knows who is right",
    function ()
      local made, leader = skewed(2, function (made, leader)
        made:skew(3 - leader, 6)
      end)
      local client = desk.client(made, leader)
      assert.equal("diverged", client:apply("refused").code)
      assert.equal(13, client:query("question").result)
      local page = client:ask("status", {}).result
      assert.is_true(page.diverged)
      assert.equal(6, page.diverged_index)
      assert.is_truthy(made:traces():find("replica.diverged peer=none lo=6"
        .. " hi=6", 1, true))
    end)

  it("are found again after a restart and a change of leader", function ()
    local made, leader = skewed(3, function (made, leader)
      made:skew(leader % 3 + 1, 6)
    end)
    made:start(leader % 3 + 1)
    made:run(3e6)
    local state, code = made:state(leader % 3 + 1)
    assert.same({ "stopped", "diverged" }, { state, code })
  end)

  it("are told to a new leader by those who have computed them before",
    function ()
      local made = desk.new { members = 3, hash_interval = 4 }
      local old = desk.leader(made, 3)
      local wrong, new = old % 3 + 1, (old + 1) % 3 + 1
      made:skew(wrong, 4)
      made:hold_machine(wrong, true)
      made:hold_machine(new, true)
      local client = desk.client(made, old)
      client:propose "3"
      client:propose "4"
      made:run(2e5)
      made:kill(old)
      made:hold_machine(wrong, false)
      made:hold_machine(new, false)
      made:run(3e6)
      made:start(old)
      made:run(3e6)
      local state, code = made:state(wrong)
      assert.same({ "stopped", "diverged" }, { state, code })
      assert.equal("up", (made:state(new)))
      assert.equal("up", (made:state(old)))
    end)

  it("name the first entry, whichever of an interval it is", function ()
    for index = 5, 9 do
      for behind = 0, 1 do -- who is wrong: the leader, a follower
        local made, leader = skewed(3, function (made, leader)
          made:skew((leader + behind - 1) % 3 + 1, index)
        end)
        local _, code, text = made:state((leader + behind - 1) % 3 + 1)
        assert.equal("diverged", code)
        assert.matches(("result of entry %d differs"):format(index), text)
      end
    end
  end)

  it("name it also when the leader computes it last", function ()
    local made = desk.new { members = 3, hash_interval = 4, traces = true }
    local leader = desk.leader(made, 3)
    made:skew(leader, 6)
    made:hold_machine(leader, true)
    local client = desk.client(made, leader)
    for _ = 1, 9 do
      client:propose "after"
    end
    made:run(2e5)
    assert.equal("up", (made:state(leader)))
    made:hold_machine(leader, false)
    made:run(1e6)
    local _, code, text = made:state(leader)
    assert.equal("diverged", code)
    assert.matches("the result of entry 6 differs", text)
  end)

  it("are named by a leader that computes last, too, when nobody is right",
    function ()
      local made = desk.new { members = 2, hash_interval = 4, traces = true }
      local leader = desk.leader(made, 2)
      made:skew(leader, 7)
      made:hold_machine(leader, true)
      local client = desk.client(made, leader)
      for _ = 1, 9 do
        client:propose "after"
      end
      made:run(2e5)
      made:hold_machine(leader, false)
      made:run(1e6)
      assert.is_truthy(made:traces():find("replica.diverged peer=none lo=7"
        .. " hi=7", 1, true))
    end)

  it("that are equal are compared on all members", function ()
    local made = skewed(3, function () end)
    for id = 1, 3 do
      assert.equal("up", (made:state(id)))
      assert.is_true(made:status(id).compared >= 12)
    end
  end)

  it("are decided by a majority of the voters", function ()
    local poll = probe.digest_poll
    local five = { 1, 2, 3, 4, 5 }
    for _, row in ipairs {
      { { 1 }, { { 1, 4, 7 } }, { "decided" } },
      { { 1, 2, 3 }, { { 1, 4, 7 }, { 2, 4, 7 } }, { "open", "decided" } },
      { { 1, 2, 3 }, { { 1, 4, 7 }, { 2, 4, 8 }, { 3, 4, 9 } },
        { "open", "open", "undecidable" } },
      { { 1, 2, 3 }, { { 1, 4, 7 }, { 1, 4, 7 } }, { "open", "open" } },
      { { 1, 2 }, { { 1, 4, 7 }, { 2, 4, 8 } }, { "open", "undecidable" } },
      { five, { { 1, 4, 7 }, { 2, 4, 8 }, { 3, 4, 7 }, { 4, 4, 8 },
        { 5, 4, 8 } }, { "open", "open", "open", "open", "decided" } },
      { five, { { 1, 4, 7 }, { 2, 4, 8 }, { 3, 4, 9 }, { 4, 4, 6 } },
        { "open", "open", "open", "undecidable" } },
      { { 1, 2, 3 }, { { 9, 4, 7 }, { 1, 5, 7 }, { 1, 0, 7 } },
        { "ignored", "ignored", "ignored" } },
      { { 1, 2, 3 }, { { 1, 36, 7 }, { 2, 4, 7 } }, { "open", "ignored" } },
    } do
      assert.same(row[3], poll(row[1], row[2], 4))
    end
  end)
end)
