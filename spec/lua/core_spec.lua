-- SPDX-License-Identifier: MIT
--
-- raft.core: the userdata raft.engine, as far as it is a binding. What the
-- engine itself does is in spec/paper and spec/unit.

describe("raft.core", function()
  local core = require("raft.core")

  local function recovered(voters)
    return {
      term = 1, runs = { { first = 1, term = 1 } }, last_index = 1,
      configuration = { voters = voters or { 1 } }, configuration_index = 1,
    }
  end

  local function single()
    return assert(core.new({ id = 1, random = 7 }, recovered()))
  end

  -- A leader of one, and what it asked for on the way.
  local function leader()
    local engine = single()
    local now = engine:deadline()
    local effects = assert(engine:step { kind = "time", now = now })
    assert(engine:step { kind = "persisted", now = now, ticket = 1 })
    return engine, now, effects
  end

  local function raises(text, fn)
    local ok, message = pcall(fn)
    assert.is_false(ok)
    assert.truthy(message:find(text, 1, true),
      "expected " .. text .. "\n     got " .. message)
    return message
  end

  it("gives effects as tables with the field names of raft.h", function()
    local _, _, effects = leader()
    assert.same({
      kind = "persist", ticket = 1, term = 2, vote = 1, first = 0, count = 0,
    }, effects[#effects])
    assert.same({
      kind = "role", role = "candidate", from = "pre_candidate", term = 2,
      leader = 0, reason = "a majority would vote",
    }, effects[2])
  end)

  it("reads and writes every kind of message", function()
    local one = assert(core.new({ id = 1 }, recovered { 1, 2 }))
    local two = assert(core.new({ id = 2 }, recovered { 1, 2 }))
    local engines, seen = { one, two }, {}
    local now = one:deadline()
    local tickets, queue = { 0, 0 }, {}
    local function perform(id, effects)
      for _, effect in ipairs(effects) do
        if effect.kind == "send" then
          queue[#queue + 1] = effect.message
        elseif effect.kind == "persist" then
          tickets[id] = effect.ticket
        end
      end
    end
    perform(1, assert(one:step { kind = "time", now = now }))
    for _ = 1, 40 do
      for id = 1, 2 do
        if tickets[id] > 0 then
          perform(id, assert(engines[id]:step {
            kind = "persisted", now = now, ticket = tickets[id],
          }))
        end
      end
      local message = table.remove(queue, 1)
      if not message then
        break
      end
      seen[message.kind] = true
      if message.kind == "append" and message.entry_count > 0 then
        message.entries = {}
        for i = 1, message.entry_count do
          message.entries[i] = { kind = "noop", term = message.term }
        end
      end
      perform(message.to, assert(engines[message.to]:step {
        kind = "message", now = now, message = message,
      }))
    end
    assert.same({
      pre_vote = true, pre_vote_result = true, vote = true,
      vote_result = true, append = true, append_result = true,
    }, seen)
    assert.equal("leader", one:status().role)
    assert.equal(2, two:status().last)
    assert.equal(2, one:status().commit)
    assert.equal(2, one:status().members[1].match)
  end)

  it("takes entries, and refuses a batch as nil, message, code", function()
    local engine, now = leader()
    local effects = assert(engine:step {
      kind = "propose", now = now, random = "fedcba9876543210",
      entries = { { kind = "command", size = 100, checksum = 1 } },
    })
    assert.equal("append", effects[1].kind)
    assert.equal(3, effects[1].first)
    assert.equal(3, engine:status().last)
    local result, message, code = single():step {
      kind = "propose", now = 0, entries = { { size = 100 } },
    }
    assert.is_nil(result)
    assert.equal("this member is not the leader", message)
    assert.equal("not_leader", code)
  end)

  it("holds 64 bits: numbers below 2^53, else 16 digits", function()
    local ids = { 2 ^ 53 - 1, "fedcba9876543210" }
    local engine = single()
    local now = engine:deadline()
    assert(engine:step { kind = "time", now = now })
    assert(engine:step { kind = "persisted", now = now, ticket = 1 })
    assert(engine:step { kind = "persisted", now = now, ticket = 2 })
    local effects = assert(engine:step { kind = "read", now = now, ids = ids })
    local back = {}
    for _, effect in ipairs(effects) do
      if effect.kind == "read" then
        back[#back + 1] = effect.id
      end
    end
    assert.same(ids, back)
    assert.truthy(engine:hash():match("^" .. ("%x"):rep(16) .. "$"))
  end)

  it("copies an engine: equal, and independent from then on", function()
    local engine, now = leader()
    local copy = assert(engine:copy())
    assert.equal(engine:hash(), copy:hash())
    assert(copy:step { kind = "persisted", now = now, ticket = 2 })
    assert.not_equal(engine:hash(), copy:hash())
    assert.equal(0, engine:status().commit)
    assert.equal(2, copy:status().commit)
    engine:close()
    assert.equal(2, copy:status().commit)
  end)

  it("answers term_of and broken_invariant", function()
    local engine = leader()
    assert.equal(1, engine:term_of(1))
    assert.equal(2, engine:term_of(2))
    assert.same({ nil, "not there", "not_found" }, { engine:term_of(3) })
    assert.is_nil(engine:broken_invariant())
  end)

  it("leaves the engine as it was when memory runs out", function()
    local engine, now = leader()
    local event = { kind = "propose", now = now, entries = {} }
    for i = 1, 100 do
      event.entries[i] = { size = 100 + i }
    end
    local before, failed = engine:hash(), 0
    for nth = 1, 50 do
      engine:fail_allocation(nth)
      local effects, _, code = engine:step(event)
      engine:fail_allocation(0)
      if effects then
        break
      end
      assert.equal("no_memory", code)
      assert.equal(before, engine:hash())
      failed = failed + 1
    end
    assert.is_true(failed > 0)
    assert.equal(102, engine:status().last)
  end)

  it("names the field, what was expected and what came", function()
    local engine = single()
    local function step(event)
      return function()
        engine:step(event)
      end
    end
    local function message(fields)
      return step { kind = "message", now = 0, message = fields }
    end
    raises("event: expected a table, got nothing", step(nil))
    raises("event.kind: expected one of time message", step { now = 1 })
    raises('got "tim"', step { kind = "tim", now = 1 })
    raises("event.now: expected a whole number from 0 to 9007199254740991,"
      .. " got nothing", step { kind = "time" })
    raises("got -1", step { kind = "time", now = -1 })
    raises("got 0.5", step { kind = "time", now = 0.5 })
    raises("got a table", step { kind = "time", now = {} })
    raises('kind now wall random - got "ticket"',
      step { kind = "time", now = 1, ticket = 1 })
    raises("event.message: expected a table, got nothing",
      step { kind = "message", now = 1 })
    raises("event.message.from: expected", message { kind = "vote", to = 1 })
    raises('got "granted"', message { kind = "vote", granted = true })
    raises("event.message.granted: expected true or false, got 1",
      message { kind = "vote_result", from = 2, to = 1, term = 1,
        granted = 1 })
    raises("event.message.entries: expected entry_count entries, got 0",
      message { kind = "append", from = 2, to = 1, term = 1,
        entry_count = 2 })
    raises("event.entries[2].size: expected a whole number from 0 to "
      .. "4294967295", step { kind = "propose", now = 0,
        entries = { {}, { size = 2 ^ 33 } } })
    raises("event.random: expected a whole number below 2^53 or 16 "
      .. 'hexadecimal digits, got "12"',
      step { kind = "time", now = 1, random = "12" })
  end)

  it("raises where the caller is", function()
    local line = debug.getinfo(1, "l").currentline + 2
    local message = raises("event.kind", function()
      single():step { now = 1 }
    end)
    assert.truthy(message:find("core_spec.lua:" .. line .. ":", 1, true))
  end)

  it("refuses time that goes back", function()
    local engine, now = leader()
    raises("event.now: expected at least " .. ("%d"):format(now) .. ", got 1",
      function()
        engine:step { kind = "time", now = 1 }
      end)
  end)

  it("refuses time that goes back also in a copy", function()
    local engine, now = leader()
    local copy = assert(engine:copy())
    raises("event.now: expected at least " .. ("%d"):format(now) .. ", got 1",
      function()
        copy:step { kind = "time", now = 1 }
      end)
  end)

  it("refuses options and recovered states it cannot take", function()
    raises("options.id: expected", function()
      core.new({}, recovered())
    end)
    raises('got "electoin_us"', function()
      core.new({ id = 1, electoin_us = 1 }, recovered())
    end)
    raises('got "entry_byte"', function()
      core.new({ id = 1, limits = { entry_byte = 1 } }, recovered())
    end)
    raises("options.bug: expected one of none stale_vote", function()
      core.new({ id = 1, bug = "no_such_bug" }, recovered())
    end)
    raises("recovered: expected a table", function()
      core.new({ id = 1 })
    end)
    raises("recovered.runs[2]: expected runs with ascending", function()
      core.new({ id = 1 }, {
        runs = { { first = 1, term = 2 }, { first = 2, term = 2 } },
        last_index = 2,
      })
    end)
    raises("at most 15 members", function()
      local voters = {}
      for i = 1, 16 do
        voters[i] = i
      end
      core.new({ id = 1 }, recovered(voters))
    end)
    assert.same({ nil, "invalid argument", "invalid" },
      { core.new({ id = 0 }, recovered()) })
    for _, limit in ipairs { "inflight_messages", "append_entries",
      "apply_entries" } do
      local code = select(3, core.new({ id = 1, limits = { [limit] = 0 } },
        recovered()))
      assert.equal("invalid", code)
      assert(core.new({ id = 1, limits = { [limit] = 1 } }, recovered()))
    end
  end)

  it("takes a bug only in the build that has them", function()
    local ok = pcall(core.new, { id = 1, bug = "stale_vote" }, recovered())
    assert.equal(#core.bugs > 0, ok)
    assert(core.new({ id = 1, bug = "none" }, recovered()))
  end)

  it("turns a failed assertion into an error and stops there", function()
    local engine = single()
    local message = raises("assert: ", function()
      engine:step { kind = "persisted", now = 1, ticket = 77 }
    end)
    assert.truthy(message:find("%.c:%d+$"))
    raises("the engine is stopped: assert: ", function()
      engine:status()
    end)
    assert.equal("raft.engine (closed)", tostring(engine))
  end)

  it("is closed once and for all", function()
    local engine = single()
    engine:close()
    engine:close()
    raises("expected an open engine, got a closed one", function()
      engine:hash()
    end)
  end)
end)
