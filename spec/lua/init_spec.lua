-- SPDX-License-Identifier: MIT
local raft = require "raft"

describe('require "raft"', function ()
  it("makes no global", function () -- first: later it would be late
    local before = {}
    for name in pairs(_G) do
      before[name] = true
    end
    for name in pairs(package.loaded) do
      if name == "raft" or name:find("^raft%.") then
        package.loaded[name] = nil
      end
    end
    assert(require("raft").ordered)
    require "raft.options"
    for name in pairs(_G) do
      assert.is_true(before[name] ~= nil, name)
    end
  end)

  it("names its version", function ()
    assert.matches("^%d+%.%d+%.%d+$", raft.version)
    assert.equal("luaraft " .. raft.version, raft._VERSION)
  end)

  it("has the marks of the codec", function ()
    assert.equal(raft.core.null, raft.null)
    assert.is_not_nil(raft.null)
    assert.same({}, raft.map {})
  end)

  it("has every code of a failure, with number and text", function ()
    assert.equal(3, raft.errors.not_leader.number)
    assert.matches("not the leader", raft.errors.not_leader.text)
    assert.is_nil(raft.errors.not_a_code)
  end)

  it("loads a part when it is first used, and nothing else", function ()
    package.loaded["raft.ordered"] = nil
    package.loaded["raft"] = nil
    local fresh = require "raft"
    assert.is_nil(package.loaded["raft.ordered"])
    assert.equal(fresh.ordered, package.loaded["raft.ordered"])
    assert.is_nil(fresh.no_such_part)
  end)

  it("lists each limit with its unit and reason", function ()
    for _, row in ipairs(raft.core.limits) do
      assert.is_true(row.value >= 1)
      assert.is_true(#row.name > 0 and #row.unit > 0 and #row.reason > 0)
    end
    assert.equal("entry_bytes", raft.core.limits[1].name)
    assert.equal(1024 * 1024, raft.core.limits[1].value)
  end)
end)
