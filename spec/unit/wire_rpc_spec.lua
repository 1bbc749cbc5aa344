-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local core = require "raft.core"
local probe = require "raft.probe"

local bytes_of = canonical.bytes

local function pack(value)
  return canonical.encode(value)
end

local function decode(value)
  return probe.rpc_decode(pack(value))
end

local function refused(f, ...)
  local ok, message, code = f(...)
  assert.is_nil(ok)
  return code, message
end

describe("wire_rpc: requests and notifications", function ()
  it("are what any MessagePack-RPC library writes", function ()
    assert.equal(pack { 0, 7, "query", { 1, "x" } },
      probe.rpc_request(7, "query", pack { 1, "x" }))
    assert.equal(pack { 0, 2 ^ 32 - 1, "status", {} },
      probe.rpc_request(2 ^ 32 - 1, "status"))
    assert.equal(pack { 2, "hello", { {} } },
      probe.rpc_notification("hello", pack { {} }))
    assert.equal(pack { 2, "bye", {} }, probe.rpc_notification "bye")
  end)

  it("are read back, params as the bytes that came", function ()
    assert.same({ type = "request", id = 7, method = "query",
      params = pack { 1, "x" } }, decode { 0, 7, "query", { 1, "x" } })
    assert.same({ type = "notification", method = "m", params = "\144" },
      decode { 2, "m", {} })
    -- not canonical, as a foreign library may write it
    assert.equal(bytes_of "dc0001cc05",
      probe.rpc_decode(bytes_of "9400cc01a16d dc0001cc05").params)
  end)

  it("take a method in bin, as old libraries write it", function ()
    assert.equal("m", probe.rpc_decode(bytes_of "940001c4016d90").method)
  end)
end)

describe("wire_rpc: responses", function ()
  it("hold a result or an error", function ()
    assert.equal(pack { 1, 3, core.null, { "x" } },
      probe.rpc_result(3, pack { "x" }))
    assert.equal(pack { 1, 3, core.null, core.null }, probe.rpc_result(3))
    assert.equal(pack { 1, 3, { 3, "this member is not the leader" },
      core.null }, probe.rpc_error(3, "not_leader"))
    assert.equal(pack { 1, 3, { 4, "later" }, core.null },
      probe.rpc_error(3, "overloaded", "later"))
    assert.equal(pack { 1, 3, { 3, "no", { leader = 2 } }, core.null },
      probe.rpc_error(3, "not_leader", "no", pack { leader = 2 }))
  end)

  it("are read back", function ()
    assert.same({ type = "response", id = 3, result = pack { "x" } },
      probe.rpc_decode(probe.rpc_result(3, pack { "x" })))
    local detail = pack { leader = 2 }
    assert.same({ type = "response", id = 3, error = "not_leader",
      message = "no", detail = detail, result = "\192" },
      probe.rpc_decode(probe.rpc_error(3, "not_leader", "no", detail)))
  end)

  it("give every code of the table back", function ()
    for name, row in pairs(core.errors) do
      local read = probe.rpc_decode(probe.rpc_error(1, name))
      assert.equal(name, read.error)
      assert.equal(row.text, read.message)
    end
  end)

  it("make 'unknown' of errors that are not ours", function ()
    for _, foreign in ipairs { "boom", { 999, "boom" }, { 0, "boom" },
      { 2 ^ 40, "boom" } } do
      local read = decode { 1, 3, foreign, core.null }
      assert.equal("unknown", read.error)
      assert.equal("boom", read.message)
    end
    for _, foreign in ipairs { 5, true, {}, { "boom", 1 }, { 3 }, { 3, 3 },
      { 3, "no", 3 }, { 3, "no", { 1 } }, { 3, "no", { a = 1 }, 4 } } do
      local read = decode { 1, 3, foreign, core.null }
      assert.equal("unknown", read.error)
      assert.is_nil(read.message)
      assert.is_nil(read.detail)
    end
  end)
end)

