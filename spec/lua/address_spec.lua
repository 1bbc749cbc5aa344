-- SPDX-License-Identifier: MIT
local address = require "raft.address"

describe("address.parse", function ()
  it("takes names, IPv4 and bracketed IPv6", function ()
    assert.same({ host = "a-b.example", port = 1 },
      address.parse("a-b.example:1"))
    assert.same({ host = "127.0.0.1", port = 65535 },
      address.parse("127.0.0.1:65535"))
    assert.same({ host = "::1", port = 7101 }, address.parse("[::1]:7101"))
  end)

  for _, text in ipairs {
    "", ":1", "host", "host:", "host:x", "host:-1", "ho st:1", "::1:7101",
    "[::1]", "a:1 ", ("x"):rep(130) .. ":1",
  } do
    it("refuses '" .. text:sub(1, 20) .. "'", function ()
      local value, message = address.parse(text)
      assert.is_nil(value)
      assert.matches('expected an address "host:port", got the string "',
        message, 1, true)
    end)
  end

  it("refuses a port that no one can listen on", function ()
    for _, port in ipairs { "0", "65536", "007101", "99999999999999999999" } do
      local value, message = address.parse("h:" .. port)
      assert.is_nil(value)
      assert.matches("with a port from 1 to 65535", message, 1, true)
    end
  end)

  it("refuses what is no string", function ()
    assert.is_nil((address.parse(7101)))
    assert.is_nil((address.parse(nil)))
  end)
end)

describe("address.id", function ()
  it("is a whole number from 1, also as digits", function ()
    assert.equal(1, address.id(1))
    assert.equal(12, address.id("12"))
    for _, bad in ipairs { 0, -1, 1.5, 2 ^ 53, 1 / 0, "0", "-1", "1.0", "x",
      "", "0x1", {}, true } do
      local id, message = address.id(bad)
      assert.is_nil(id)
      assert.matches("expected a member id, a whole number from 1, got ",
        message, 1, true)
    end
    assert.is_nil((address.id(0 / 0)))
  end)
end)

describe("address.members", function ()
  local both = {
    { id = 1, address = "a:1" }, { id = 10, address = "b:2" },
  }

  it("reads text and tables, sorted by id", function ()
    assert.same(both, address.members("10=b:2,1=a:1"))
    assert.same(both, address.members(" 1 = a:1 , 10 = b:2 "))
    assert.same(both, address.members { [10] = "b:2", [1] = "a:1" })
  end)

  for _, case in ipairs {
    { "", 'expected members such as "1=host:port,2=host:port", got the '
      .. 'string ""' },
    { "1=a:1,", 'got the string ""' },
    { "a:1", 'got the string "a:1"' },
    { "0=a:1", 'a whole number from 1, got the string "0"' },
    { "x=a:1", 'a whole number from 1, got the string "x"' },
    { "2=a", 'member 2: expected an address "host:port", got the string "a"' },
    { "1=a:1,1=b:1", "member 1 is named twice" },
    { "1=a:1,2=a:1", "members 1 and 2 have the same address a:1" },
    { "1=a:1,2=a:01", "members 1 and 2 have the same address a:01" },
    { {}, "got none" },
    { { a = "a:1" }, 'got the string "a"' },
    { { 7 }, "member 1: expected an address" },
    { 7, "got the number 7" },
  } do
    it("says: " .. case[2], function ()
      local list, message = address.members(case[1])
      assert.is_nil(list)
      assert.is_truthy(message:find(case[2], 1, true), message)
      assert.is_nil(message:find("\n"))
    end)
  end

  it("holds 15 and refuses 16", function ()
    local map = {}
    for id = 1, 15 do
      map[id] = "h:" .. id
    end
    assert.equal(15, #address.members(map))
    map[16] = "h:16"
    local list, message = address.members(map)
    assert.is_nil(list)
    assert.equal("expected at most 15 members, got 16", message)
  end)
end)

describe("address.list", function ()
  it("reads text and lists", function ()
    assert.same({ "a:1", "b:2" }, address.list("a:1, b:2"))
    assert.same({ "a:1" }, address.list { "a:1" })
  end)

  it("refuses none, and one that is not an address", function ()
    assert.is_nil((address.list("")))
    assert.is_nil((address.list {}))
    assert.is_nil((address.list("a:1,b")))
    assert.is_nil((address.list { "a:1", 7 }))
    for _, key in ipairs { 0, -1, 1.5 } do
      local none, why = address.list { "b:1", [key] = "a:1" }
      assert.is_nil(none)
      assert.matches("expected addresses numbered from 1, got the number ",
        why, 1, true)
    end
    assert.equal("expected at most 64 addresses, got 65",
      (select(2, address.list(("a:1,"):rep(64) .. "b:1"))))
    assert.is_nil((address.list { "b:1", [7] = "a:1" }))
    local list, message = address.list { "a:1", nil, "b:1" }
    assert.is_nil(list)
    assert.equal("expected addresses without holes, got 2 up to number 3",
      message)
    assert.is_nil((address.list(7)))
  end)
end)
