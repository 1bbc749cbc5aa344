-- SPDX-License-Identifier: MIT
--
-- Workloads on a machine that never fails, and on machines that are wrong.

local fake = require("spec.fake_cluster")
local helper = require("spec.helper")
local history = require("raft.history")
local judge = require("raft.workload_judge")
local workload = require("raft.workload")

local NAMES = { "register", "cas_register", "counter", "append", "set",
                "queue", "bank" }
local SEEDS = helper.full and 500 or 5

-- A machine whose every 'nth' command goes through 'wrong' instead.
local function broken(class, nth, wrong)
  return { new = function ()
    local machine, count = class.new(), 0
    local real = machine.apply
    function machine.apply(self, command, entry)
      count = count + 1
      if count % nth == 0 then
        return wrong(self, command, function ()
          return real(self, command, entry)
        end)
      end
      return real(self, command, entry)
    end
    return machine
  end }
end

-- What a judge says of the first seed that it refuses.
local function verdict(one, machine, doubt)
  for seed = 1, 20 do
    local ok, message, detail = fake.serve(one, { seed = seed,
      machine = machine, doubt = doubt or 5 })
    if ok == false then
      return message, detail
    end
  end
end

local function forget()
  return true
end

describe("workload: judges", function ()
  for _, name in ipairs(NAMES) do
    it("have nothing against a right machine: " .. name, function ()
      local one = workload[name] {}
      for seed = 1, SEEDS do
        local ok, message = fake.serve(one, { seed = seed, doubt = 20,
          machine = require(one.machine) })
        assert.is_true(ok, ("seed %d: %s"):format(seed, tostring(message)))
      end
    end)
  end

  it("can decide a long run, with many transfers of unknown outcome",
    function ()
      assert.is_true((fake.serve(workload.bank { states = 50000 },
        { lasts = "200s", doubt = 50,
          machine = require("raft.machines.bank") })))
    end)

  it("find a bank that loses a transfer on its way", function ()
    assert.matches("bank: the total is lost: expected 50, got %d+ %(",
      verdict(workload.bank {}, broken(require("raft.machines.bank"), 40,
        function (self, command)
          local balances = self:open(command[5])
          balances[command[2]] = balances[command[2]] - 1
          return true
        end)))
  end)

  it("find a bank that forgets a transfer as a whole", function ()
    local message, detail = verdict(workload.bank {}, broken(
      require("raft.machines.bank"), 10, forget), 0)
    assert.equal("bank: not linearizable", message)
    assert.equal("not", detail.verdict)
  end)

  it("find a set that forgets", function ()
    assert.matches("set: %d+ of %d+ is lost: acknowledged to operation",
      verdict(workload.set {}, broken(require("raft.machines.set"), 50,
        forget)))
  end)

  it("find an append that is forgotten, or done twice", function ()
    assert.matches("append: %d+ of %d+ is lost", verdict(workload.append {},
      broken(require("raft.kv"), 50, forget)))
    assert.matches("append: %d+ of %d+ is there twice", verdict(
      workload.append {}, broken(require("raft.kv"), 50,
        function (_, _, apply)
          apply()
          return apply()
        end)))
  end)

  it("find a counter that adds twice, or forgets", function ()
    local function twice(_, _, apply)
      apply()
      return apply()
    end
    for _, wrong in ipairs { twice, forget } do
      assert.matches("counter: counter %d+: expected from %d+ to %d+ at the"
        .. " end, got", verdict(workload.counter {},
          broken(require("raft.kv"), 50, wrong)))
    end
  end)

  it("find a queue that loses, and one that gives twice", function ()
    assert.matches("queue: %d+ of %d+ is lost", verdict(workload.queue {
      mix = { enqueue = 3, dequeue = 1 } },
      broken(require("raft.machines.queue"), 50,
        function (_, command, apply)
          return command[1] == "enqueue" or apply()
        end)))
    assert.matches("queue: %d+ of %d+ came out twice", verdict(
      workload.queue {}, broken(require("raft.machines.queue"), 50,
        function (self, command, apply)
          local value = apply()
          if command[1] == "dequeue" and value then
            table.insert(self.queues[command[2]], 1, value)
          end
          return value
        end)))
  end)

  it("forgive a queue one lost element for each dequeue that may have taken"
    .. " it, and no more", function ()
    local function judged(lost, unknown)
      local operations = {}
      for i = 1, lost + unknown do
        local is_lost = i <= lost
        operations[i] = { number = i, process = i, key = 1, call_time = i,
          f = is_lost and "enqueue" or "dequeue", input = is_lost and i or nil,
          outcome = is_lost and "ok" or "info" }
      end
      return judge.queue(operations)
    end
    for unknown = 0, 3 do
      assert.is_true(judged(unknown, unknown))
      local ok, message = judged(unknown + 1, unknown)
      assert.is_false(ok)
      assert.matches(("^%d of 1 is lost"):format(unknown + 1), message)
    end
  end)

  it("find registers that serve what is no longer there", function ()
    for _, name in ipairs { "register", "cas_register" } do
      local KV = require("raft.kv")
      local stale = { new = function ()
        local machine, old, count = KV.new(), {}, 0
        function machine.apply(self, command)
          old[command[2]] = self.map[command[2]]
          return KV.apply(self, command)
        end
        function machine.query(self, question)
          count = count + 1
          return count % 20 == 0 and old[question[2]]
            or KV.query(self, question)
        end
        return machine
      end }
      local message, detail = verdict(workload[name] {}, stale)
      assert.equal(name .. ": not linearizable", message)
      assert.equal("not", detail.verdict)
    end
  end)

  -- The value before the last one is as old as the last write.
  it("take stale reads for what they may be, and for no more", function ()
    local KV = require("raft.kv")
    local behind = { new = function ()
      local machine, old = KV.new(), {}
      function machine.apply(self, command)
        old[command[2]] = self.map[command[2]]
        return KV.apply(self, command)
      end
      function machine.query(self, question, given)
        return given.read == "stale" and old[question[2]]
          or KV.query(self, question)
      end
      return machine
    end }
    local function ask(max_age)
      return verdict(workload.register { read = "stale", max_age = max_age,
        concurrency = 2, pause = "100ms" }, behind)
    end
    assert.is_nil(ask "1h")
    assert.equal("register: not linearizable", ask "5ms")
  end)

  it("say so where nothing was done", function ()
    local ok, message = workload.bank {}:judge(history.new())
    assert.is_false(ok)
    assert.equal("bank: expected operations to judge, got none", message)
  end)

  it("do not guess what they cannot decide", function ()
    local ok, message, detail = fake.serve(workload.register { states = 1 },
      { machine = require("raft.kv") })
    assert.is_nil(ok)
    assert.equal("register: unknown within 1 states", message)
    assert.equal("unknown", detail.verdict)
  end)
end)