describe("wire_rpc: what is no RPC", function ()
  it("is refused", function ()
    for _, value in ipairs { 1, "x", { a = 1 }, {}, { 0 }, { 0, 1, "m" },
      { 0, 1, "m", {}, {} }, { 3, 1, "m", {} }, { -1, 1, "m", {} },
      { 0, -1, "m", {} }, { 0, 2 ^ 32, "m", {} }, { 0, "1", "m", {} },
      { 0, 1, 5, {} }, { 0, 1, "m", 5 }, { 0, 1, "m", { a = 1 } },
      { 2, "m" }, { 2, "m", {}, {} }, { 2, 5, {} }, { 2, "m", "x" },
      { 1, 1, core.null }, { 1.5, 1, "m", {} }, { true, 1, "m", {} } } do
      assert.equal("malformed", (refused(decode, value)))
    end
    -- heads that claim one value less, or one more, than there is
    for _, hex in ipairs { "930001a16d90", "950001a16d90", "9202a16d90",
      "9402a16d90", "930101c0c0", "950101c0c0" } do
      assert.equal("malformed", (refused(probe.rpc_decode, bytes_of(hex))))
    end
  end)

  it("is refused when cut anywhere, or with bytes behind", function ()
    for _, name in ipairs { "propose", "error", "append", "result" } do
      local bytes = probe.sample_encode(name)
      assert.is_table((probe.rpc_decode(bytes)))
      assert.equal("malformed", (refused(probe.rpc_decode, bytes .. "\0")))
      for size = 0, #bytes - 1 do
        assert.equal("malformed",
          (refused(probe.rpc_decode, bytes:sub(1, size))))
      end
    end
  end)
end)

