-- SPDX-License-Identifier: MIT
--
-- Faults that a cluster can never have: no run passes without them.

local fake = require("spec.fake_cluster")
local kinds = require("raft.nemesis_kinds")
local nemesis = require("raft.nemesis")
local partition = require("raft.nemesis_partition")

-- Name, kind, members that it needs; of the others one is enough.
local ROWS = {
  { "partition", "halves", 2 }, { "partition", "majority", 3 },
  { "partition", "isolate", 2 }, { "partition", "one_way", 2 },
  { "partition", "deaf", 2 }, { "partition", "bridge", 3 },
  { "partition", "ring", 4 }, { "partition", "random", 2 },
  { "reset", "member", 2 }, { "slow_link", nil, 2 }, { "transfer", nil, 2 },
  { "disk", "rot", 3 }, { "wipe", nil, 3 }, { "membership", "vote", 3 },
}

-- What was done within some seconds; or nil, and why nothing can be, told
-- before anything was done.
local function attack(one, given)
  given.leader, given.lasts = 1, "20s"
  local cluster = fake.new(given)
  cluster:spawn(one.run, one, cluster)
  local ok, problem = pcall(cluster.run, cluster)
  if ok then
    return cluster.log
  end
  assert.equal(0, cluster.time)
  return nil, type(problem) == "table" and problem.not_applicable
    or tostring(problem)
end

local function least_of(name, kind)
  for _, row in ipairs(ROWS) do
    if row[1] == name and row[2] == kind then
      return row[3]
    end
  end
  return 1
end

describe("nemesis: a fault that a cluster can never have", function ()
  for _, row in ipairs(ROWS) do
    local name = row[1] .. (row[2] and " " .. row[2] or "")
    it(name .. " is not applicable with too few members", function ()
      local one = nemesis[row[1]] { kind = row[2] }
      local log, why = attack(one, { nodes = row[3] - 1 })
      assert.is_nil(log)
      assert.equal(("nemesis.%s %s needs at least %d members, got %d"):format(
        row[1], row[2] and ('{ kind = "%s" }'):format(row[2]) or "{}", row[3],
        row[3] - 1), why)
    end)
  end

  it("is each that does nothing, and no other", function ()
    for name, kind in pairs(kinds) do
      local words = type(kind) == "table" and (kind.schema.kind or {}).words
        or { false }
      for _, word in ipairs(type(kind) == "table" and words or {}) do
        local least = least_of(name, word or nil)
        local is_replace = word == "replace"
        for nodes = 1, 4 do
          local one = nemesis[name] { kind = word or nil }
          local log = attack(one, { nodes = nodes + (is_replace and 1 or 0),
                                    spares = is_replace and 1 or 0 })
          assert.equal(nodes >= least, log ~= nil and #log > 0,
            ("%s %s, %d members"):format(name, tostring(word), nodes))
        end
      end
    end
  end)

  it("is a partition of so few that nothing is cut", function ()
    local function last(n)
      return n
    end
    for _, kind in ipairs(partition.KINDS) do
      local members, least = {}, least_of("partition", kind)
      for id = 1, kind == "random" and 0 or 5 do
        members[id] = id
        assert.equal(id >= least,
          #partition.cuts(kind, members, last, 1) > 0, kind)
      end
    end
  end)

  it("is a replacement without spares, however many members", function ()
    local one = nemesis.membership { kind = "replace" }
    assert.equal('nemesis.membership { kind = "replace" } needs at least 1'
      .. " spare (options = { spares = 1 }), got 0",
      select(2, attack(one, { nodes = 5 })))
    assert.equal(1, #attack(one, { nodes = 4, spares = 1 }))
  end)

  it("is a loss where only spares would make it survivable", function ()
    local wipe = nemesis.wipe {}
    assert.is_nil((attack(wipe, { nodes = 4, spares = 2 })))
    assert.equal(2, #attack(wipe, { nodes = 5, spares = 2 }))
  end)

  it("is one of a follower where a leader is alone", function ()
    local one = nemesis.kill { target = "follower" }
    assert.equal("nemesis.kill {} needs at least 2 members, got 1",
      select(2, attack(one, { nodes = 1 })))
    assert.is_true(#attack(one, { nodes = 2 }) > 0)
  end)
end)

describe("nemesis: parts that a cluster can never have", function ()
  local wipe, kill = nemesis.wipe {}, nemesis.kill {}
  local NEED = "nemesis.wipe {} needs at least 3 members, got 2"

  local function why(one)
    return select(2, attack(one, { nodes = 2 }))
  end

  it("end a sequence and what is side by side, at once", function ()
    assert.equal(NEED, why(nemesis.sequence { kill, wipe }))
    assert.equal(NEED, why(nemesis.all { kill, wipe }))
    assert.equal(NEED, why(nemesis.all { kill, nemesis.mix { wipe } }))
  end)

  it("are left out of a mix, unless there is no other", function ()
    assert.is_nil(why(nemesis.mix { wipe, kill, weights = { 9, 1 } }))
    assert.is_nil(why(nemesis.mix { nemesis.sequence { kill, wipe }, kill }))
    assert.is_nil(why(nemesis.everything {}))
    assert.equal(NEED, why(nemesis.mix { wipe,
      nemesis.disk { kind = "rot" } }))
  end)

  it("end what only says when", function ()
    assert.equal(NEED, why(nemesis.limit(3, wipe)))
    assert.equal(NEED, why(nemesis.stagger("1s", wipe)))
    assert.equal(NEED, why(nemesis.at_random("1s", wipe)))
    assert.equal(NEED, why(nemesis.during("1s", "2s", wipe)))
  end)
end)
