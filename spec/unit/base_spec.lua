-- SPDX-License-Identifier: MIT
local core = require "raft.core"
local probe = require "raft.probe"

describe("raft_checksum", function ()
  it("is XXH3-64, as others compute it", function ()
    assert.equal("2d06800538d394c2", probe.checksum("", 0))
  end)

  it("depends on the salt", function ()
    assert.is_not.equal(probe.checksum("x", 1), probe.checksum("x", 2))
  end)
end)

describe("raft_error", function ()
  it("knows every name of its table, and nothing else", function ()
    local count = 0
    for name, row in pairs(core.errors) do
      assert.equal(-row.number, probe.error_of_name(name))
      count = count + 1
    end
    assert.is_true(count > 30)
    assert.equal(0, probe.error_of_name("not_leade"))
    assert.equal(0, probe.error_of_name("not_leaderx"))
    assert.equal(0, probe.error_of_name(""))
  end)

  it("gives a number to one error only", function ()
    local seen = {}
    for name, row in pairs(core.errors) do
      assert.is_nil(seen[row.number], name)
      seen[row.number] = name
    end
  end)
end)

describe("raft_error_name", function ()
  it("has a name and a text for any number", function ()
    for name, row in pairs(core.errors) do
      local said, text = probe.error_name(-row.number)
      assert.equal(name, said)
      assert.equal(row.text, text)
    end
    assert.equal("ok", (probe.error_name(0)))
    assert.equal("unknown_code", (probe.error_name(-9999)))
    assert.equal("unknown_code", (probe.error_name(3)))
  end)
end)

describe("raft_fail", function ()
  it("explains, cuts what is too long, and gives the code back", function ()
    local text, code = probe.error_detail("segment 7")
    assert.equal("<segment 7>", text)
    assert.equal(probe.error_of_name("corrupt"), code)
    assert.equal("<" .. ("x"):rep(254), (probe.error_detail(("x"):rep(999))))
  end)
end)

describe("raft_limits", function ()
  it("sets one limit by its name, and no other", function ()
    for _, row in ipairs(core.limits) do
      local limits = probe.limits_set(row.name, 3)
      for _, other in ipairs(core.limits) do
        local expected = other.name == row.name and 3 or other.value
        assert.equal(expected, limits[other.name])
      end
    end
  end)

  it("refuses a name that is not in the table", function ()
    local limits, code = probe.limits_set("entry_byte", 3)
    assert.is_nil(limits)
    assert.equal("not_found", code)
  end)
end)

describe("raft_store_u64", function ()
  it("is little-endian at any address", function ()
    local bytes, again = probe.u64_bytes("0123456789abcdef")
    assert.equal("\239\205\171\137\103\69\35\1", bytes)
    assert.equal("0123456789abcdef", again)
  end)
end)