describe("wire_propose", function ()
  local command = pack { "set", "x", 1 }
  local checksum = probe.checksum(command, 0)

  it("takes a bare command and computes its checksum", function ()
    assert.same({ command = command, session = 0, sequence = 0, first = 0,
      checksum = checksum }, probe.propose_decode("\145" .. command))
  end)

  it("takes one of a session without a checksum, and computes it", function ()
    assert.same({ command = command, session = 7, sequence = 9, first = 8,
      checksum = checksum }, probe.propose_decode("\148" .. command
      .. "\7\9\8"))
    for _, params in ipairs { "\146" .. command .. "\7",
      "\147" .. command .. "\7\9",
      "\150" .. command .. "\7\9\8\1\1" } do
      local _, message = refused(probe.propose_decode, params)
      assert.matches("expected %[command%] or %[command, session, sequence, "
        .. "first%] and a checksum, got %d params", message)
    end
  end)

  it("carries session, sequence and checksum", function ()
    local propose = { session = 2 ^ 53 - 1, sequence = 9, first = 8,
      checksum = checksum }
    local read = probe.propose_decode(probe.propose_encode(command, propose))
    propose.command = command
    assert.same(propose, read)
    assert.equal("\149" .. command .. "\7\9\8\207"
      .. bytes_of(checksum), probe.propose_encode(command,
      { session = 7, sequence = 9, first = 8, checksum = checksum }))
  end)

  it("refuses a command that its checksum does not match", function ()
    local params = probe.propose_encode(command, { session = 1, sequence = 1,
      first = 1, checksum = checksum })
    local changed = params:gsub("set", "sat")
    local code, message = refused(probe.propose_decode, changed)
    assert.equal("malformed", code)
    assert.equal("propose: the checksum is not that of the command", message)
    assert.is_table((probe.propose_decode(params)))
  end)

  it("refuses numbers that make no sense, naming them", function ()
    local function message_of(session, sequence, first)
      local _, message = refused(probe.propose_decode,
        probe.propose_encode(command, { session = session,
          sequence = sequence, first = first, checksum = checksum }))
      return message
    end
    assert.matches("a sequence without a session", message_of(0, 1, 0))
    assert.matches("a sequence without a session", message_of(0, 0, 1))
    assert.matches("got first 0, sequence 1", message_of(1, 1, 0))
    assert.matches("got first 0, sequence 0", message_of(1, 0, 0))
    assert.matches("got first 3, sequence 2", message_of(1, 2, 3))
    assert.matches("session must be a number from 0, below 2^53",
      message_of("0020000000000000", 1, 1), 1, true)
    assert.matches("sequence must be", message_of(1, "0020000000000000", 1))
    assert.matches("first must be", message_of(1, 1, "ffffffffffffffff"))
  end)

  it("refuses a command that is no value", function ()
    for _, hex in ipairs { "c1", "d40100", "81c001" } do
      local code, message = refused(probe.propose_decode,
        "\145" .. bytes_of(hex))
      assert.equal("malformed", code)
      assert.is_true(#message > 10)
    end
    local deep = ("\145"):rep(64) .. "\144"
    assert.matches("deeper than 64",
      (select(2, refused(probe.propose_decode, "\145" .. deep))))
    assert.is_table((probe.propose_decode("\145" .. deep:sub(2))))
  end)

  it("refuses other counts of params, and bytes behind", function ()
    for _, params in ipairs { pack {}, pack { 1, 2 }, pack { 1, 2, 3, 4 },
      pack { 1, 0, 0, 0, 0, 0 }, pack { a = 1 }, pack(5), "",
      "\145" .. command .. "\0" } do
      local code, message = refused(probe.propose_decode, params)
      assert.equal("malformed", code)
      assert.matches("^propose: ", message)
    end
  end)
end)

describe("wire_query", function ()
  it("is linear unless it says otherwise", function ()
    local question = pack { "get", "x" }
    for _, read in ipairs { "linear", "stale", "lease", "follower" } do
      assert.same({ question = question, read = read, max_age_us = 0,
        index = 0 }, probe.query_decode(probe.query_encode(question, read)))
    end
    assert.same({ question = question, read = "linear", max_age_us = 0,
      index = 0 }, probe.query_decode("\145" .. question))
  end)

  it("may bound how stale the answer is", function ()
    local question = pack { "get", "x" }
    local params = probe.query_encode(question, "stale", 5000, 7)
    assert.equal(pack { { "get", "x" }, "stale", 5000, 7 }, params)
    assert.same({ question = question, read = "stale", max_age_us = 5000,
      index = 7 }, probe.query_decode(params))
  end)

  it("refuses a question that is no value", function ()
    for _, hex in ipairs { "81c001", "d40100", "c1",
      ("91"):rep(64) .. "90" } do
      assert.equal("malformed",
        (refused(probe.query_decode, "\145" .. bytes_of(hex))))
    end
  end)

  it("refuses all else, saying what came", function ()
    local _, message = refused(probe.query_decode, pack { 1, "leased" })
    assert.equal('query: expected "linear", "lease", "follower" or "stale", '
      .. 'got "leased"', message)
    for _, params in ipairs { pack {}, pack { 1, "stale", 3 }, pack { 1, 2 },
      pack { 1, "stale", -1, 0 }, pack { 1, "stale", 1, "x" },
      pack { 1, "lease", 1, 1 },
      pack(1), "", "\145\193", pack { 1 } .. "\0",
      pack { 1, ("x"):rep(1000) } } do
      local code
      code, message = refused(probe.query_decode, params)
      assert.equal("malformed", code)
      assert.matches("^query: ", #message < 256 and message or "long")
    end
  end)
end)

describe("wire_leader_detail", function ()
  it("says who leads and where, or nothing", function ()
    assert.equal(pack { leader = 3, address = "a:1" },
      probe.leader_encode(3, "a:1"))
    assert.same({ leader = 3, address = "a:1" },
      probe.leader_decode(probe.leader_encode(3, "a:1")))
    assert.same({ leader = 3 }, probe.leader_decode(probe.leader_encode(3)))
    assert.same({ leader = 0 },
      probe.leader_decode(probe.leader_encode(0, "a:1")))
    assert.same({ leader = 0 }, probe.leader_decode "")
  end)

  it("skips what it does not know", function ()
    assert.same({ leader = 3 }, probe.leader_decode(
      pack { leader = 3, retry_ms = 5, zone = { "a", { b = 1 } } }))
  end)

  it("refuses what is no such map", function ()
    for _, value in ipairs { 5, { 1 }, { leader = "x" }, { leader = -1 },
      { address = 5 }, { [1.0] = 1, x = 1 } } do
      assert.equal("malformed", (refused(probe.leader_decode, pack(value))))
    end
    assert.equal("malformed", (refused(probe.leader_decode, "\129\193")))
    assert.equal("malformed", (refused(probe.leader_decode, "\128\0")))
  end)
end)
