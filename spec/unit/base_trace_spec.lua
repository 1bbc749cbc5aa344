-- SPDX-License-Identifier: MIT
local core = require "raft.core"
local json = require "dkjson"
local probe = require "raft.probe"

local kinds = {}
for kind, row in ipairs(probe.trace_table()) do
  kinds[row.name] = kind
end

local function record(name, ...)
  return { kind = kinds[name], time = 1500, member = 2, group = 0, term = 7,
    fields = { ... } }
end

local function reason_of(text)
  for number, other in ipairs(core.reasons) do
    if other == text then
      return number
    end
  end
  error("no reason " .. text)
end

-- A code as rings 0 and 1 put it: the negative number, as 64 bits.
local function code_of(name)
  return ("ffffffff%08x"):format(2 ^ 32 - core.errors[name].number)
end

describe("raft_trace_text", function ()
  it("says each kind of field in words", function ()
    assert.equal('raft.role from=candidate to=leader leader=2 '
      .. 'reason="a majority voted"', probe.trace_text(
      record("raft.role", 3, 4, 2, reason_of "a majority voted")))
    assert.equal("raft.role from=leader to=follower leader=none "
      .. "reason=stopped", probe.trace_text(
      record("raft.role", 4, 1, 0, reason_of "stopped")))
    assert.equal("raft.vote for=3 granted=yes",
      probe.trace_text(record("raft.vote", 3, 1, 0)))
    assert.equal("raft.send kind=append to=3 term=7 a=1 b=2 c=3",
      probe.trace_text(record("raft.send", 5, 3, 7, 1, 2, 3)))
    assert.equal("wal.sync bytes=4096 records=3 took=12.007ms",
      probe.trace_text(record("wal.sync", 4096, 3, 12007)))
    assert.equal("wal.disk code=disk_full offset=9",
      probe.trace_text(record("wal.disk", code_of "disk_full", 9)))
  end)

  it("names roles and messages as ring 0 does", function ()
    -- the words of bindings, which assert that they follow raft.h
    local roles = { "follower", "pre_candidate", "candidate", "leader" }
    for number, role in ipairs(roles) do
      assert.matches("from=" .. role .. " ", probe.trace_text(
        record("raft.role", number, 1, 0, 0)), 1, true)
    end
    local messages = { "pre_vote", "pre_vote_result", "vote", "vote_result",
      "append", "append_result", "timeout_now", "read", "read_result",
      [64] = "result_hash", [0] = "none", [10] = "unknown" }
    for number, message in pairs(messages) do
      assert.matches("kind=" .. message .. " ", probe.trace_text(
        record("raft.send", number, 1)), 1, true)
    end
  end)

  it("is one line for every kind, whatever the fields hold", function ()
    for name in pairs(kinds) do
      for _, value in ipairs { 0, 1, 2 ^ 53 - 1, "ffffffffffffffff" } do
        local line = probe.trace_text(record(name, value, value, value,
          value, value, value))
        assert.equal(name, line:match("^%S+"))
        assert.is_nil(line:find("\n"))
      end
    end
    assert.equal("none", probe.trace_text { kind = 999, fields = {} })
  end)
end)

describe("raft_trace_json", function ()
  it("is one object with the head and the fields", function ()
    assert.equal('{"time":1500,"member":2,"group":0,"term":7,'
      .. '"kind":"raft.role","level":"info","fields":{"from":"candidate",'
      .. '"to":"leader","leader":2,"reason":"a majority voted"}}',
      probe.trace_json(
        record("raft.role", 3, 4, 2, reason_of "a majority voted")))
    assert.same({ ["for"] = 3, granted = false, reason = "voted for another" },
      json.decode(probe.trace_json(record("raft.vote", 3, 0,
        reason_of "voted for another"))).fields)
  end)

  it("is read by a JSON library, for every kind, with the table's fields",
    function ()
      for _, row in ipairs(probe.trace_table()) do
        local object = json.decode(probe.trace_json(record(row.name, 1, 1, 1,
          1, 1, 1)))
        assert.equal(row.name, object.kind)
        local count = 0
        for field in row.fields:gmatch("(%S+):%l") do
          assert.is_not_nil(object.fields[field], row.name .. field)
          count = count + 1
        end
        for _ in pairs(object.fields) do
          count = count - 1
        end
        assert.equal(0, count, row.name)
        assert.is_true(count <= 6)
      end
    end)

  it("makes strings of numbers that JSON readers cannot hold", function ()
    local object = json.decode(probe.trace_json(
      record("raft.commit", "0020000000000000")))
    assert.equal("9007199254740992", object.fields.index)
    object = json.decode(probe.trace_json(record("raft.commit",
      2 ^ 53 - 1)))
    assert.equal(2 ^ 53 - 1, object.fields.index)
  end)
end)

describe("raft_trace_hash", function ()
  it("changes with every part of a record and with the order", function ()
    local base = record("raft.commit", 1, 2, 3, 4, 5, 6)
    local seen = { [probe.trace_hash(base)] = "base" }
    for _, key in ipairs { "kind", "time", "member", "group", "term" } do
      local changed = record("raft.commit", 1, 2, 3, 4, 5, 6)
      changed[key] = changed[key] + 1
      local hash = probe.trace_hash(changed)
      assert.is_nil(seen[hash], key)
      seen[hash] = key
    end
    for i = 1, 6 do
      local changed = record("raft.commit", 1, 2, 3, 4, 5, 6)
      changed.fields[i] = 9
      local hash = probe.trace_hash(changed)
      assert.is_nil(seen[hash], i)
      seen[hash] = i
    end
    assert.is_nil(seen[probe.trace_hash(
      record("raft.commit", 2, 1, 3, 4, 5, 6))], "two fields exchanged")
    local other = record("raft.append", 1, 2)
    assert.is_not.equal(probe.trace_hash(base, other),
      probe.trace_hash(other, base))
    assert.equal(probe.trace_hash(base, other),
      probe.trace_hash(base, other))
  end)
end)

describe("raft_trace under memory that ends", function ()
  it("leaves the buffer as it was, at every allocation", function ()
    local trace = record("raft.role", 3, 4, 2, reason_of "a majority voted")
    local n, failures = 0, 0
    repeat
      n = n + 1
      local text, text_as_before, line, line_as_before
        = probe.trace_fail(trace, n)
      for _, pair in ipairs { { text, text_as_before },
        { line, line_as_before } } do
        if pair[1] ~= "ok" then
          failures = failures + 1
          assert.equal("no_memory", pair[1])
          assert.is_true(pair[2])
        end
      end
    until text == "ok" and line == "ok"
    assert.is_true(failures > 4)
  end)
end)