describe("workload: clients", function ()
  local function served(one, given)
    local cluster = fake.new(given)
    for process = 1, one.concurrency do
      cluster:spawn(one.client, one, cluster, process)
    end
    cluster:run()
    return cluster
  end

  it("go on under another number after an unknown outcome", function ()
    local cluster = served(workload.register { concurrency = 2 },
      { machine = require("raft.kv"), doubt = 100 })
    local over, unknown = {}, 0
    for _, operation in ipairs(cluster.record.operations) do
      assert.is_nil(over[operation.process])
      if operation.outcome == "info" then
        over[operation.process] = true
        unknown = unknown + 1
        assert.equal("write", operation.f)
      end
    end
    assert.is_true(unknown > 5)
  end)

  it("do what the mix says, as often as the pause says", function ()
    local cluster = served(workload.cas_register { concurrency = 1,
      mix = { read = 3, cas = 1 }, pause = "95ms" },
      { machine = require("raft.kv"), lasts = "100s" })
    local counts = { read = 0, cas = 0 }
    for _, operation in ipairs(cluster.record.operations) do
      counts[operation.f] = counts[operation.f] + 1
    end
    assert.is_true(counts.read > 2 * counts.cas
      and counts.read < 4.5 * counts.cas)
    assert.is_true(counts.read + counts.cas > 850
      and counts.read + counts.cas < 1150)
  end)

  it("hold nothing of a run: one value serves every run alike", function ()
    local one = workload.append {}
    local first = served(one, { machine = require("raft.kv") })
    local second = served(one, { machine = require("raft.kv") })
    assert.same(first.record:events(), second.record:events())
  end)

  it("end a run whose machine raises", function ()
    local raising = { try = function ()
      return nil, "kv.lua:7: no", "apply_failed", {}
    end }
    local cluster = fake.new {}
    function cluster.client()
      return raising
    end
    local one = workload.register { mix = { write = 1 } }
    cluster:spawn(one.client, one, cluster, 1)
    local ok, message = pcall(cluster.run, cluster)
    assert.is_false(ok)
    assert.equal("workload register: expected an answer to write, got an"
      .. " error of the machine: kv.lua:7: no", message)
  end)
end)

