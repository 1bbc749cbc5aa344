-- SPDX-License-Identifier: MIT
--
-- The ready scenarios: each passes, each does what its head says, and wrong
-- machines and stale reads are found by them.

local helper = require("spec.helper")
local raft = require("raft")

local nemesis, workload = raft.nemesis, raft.workload

-- Name -> verbs that a run of it must have used.
local SCENARIOS = {
  { "partition_leader", "cut", "mend" },
  { "power_loss", "crash", "restart" },
  { "slow_disk", "disk", "restart" },
  { "clocks", "clock", "pause", "resume" },
  { "bridge", "cut", "mend" },
  { "flaky_network", "network", "reset" },
  { "bank_under_partition", "cut", "mend" },
  { "rolling_restart", "kill", "restart" },
  { "everything", "cut", "crash", "kill", "pause", "clock", "disk",
    "network", "reset", "transfer", "set_members", "snapshot" },
}

local SEEDS = helper.full and 200 or 2

local function load(name)
  return dofile("scripts/chaos/" .. name .. ".lua")
end

local function told(result)
  local violation = result.violation
  return violation and violation.name .. ": " .. violation.text
    or tostring(result.unknown or result.not_applicable)
end

describe("chaos: ready scenarios", function ()
  for _, row in ipairs(SCENARIOS) do
    local name = row[1]
    it(name .. " holds", function ()
      local scenario, verbs = load(name), {}
      for seed = 1, SEEDS do
        local result = scenario:run { seed = seed }
        assert.is_true(result.ok, ("seed %d: %s"):format(seed, told(result)))
        assert.is_true(#result.history.operations > 100)
        for verb, count in pairs(result.verbs) do
          verbs[verb] = (verbs[verb] or 0) + count
        end
      end
      for i = 2, #row do
        assert.is_true((verbs[row[i]] or 0) > 0, row[i])
      end
    end)
  end

  it("are decided by their seed", function ()
    local scenario = load "everything"
    local first = scenario:run { seed = 5 }
    local again = load("everything"):run { seed = 5 }
    assert.equal(first.trace_hash, again.trace_hash)
    assert.same(first.history:events(), again.history:events())
    assert.are_not.equal(first.trace_hash,
      scenario:run({ seed = 6 }).trace_hash)
  end)
end)

describe("chaos: what is wrong is found", function ()
  -- The violation of the first of some seeds that has one.
  local function first_failure(scenario)
    for seed = 1, 20 do
      local result = scenario:run { seed = seed }
      if not result.ok then
        return told(result), result
      end
    end
  end

  it("stale reads, by registers under a leader cut off", function ()
    local text, result = first_failure(raft.scenario {
      nodes = 3, machine = "raft.kv", duration = "10s",
      workload = workload.register { read = "stale", keys = 1 },
      nemesis = nemesis.partition { kind = "isolate", target = "leader",
                                    lasts = "2s" },
    })
    assert.equal("workload: register: not linearizable", text)
    assert.equal("not", result.detail.verdict)
  end)

  it("nothing in stale reads with a bound, judged by it", function ()
    local one = workload.register { read = "stale", keys = 1,
                                    max_age = "300ms" }
    for _, machine in ipairs { "raft.kv", "raft.machines.rooms" } do
      local text = first_failure(raft.scenario {
        nodes = 3, machine = machine, duration = "5s",
        workload = machine == "raft.kv" and one or workload.all { one },
        nemesis = nemesis.partition { kind = "isolate", target = "leader",
                                      lasts = "2s" },
      })
      assert.is_nil(text)
    end
  end)

  local function wrong_machine(source)
    local path = os.tmpname() .. ".lua"
    local file = assert(io.open(path, "wb"))
    file:write(source)
    file:close()
    return path
  end

  local SET = [=[
    local Set = {}
    Set.__index = Set
    function Set.new() return setmetatable({ sets = {}, n = 0 }, Set) end
    function Set:apply(command, entry)
      local set = self.sets[command[2]] or {}
      self.sets[command[2]] = set
      self.n = self.n + 1
      if self.n % 100 ~= 0 then set[command[3]] = true end
      return true
    end
    function Set:query(question)
      local list = {}
      for element in pairs(self.sets[question[2]] or {}) do
        list[#list + 1] = element
      end
      return list
    end
    function Set:snapshot() return { sets = self.sets, n = self.n } end
    function Set:restore(image) self.sets, self.n = image.sets, image.n end
    return Set]=]

  it("a set that forgets", function ()
    local path = wrong_machine(SET)
    local text = first_failure(raft.scenario {
      nodes = 3, machine = path, duration = "10s",
      workload = workload.set { pause = "20ms" },
      nemesis = nemesis.crash {},
    })
    os.remove(path)
    assert.matches("^workload: set: %d+ of %d+ is lost: acknowledged", text)
  end)

  it("a bank in which money vanishes", function ()
    local path = wrong_machine([=[
      local Bank = {}
      Bank.__index = Bank
      function Bank.new()
        return setmetatable({ balances = { 10, 10, 10, 10, 10 } }, Bank)
      end
      function Bank:apply(command, entry)
        local from, to = command[2], command[3]
        local held = self.balances
        if held[from] < command[4] then return false end
        held[from] = held[from] - command[4]
        if entry.index % 50 ~= 0 then held[to] = held[to] + command[4] end
        return true
      end
      function Bank:query() return self.balances end
      function Bank:snapshot() return self.balances end
      function Bank:restore(image) self.balances = image end
      return Bank]=])
    local text = first_failure(raft.scenario {
      nodes = 3, machine = path, duration = "10s", workload = workload.bank {},
      nemesis = nemesis.partition {},
    })
    os.remove(path)
    assert.matches("^workload: bank: the total is lost: expected 50", text)
  end)

  it("a fault that this world lacks: not applicable", function ()
    local upgrade = { run = function (_, cluster) cluster:upgrade() end }
    local result = raft.scenario({
      nodes = 3, machine = "raft.kv", duration = "5s",
      workload = workload.register {}, nemesis = upgrade,
    }):run { seed = 1 }
    assert.is_false(result.ok)
    assert.is_nil(result.violation)
    assert.matches("the simulator has no upgrade", result.not_applicable)
  end)

  it("a member that is none: at the scenario's line", function ()
    local result = raft.scenario({
      nodes = 3, machine = "raft.kv", duration = "5s",
      workload = workload.register {}, nemesis = nemesis.kill { target = 9 },
    }):run { seed = 1 }
    assert.matches("chaos_spec.lua:%d+: cluster:kill: expected a member, 1 to"
      .. " 3, got the number 9", result.violation.text)
  end)
end)
