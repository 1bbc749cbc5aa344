-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local core = require "raft.core"
local probe = require "raft.probe"

local GROUP = 7
local pack = canonical.encode

local function room()
  return probe.message_room()
end

local function encode(message, entries)
  for i = 1, entries and #entries or 0 do -- ring 0's view, not encoded
    message.entries = message.entries or {}
    message.entries[i] = { term = 1, kind = "command", size = 80 }
    message.entry_count = i
  end
  return probe.message_encode({ kind = "message", now = 0, wall = 0,
    random = 0, message = message }, GROUP, entries or {})
end

local function params_of(bytes)
  local rpc = probe.rpc_decode(bytes)
  assert.equal("notification", rpc.type)
  assert.equal("raft", rpc.method)
  return rpc.params
end

local function decode(bytes)
  return probe.message_decode(params_of(bytes), room())
end

-- A body under a true checksum: what a buggy or evil member could send.
local function decode_body(body, head)
  head = head or { group = GROUP, from = 1, to = 2 }
  local checksum = probe.message_checksum(head, body)
  return probe.message_decode("\149\207" .. canonical.bytes(checksum)
    .. pack(head.group) .. pack(head.from) .. pack(head.to)
    .. "\198" .. string.char(0, 0, math.floor(#body / 256), #body % 256)
    .. body, room())
end

local function refusal(body, head)
  local ok, message, code = decode_body(body, head)
  assert.is_nil(ok)
  return code, message
end

local function entry(index, term, payload, changes)
  local fields = { kind = "command", group = GROUP, term = term,
    index = index, payload_checksum = probe.checksum(payload or "", 0) }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  return probe.entry_encode(fields, payload or "")
end

local CONFIGURATION = probe.configuration_encode { name = "c",
  members = { { id = 1, address = "a:1", roles = 1 },
    { id = 2, address = "b:1", roles = 1 } } }

-- "\198" .. size .. bytes would be longer; the codec writes the shortest.
local function bin(bytes)
  assert(#bytes < 65536)
  if #bytes < 256 then
    return "\196" .. string.char(#bytes) .. bytes
  end
  return "\197" .. string.char(math.floor(#bytes / 256), #bytes % 256)
    .. bytes
end

local function append_body(fields, entries)
  local body = "\152\5"
  for _, name in ipairs { "term", "previous_index", "previous_term",
    "commit", "round", "lease_us" } do
    body = body .. pack(fields[name] or 0)
  end
  body = body .. string.char(0x90 + #entries)
  for _, bytes in ipairs(entries) do
    body = body .. bin(bytes)
  end
  return body
end

describe("wire_message", function ()
  local kinds = {
    { kind = "pre_vote", from = 1, to = 2, term = 6, last_index = 300,
      last_term = 5 },
    { kind = "pre_vote_result", from = 1, to = 2, term = 6, granted = true },
    { kind = "vote", from = 2 ^ 53 - 1, to = 2, term = 2 ^ 53 - 1,
      last_index = 2 ^ 53 - 1, last_term = 2 ^ 53 - 1 },
    { kind = "vote_result", from = 1, to = 2, term = 6, granted = false },
    { kind = "append_result", from = 1, to = 2, term = 6, rejected = true,
      stalled = false, match_index = 1, rejected_index = 2, hint_index = 3,
      hint_term = 4, round = 5, disk_full = false },
    { kind = "append_result", from = 1, to = 2, term = 6, rejected = false,
      stalled = true, match_index = 70000, rejected_index = 0,
      hint_index = 0, hint_term = 0, round = 2 ^ 53 - 1, disk_full = true },
  }

  it("of every kind is read back", function ()
    for _, message in ipairs(kinds) do
      local read = decode(encode(message))
      assert.equal(GROUP, read.group)
      assert.equal(message.from, read.from)
      assert.same(message, read.message)
      assert.same({}, read.entry_bytes)
    end
  end)

  it("carries the very bytes of its entries", function ()
    local entries = { entry(5, 3, "x", { time = 9000 }),
      entry(6, 3, ("y"):rep(300)),
      entry(7, 4, "") }
    local message = { kind = "append", from = 1, to = 2, term = 4,
      previous_index = 4, previous_term = 3, commit = 2, round = 9,
      lease_us = 1000 }
    local read = decode(encode(message, entries))
    assert.same(entries, read.entry_bytes)
    assert.equal(4, read.message.previous_index)
    assert.equal(1000, read.message.lease_us)
    assert.equal(3, read.message.entry_count)
    assert.equal(9000, read.message.entries[1].time)
    assert.equal(probe.checksum("x", 0), read.message.entries[1].checksum)
    assert.equal(380, read.message.entries[2].size)
    assert.equal("command", read.message.entries[1].kind)
    assert.equal(4, read.message.entries[3].term)
  end)

  it("without entries is a heartbeat", function ()
    local read = decode(encode { kind = "append", from = 1, to = 2, term = 4,
      previous_index = 0, previous_term = 0, commit = 0, round = 1,
      lease_us = 0 })
    assert.equal(0, read.message.entry_count)
  end)

  it("reads every configuration among the entries, however many", function ()
    local entries = {}
    for i = 1, 20 do
      entries[i] = entry(i, 1, CONFIGURATION, { kind = "configuration" })
    end
    local read = decode(encode({ kind = "append", from = 1, to = 2, term = 1,
      previous_index = 0, previous_term = 0, commit = 0, round = 1,
      lease_us = 0 }, entries))
    assert.equal(20, #read.message.configurations)
    assert.same({ 1, 2 }, read.message.configurations[20].voters)
  end)

  it("of the replicas carries the hash of results", function ()
    local hash = { group = GROUP, from = 1, to = 2, term = 5, index = 256,
      hash = "fedcba9876543210" }
    assert.same(hash, decode(probe.result_hash_encode(hash)))
    hash.trail = ("12345678"):rep(3)
    assert.same(hash, decode(probe.result_hash_encode(hash)))
  end)

  it("carries a trail of whole hashes, not longer than the log", function ()
    local hash = { group = GROUP, from = 1, to = 2, term = 5, index = 300,
      hash = "fedcba9876543210" }
    for _, size in ipairs { 7, 9, 257 * 8 } do
      hash.trail = ("x"):rep(size)
      local ok, message = decode(probe.result_hash_encode(hash))
      assert.is_nil(ok)
      assert.matches("expected a trail of 1 to 256 hashes", message)
    end
    hash.trail, hash.index = ("x"):rep(16), 1
    assert.is_nil((decode(probe.result_hash_encode(hash))))
  end)
end)

describe("wire_message: checksum", function ()
  it("tells one changed bit anywhere in the params", function ()
    for _, name in ipairs { "vote", "append", "append_result",
      "result_hash" } do
      local params = params_of(probe.sample_encode(name))
      local shared = room()
      assert.is_table((probe.message_decode(params, shared)))
      for at = 1, #params do
        for bit = 0, 7 do
          local byte = params:byte(at)
          local is_set = math.floor(byte / 2 ^ bit) % 2 == 1
          local changed = params:sub(1, at - 1)
            .. string.char(byte + (is_set and -1 or 1) * 2 ^ bit)
            .. params:sub(at + 1)
          local ok, _, code = probe.message_decode(changed, shared)
          assert(ok == nil, name .. " at " .. at)
          assert(code == "corrupt" or code == "malformed", code)
        end
      end
    end
  end)

  it("covers group, sender and receiver", function ()
    local body = "\147\4\6\195"
    local checksum = probe.message_checksum({ group = 7, from = 1, to = 2 },
      body)
    for _, head in ipairs { { 8, 1, 2 }, { 7, 3, 2 }, { 7, 1, 3 },
      { 7, 2, 1 } } do
      local ok, message, code = probe.message_decode("\149\207"
        .. canonical.bytes(checksum) .. string.char(head[1], head[2], head[3])
        .. bin(body), room())
      assert.is_nil(ok)
      assert.equal("corrupt", code)
      assert.equal("message: does not match its checksum", message)
    end
  end)

  if #core.bugs > 0 then
    it("is not looked at by a member with that bug", function ()
      local params = params_of(probe.sample_encode "vote_result")
      local changed = params:sub(1, -2) .. "\194"
      local buggy = probe.message_room(0, "skip_message_checksum")
      assert.is_nil((probe.message_decode(changed, room())))
      assert.is_false(probe.message_decode(changed, buggy).message.granted)
    end)
  end
end)

describe("wire_message: what no honest member sends", function ()
  it("is no envelope", function ()
    for _, value in ipairs { 5, {}, { 1, 7, 1, 2 }, { 1, 7, 0, 2, "x" },
      { 1, 7, 1, 0, "x" }, { 1, 7, 1, 2, "x", 0 }, { 1, 7, 1, 2, 5 },
      { "x", 7, 1, 2, "x" }, { 1, -7, 1, 2, "x" }, { 1, 7, 1.5, 2, "x" } } do
      local ok, message, code = probe.message_decode(pack(value), room())
      assert.is_nil(ok)
      assert.equal("malformed", code)
      assert.matches("expected %[checksum, group, from, to, body%]", message)
    end
    local _, _, code = probe.message_decode(
      params_of(probe.sample_encode "vote") .. "\0", room())
    assert.equal("malformed", code)
  end)

  it("has a body with the wrong fields", function ()
    for what, body in pairs {
      ["the body must be"] = "\147", ["body must be [kind"] = "\5",
      ["of term 0"] = "\147\4\0\195",
      ["term must be a number below 2^53"] = "\147\4\195\195",
      ["granted must be a boolean"] = "\147\4\6\1",
      ["expected 3 fields for kind 4, got 4"] = "\148\4\6\195\195",
      ["expected 3 fields for kind 2, got 3"] = "\147\2\6\195\195",
      ["expected 3 fields for kind 4, got 2"] = "\146\4\6\195",
      ["expected 4 fields for kind 3, got 3"] = "\147\3\6\1\1",
      ["last_index must be a number"] = "\148\3\6\192\1",
      ["last_term is above the term"] = "\148\3\6\9\7",
      ["rejected must be a boolean"] = "\153\6\6\1\195\1\1\1\1\1",
      ["stalled must be a boolean"] = "\153\6\6\195\1\1\1\1\1\1",
      ["disk_full must be a boolean"]
        = "\154\6\6\195\195\1\1\1\1\1\1",
      ["expected 9 fields for kind 6, got 11"]
        = "\155\6\6\195\195\1\1\1\1\1\195\195",
      ["round must be a number below 2^53"]
        = "\153\6\6\195\195\1\1\1\1\207\0\32\0\0\0\0\0\0",
      ["a result hash without index or hash"] = "\148\64\6\0\1",
    } do
      local code, message = refusal(body)
      assert.equal("malformed", code)
      assert.matches(what, message, 1, true)
    end
  end)

  it("is of a kind that is not known here", function ()
    local code, message = refusal "\147\99\6\195"
    assert.equal("unsupported", code)
    assert.matches("of kind 99", message)
    assert.equal("malformed", (refusal "\147\205\1\0\6\195"))
  end)

  it("claims a previous entry that cannot be", function ()
    for _, fields in ipairs {
      { term = 5, previous_index = 0, previous_term = 1 },
      { term = 5, previous_index = 1, previous_term = 0 },
      { term = 5, previous_index = 1, previous_term = 6 },
    } do
      local code, message = refusal(append_body(fields, {}))
      assert.equal("malformed", code)
      assert.matches("cannot have term", message)
    end
  end)

  it("has entries that do not follow", function ()
    local fields = { term = 5, previous_index = 3, previous_term = 2 }
    local function code_of(...)
      return (refusal(append_body(fields, { ... })))
    end
    assert.is_table((decode_body(append_body(fields, { entry(4, 2),
      entry(5, 5) }))))
    assert.equal("malformed", code_of(entry(5, 2)))
    assert.equal("malformed", code_of(entry(3, 2)))
    assert.equal("malformed", code_of(entry(4, 2), entry(4, 2)))
    assert.equal("malformed", code_of(entry(4, 2), entry(6, 2)))
    assert.equal("malformed", code_of(entry(4, 1)))
    assert.equal("malformed", code_of(entry(4, 3), entry(5, 2)))
    assert.equal("malformed", code_of(entry(4, 6)))
    assert.equal("malformed", code_of(entry(4, 2, "x", { group = 8 })))
    local _, message = refusal(append_body(fields, { entry(4, 6) }))
    assert.equal("message: expected an entry with index 4, group 7 and a "
      .. "term from 2 to 5, got index 4, group 7, term 6", message)
  end)

  it("has entries whose bytes are none", function ()
    local fields = { term = 5, previous_index = 3, previous_term = 2 }
    for _, bytes in ipairs { entry(4, 2):sub(1, 79), entry(4, 2, "xy") .. "z",
      entry(4, 2, "xy"):sub(1, -2), ("\0"):rep(80),
      entry(4, 2, "", { flags = 1 }) } do
      local code = refusal(append_body(fields, { bytes }))
      assert.equal("malformed", code)
    end
    -- a count that no bytes stand behind
    local body = append_body(fields, {}):sub(1, -2) .. "\221\255\255\255\255"
    assert.equal("malformed", (refusal(body)))
    body = append_body(fields, {}):sub(1, -2) .. "\146" .. ("\192"):rep(100)
    assert.matches("more entries than bytes", (select(2, refusal(body))))
  end)

  it("has a payload that was damaged before the message was made", function ()
    local fields = { term = 5, previous_index = 3, previous_term = 2 }
    local code, message = refusal(append_body(fields,
      { entry(4, 2, "x", { payload_checksum = 1 }) }))
    assert.equal("corrupt", code)
    assert.equal("message: the payload of entry 4 does not match its "
      .. "checksum", message)
  end)

  it("has an entry of a kind that must be understood", function ()
    local fields = { term = 5, previous_index = 3, previous_term = 2 }
    local code, message = refusal(append_body(fields,
      { entry(4, 2, "", { number = 77 }) }))
    assert.equal("unsupported", code)
    assert.matches("entry 4 is of kind 77", message)
    local read = decode_body(append_body(fields,
      { entry(4, 2, "", { number = 128 }) }))
    assert.equal(1, read.message.entry_count)
  end)

  it("has a configuration that is none", function ()
    local fields = { term = 5, previous_index = 3, previous_term = 2 }
    local code, message = refusal(append_body(fields,
      { entry(4, 2, "\128", { kind = "configuration" }) }))
    assert.equal("malformed", code)
    assert.matches("^configuration: ", message)
  end)
end)

describe("wire_message: room", function ()
  local params = params_of(probe.sample_encode "append")

  it("is not allocated again for messages that fit", function ()
    local shared = room()
    assert.is_table((probe.message_decode(params, shared)))
    local calls = probe.message_room_calls(shared)
    for _ = 1, 100 do
      assert.is_table((probe.message_decode(params, shared)))
    end
    assert.equal(calls, (probe.message_room_calls(shared)))
    assert.equal(0, probe.message_room_free(shared))
  end)

  it("survives every failing allocation and works afterwards", function ()
    local n, failures = 0, 0
    repeat
      n = n + 1
      local shared = probe.message_room(n)
      local ok, _, code = probe.message_decode(params, shared)
      if not ok then
        failures = failures + 1
        assert.equal("no_memory", code)
        assert.is_table((probe.message_decode(params, shared)))
      end
      assert.equal(0, probe.message_room_free(shared))
    until ok
    assert.equal(3, failures) -- entries, views, configurations
  end)

  it("does not grow for a count that lies", function ()
    local shared = room()
    local body = append_body({ term = 5 }, {}):sub(1, -2)
      .. "\220\255\255" .. ("\192"):rep(70000)
    local head = { group = GROUP, from = 1, to = 2 }
    local checksum = probe.message_checksum(head, body)
    assert.is_nil((probe.message_decode("\149\207"
      .. canonical.bytes(checksum) .. "\7\1\2\198\0\1"
      .. string.char(math.floor((#body - 65536) / 256), #body % 256) .. body,
      shared)))
    assert.equal(0, (select(2, probe.message_room_calls(shared))))
  end)
end)