describe("workload: several at once", function ()
  local rooms = setmetatable({ new = function ()
    local parts = { kv = require("raft.kv").new() }
    for _, name in ipairs { "bank", "queue", "set" } do
      parts[name] = require("raft.machines." .. name).new()
    end
    return {
      parts = parts,
      apply = function (_, command)
        return parts[command[1]]:apply(command[2])
      end,
      query = function (_, question)
        return parts[question[1]]:query(question[2])
      end,
    }
  end }, nil)

  it("are judged each by its own", function ()
    local parts = {}
    for i, name in ipairs(NAMES) do
      parts[i] = workload[name] { concurrency = 1 }
    end
    parts[#parts + 1] = workload.register { concurrency = 1 }
    local all = workload.all(parts)
    assert.equal(8, all.concurrency)
    assert.is_true((fake.serve(all, { machine = rooms, doubt = 10 })))
    local message = verdict(all, broken(rooms, 30,
      function (self, command, apply)
        local transfer = command[2]
        if transfer[1] ~= "transfer" then
          return apply()
        end
        local balances = self.parts.bank:open(transfer[5])
        balances[transfer[2]] = balances[transfer[2]] - 1
        return true
      end))
    assert.matches("^bank: the total is lost", message)
  end)
end)

describe("workload: mistakes", function ()
  local NAME = "workload_spec.lua:%d+: "

  local function refusal(fn)
    local ok, message = pcall(fn)
    assert.is_false(ok)
    return message
  end

  it("are told at the user's line", function ()
    assert.matches(NAME .. 'workload.bank: unknown option "keyz", did you'
      .. ' mean "keys"%?', refusal(function ()
        workload.bank { keyz = 1 }
      end))
    assert.matches(NAME .. 'workload.set mix: unknown option "rad", did you'
      .. ' mean "read"%?', refusal(function ()
        workload.set { mix = { rad = 1 } }
      end))
    assert.matches(NAME .. "workload.set: option mix: expected one of add,"
      .. " read above 0", refusal(function ()
        workload.set { mix = {} }
      end))
    assert.matches(NAME .. 'workload.set: option max_age: expected read ='
      .. ' "stale" beside it', refusal(function ()
        workload.set { max_age = "1s" }
      end))
    assert.matches(NAME .. "workload.all: expected one bank, got two",
      refusal(function ()
        workload.all { workload.bank {}, workload.bank {} }
      end))
    assert.matches(NAME .. "workload.all: expected a workload, such as",
      refusal(function ()
        workload.all { "bank" }
      end))
  end)
end)
