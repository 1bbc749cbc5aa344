-- SPDX-License-Identifier: MIT
--
-- Machines without the sandbox that depend on what differs between members:
-- in a pretended world it does differ, and the first command is named.

local raft = require("raft")
local workshop = require("spec.workshop")

local function machine_of(body, top)
  return workshop.write(workshop.around(body, top), os.tmpname() .. ".lua")
end

-- Twelve commands to three members; the body sees self.held, a table that
-- every command adds a key to.
local function told(body, given)
  given = given or {}
  local path = machine_of("self.held[command] = true\n" .. body, given.top)
  local result = raft.scenario({
    nodes = 3, machine = path, sandbox = given.sandbox or false,
    run = function(cluster)
      local client = cluster:client()
      for i = 1, 12 do
        client:try("propose", ("key %d"):format(i))
      end
      if given.restart then
        given.restart(cluster)
      end
    end,
  }):run { seed = given.seed or 1 }
  os.remove(path)
  return result
end

local UNSTEADY = {
  { "pairs", [[local list = {}
      for key in pairs(self.held) do list[#list + 1] = key end
      return table.concat(list, " ")]] },
  { "next as an iterator", [[local list = {}
      for key in next, self.held do list[#list + 1] = key end
      return table.concat(list, " ")]] },
  { "the first key", "return (next(self.held))" },
  { "os.time", "return os.time()" },
  { "os.date", "return os.date('%H:%M:%S')" },
  { "os.clock", "return os.clock()" },
  { "math.random", "return math.random(1, 1000000)" },
  { "the address of a table", "return tostring(self.held)" },
  { "the address of a function", "return tostring(print)" },
  { "an address in a format", "return ('%s'):format({})" },
  { "memory in use", "return collectgarbage('count')" },
}

describe("unsteady: a machine without the sandbox", function()
  for _, case in ipairs(UNSTEADY) do
    it("is found when it answers with " .. case[1], function()
      local result = told(case[2])
      assert.is_false(result.ok)
      assert.equal("state_machine_safety", result.violation.name)
      assert.matches('member %d applies entry %d+ differently: "key %d+" '
        .. "gives .+ here", result.violation.text)
    end)
  end

  it("is named with the command and the first index that differ", function()
    local result = told [[
      if command == "key 7" then return os.time() end
      return command]]
    assert.matches('"key 7" gives %d+ here', result.violation.text)
  end)

  it("is found by a failed command, too", function()
    local result = told [[
      if math.random(2) == 1 then error("no") end]]
    assert.matches('entry %d+ differently: "key %d+"', result.violation.text)
  end)

  it("is found after a restart, when members agreed before", function()
    local result = told([[self.n = (self.n or 0) + 1
      return self.n <= 12 and 0 or tostring(self.held)]], {
      restart = function(cluster)
        for _, id in ipairs(cluster:members()) do
          cluster:crash(id)
          cluster:restart(id)
        end
        cluster:client():propose "after"
      end,
    })
    assert.matches('"after" gives', result.violation.text)
  end)

  it("that depends on nothing of it is left alone", function()
    local result = told [[
      local sum, keys = 0, {}
      for key in pairs(self.held) do keys[#keys + 1] = key end
      for _ in next, self.held do sum = sum + 1 end
      table.sort(keys)
      math.randomseed(7)
      local drawn = math.random(1000)
      return { sum, keys, drawn, tostring(12), ("%d %s"):format(7, "a"),
        next({}) == nil, os.time { year = 2020, month = 1, day = 1 } ~= nil }]]
    assert.is_nil(result.violation and result.violation.text)
  end)

  it("runs alike twice, with one seed", function()
    local body = "return tostring(self.held) .. os.time() .. math.random()"
    local first, second = told(body), told(body)
    assert.same(first.violation, second.violation)
    assert.equal(first.trace_hash, second.trace_hash)
    local third = told(body, { seed = 2 })
    assert.not_equal(first.violation.text, third.violation.text)
  end)

  it("is let alone in the sandbox", function()
    local result = told([[local list = {}
      for key in pairs(self.held) do list[#list + 1] = key end
      return { table.concat(list), tostring(self.held), math.random(100) }]],
      { sandbox = true })
    assert.is_true(result.ok)
  end)
end)

describe("unsteady: pairs and next", function()
  local unsteady = require("raft.unsteady")

  local function globals(seed)
    local made = { string = {}, os = {}, math = {} }
    unsteady.install(made, seed)
    collectgarbage("setpause", 200)
    return made
  end

  local function walk(own, t)
    local keys = {}
    for key in own.pairs(t) do
      keys[#keys + 1] = tostring(key)
    end
    return table.concat(keys, " ")
  end

  it("visit every key once, in an order of the seed", function()
    local t, orders = {}, {}
    for i = 1, 6 do
      t["key" .. i], t[i], t[i + 0.5] = i, i, i
    end
    t[true], t[false] = 1, 2
    for seed = 1, 20 do
      local own = globals(seed)
      local seen, count = {}, 0
      for key, value in own.pairs(t) do
        assert.equal(t[key], value)
        assert.is_nil(seen[key])
        seen[key], count = true, count + 1
      end
      assert.equal(20, count)
      orders[walk(own, t)] = true
      assert.equal(walk(own, t), walk(own, t))
    end
    local different = 0
    for _ in pairs(orders) do
      different = different + 1
    end
    assert.equal(20, different)
  end)

  it("walk equal content alike, whatever its history", function()
    local own = globals(3)
    local a, b = {}, {}
    for i = 1, 50 do
      a["k" .. i] = true
    end
    for i = 50, 1, -1 do
      b["k" .. i] = true
    end
    assert.equal(walk(own, a), walk(own, b))
  end)

  it("let keys be taken out on the way", function()
    local own = globals(5)
    local t = {}
    for i = 1, 30 do
      t[i] = true
    end
    for key in own.pairs(t) do
      t[key] = nil
    end
    assert.is_nil(next(t))
    t = { a = 1, b = 2, c = 3 }
    local key, count = own.next(t), 0
    while key do
      local following = own.next(t, key)
      t[key] = nil
      key, count = following, count + 1
    end
    assert.equal(3, count)
  end)

  it("end, and refuse what is no key", function()
    local own = globals(7)
    assert.is_nil(own.next({}))
    assert.error_matches(function()
      own.next({}, "x")
    end, "invalid key to 'next'")
    assert.error_matches(function()
      own.next(7)
    end, "table expected, got number")
  end)

  it("draw and format as the plain ones do", function()
    local own = globals(9)
    for _ = 1, 50 do
      local drawn = own.math.random(3, 5)
      assert.is_true(drawn >= 3 and drawn <= 5 and drawn % 1 == 0)
      drawn = own.math.random()
      assert.is_true(drawn >= 0 and drawn < 1)
    end
    assert.is_false(pcall(own.math.random, 2, 1))
    own.math.randomseed(4)
    local first = own.math.random(1000)
    local other = globals(10)
    other.math.randomseed(4)
    assert.equal(first, other.math.random(1000))
    assert.equal("%5|  a|1.50|7", own.string.format("%%5|%3s|%.2f|%d", "a",
      1.5, 7))
    assert.matches("^table: 0x%x+$", own.tostring({}))
  end)
end)
