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
