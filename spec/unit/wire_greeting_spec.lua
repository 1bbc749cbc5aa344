-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local probe = require "raft.probe"

local pack = canonical.encode

local MEMBER = { role = "member", protocol = 1, features = 0,
  cluster = "fedcba9876543210", group = 3, member = 2,
  incarnation = "ffffffffffffffff", machine_hash = 77, vm = "Lua 5.4",
  bulk = true }
local CLIENT = { role = "client", protocol = 1, features = 0, cluster = 0,
  group = 0, member = 0, incarnation = 0, machine_hash = 0, vm = "",
  bulk = false }

-- The least that each role must say.
local LEAST_MEMBER = { role = "member", protocol = 1, cluster = 5,
  member = 1, incarnation = 9 }
local LEAST_CLIENT = { role = "client", protocol = 1 }

local function with(base, key, value)
  local copy = {}
  for k, v in pairs(base) do
    copy[k] = v
  end
  copy[key] = value
  return copy
end

local function decode(map)
  return probe.greeting_decode(pack { map })
end

local function refusal(map)
  local ok, message, code = decode(map)
  assert.is_nil(ok)
  assert.equal("malformed", code)
  return message
end

describe("wire_greeting", function ()
  it("of a member and of a client is read back", function ()
    for _, greeting in ipairs { MEMBER, CLIENT } do
      local rpc = probe.rpc_decode(probe.greeting_encode(greeting))
      assert.equal("notification", rpc.type)
      assert.equal("hello", rpc.method)
      assert.same(greeting, probe.greeting_decode(rpc.params))
      assert.is_true(probe.value_check(rpc.params))
    end
  end)

  it("needs little of a foreign client", function ()
    assert.same(CLIENT, decode(LEAST_CLIENT))
    assert.equal(7, decode(with(LEAST_CLIENT, "cluster", 7)).cluster)
    assert.equal("member", decode(LEAST_MEMBER).role)
  end)

  it("may say the lowest protocol, which is not above the highest",
    function ()
      assert.equal("member", decode(with(LEAST_MEMBER, "oldest", 1)).role)
      assert.equal("hello: oldest is above protocol",
        refusal(with(LEAST_MEMBER, "oldest", 2)))
      assert.equal("hello: oldest is not a number from 1",
        refusal(with(LEAST_MEMBER, "oldest", 0)))
    end)

  it("skips keys of the future, and keeps their protocol", function ()
    local map = with(LEAST_CLIENT, "colour", { "red", { deep = { 1 } } })
    map[5] = "five"
    map.protocol = 2
    assert.equal(2, decode(map).protocol)
  end)

  it("may ask for errors as text", function ()
    assert.is_true(decode(with(LEAST_CLIENT, "errors", "text")).text_errors)
    assert.is_nil(decode(LEAST_CLIENT).text_errors)
    for _, value in ipairs { "map", true, 1 } do
      assert.equal('hello: errors is not "text"',
        refusal(with(LEAST_CLIENT, "errors", value)))
    end
  end)

  it("must name role and protocol", function ()
    assert.equal("hello: no role", refusal { protocol = 1 })
    assert.equal("hello: no protocol, or protocol 0",
      refusal { role = "client" })
    assert.matches("protocol 0", refusal { role = "client", protocol = 0 })
    assert.matches('role is not "member" or "client"',
      refusal(with(LEAST_CLIENT, "role", "leader")))
    assert.matches("role is not", refusal(with(LEAST_CLIENT, "role", 1)))
  end)

  it("of a member names its id, cluster and incarnation", function ()
    for _, key in ipairs { "member", "cluster", "incarnation" } do
      assert.matches("a member must name", refusal(with(LEAST_MEMBER, key)))
      assert.matches("a member must name",
        refusal(with(LEAST_MEMBER, key, 0)))
    end
  end)

  it("of a client claims no id", function ()
    assert.matches("a client has no member id",
      refusal(with(LEAST_CLIENT, "member", 1)))
    assert.matches("a client has no member id",
      refusal(with(LEAST_CLIENT, "incarnation", 1)))
  end)

  it("is refused for a value of another type or size", function ()
    for _, key in ipairs { "cluster", "features", "group", "incarnation",
      "machine_hash", "member", "protocol" } do
      for _, value in ipairs { -1, 1.5, "1", true, {} } do
        assert.matches("^hello: " .. key .. " is not a number",
          refusal(with(LEAST_MEMBER, key, value)))
      end
    end
    local function with_raw(key, hex) -- a number that Lua 5.1 cannot write
      local params = pack { with(LEAST_MEMBER, key, "@@@@") }
      return params:gsub("\164@@@@", canonical.bytes(hex))
    end
    local large = { probe.greeting_decode(
      with_raw("member", "cf0020000000000000")) }
    assert.matches("member is not a number", large[2])
    large = { probe.greeting_decode(
      with_raw("protocol", "cf0000000100000000")) }
    assert.matches("protocol is not a number", large[2])
    assert.matches("bulk is not a boolean",
      refusal(with(LEAST_MEMBER, "bulk", 1)))
    for _, vm in ipairs { 5, "x\ny", ("x"):rep(16), "\127", "\195\164" } do
      assert.matches("vm is not a short printable string",
        refusal(with(LEAST_MEMBER, "vm", vm)))
    end
    assert.equal(("x"):rep(15),
      decode(with(LEAST_MEMBER, "vm", ("x"):rep(15))).vm)
  end)

  it("is one map and nothing else", function ()
    for _, params in ipairs { pack {}, pack { 1 }, pack(5),
      pack { LEAST_CLIENT, 1 }, "", "\193",
      pack { LEAST_CLIENT } .. "\0" } do
      local ok, _, code = probe.greeting_decode(params)
      assert.is_nil(ok)
      assert.equal("malformed", code)
    end
  end)

  it("is bounded before msgpack-c reads it", function ()
    assert.matches("too large for a greeting",
      refusal(with(LEAST_CLIENT, "x", ("x"):rep(5000))))
    local many = {}
    for i = 1, 300 do
      many[i] = 0
    end
    assert.matches("too large for a greeting",
      refusal(with(LEAST_CLIENT, "x", many)))
    local deep = {}
    for _ = 1, 10 do
      deep = { deep }
    end
    assert.matches("too large for a greeting",
      refusal(with(LEAST_CLIENT, "x", deep)))
    -- what makes msgpack-c reserve 64 GiB and more when it is asked alone
    local bomb = ("\221\127\255\255\255"):rep(30)
    local ok, _, code = probe.greeting_decode("\145\129\161x" .. bomb)
    assert.is_nil(ok)
    assert.equal("malformed", code)
  end)
end)
