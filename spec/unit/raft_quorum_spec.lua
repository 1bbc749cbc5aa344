-- SPDX-License-Identifier: MIT

local helper = require("spec.helper")
local probe = require("raft.probe")

-- The naive twin: tries every value that was reached.
local function reached_by_counting(reached)
  local best
  for _, value in ipairs(reached) do
    local count = 0
    for _, other in ipairs(reached) do
      if other >= value then count = count + 1 end
    end
    if count * 2 > #reached and (not best or value > best) then
      best = value
    end
  end
  return best or math.huge
end

describe("raft_quorum: reached", function()
  it("is the middle value of three", function()
    assert.equal(7, probe.quorum_reached { 9, 7, 2 })
  end)

  it("of four needs three", function()
    assert.equal(2, probe.quorum_reached { 9, 7, 2, 1 })
  end)

  it("§4.3 an empty half never holds back a joint majority", function()
    assert.equal(math.huge, probe.quorum_reached {})
  end)

  it("agrees with counting, on random voter sets", function()
    helper.check(5000, function(random)
      local reached = random:list(0, 15, function(r)
        return r:integer(0, 5)
      end)
      assert.equal(reached_by_counting(reached),
        probe.quorum_reached(reached))
    end)
  end)
end)

describe("raft_quorum: vote", function()
  it("agrees with trying both ways for those that have not voted", function()
    for voters = 1, 15 do
      for granted = 0, voters do
        for refused = 0, voters - granted do
          local can_win = (voters - refused) * 2 > voters
          local has_won = granted * 2 > voters
          local expected = has_won and "won" or can_win and "pending"
            or "lost"
          assert.equal(expected,
            probe.quorum_vote(granted, refused, voters))
        end
      end
    end
  end)

  it("§4.3 an empty half has granted", function()
    assert.equal("won", probe.quorum_vote(0, 0, 0))
  end)
end)

describe("raft_configuration: members", function()
  it("is each id once, sorted, of all three sets", function()
    local ids, valid = probe.configuration_members({ 1, 4 }, { 1, 2 }, { 3 })
    assert.same({ 1, 2, 3, 4 }, ids)
    assert.is_true(valid)
  end)

  it("is valid only with voters, sorted sets and learners that do not vote",
    function()
      local function valid(...)
        return select(2, probe.configuration_members(...))
      end
      assert.is_false(valid({}, {}, {}))
      assert.is_false(valid({ 2, 1 }, {}, {}))
      assert.is_false(valid({ 1, 1 }, {}, {}))
      assert.is_false(valid({ 0, 1 }, {}, {}))
      assert.is_false(valid({ 1 }, {}, { 1 }))
      assert.is_true(valid({ 1 }, { 2 }, { 3 }))
    end)

  it("has at most 15 members in all", function()
    local a, b = {}, {}
    for i = 1, 8 do
      a[i] = i
      b[i] = i + 7
    end
    assert.is_true(select(2, probe.configuration_members(a, b, {})))
    for i = 1, 8 do b[i] = i + 8 end
    assert.is_false(select(2, probe.configuration_members(a, b, {})))
    for i = 9, 15 do a[i] = i end -- and they may be all of one kind
    assert.is_true(select(2, probe.configuration_members(a, {}, {})))
  end)
end)
