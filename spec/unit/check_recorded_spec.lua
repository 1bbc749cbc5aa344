-- SPDX-License-Identifier: MIT
--
-- check_recorded_spec.lua - histories that others recorded.

local history = require "raft.history"

local FIXTURES = "spec/fixture/histories"

local function expected(folder)
  local rows = {}
  for line in io.lines(folder .. "/EXPECTED") do
    local file, verdict = line:match("^(%S+) (%S+)$")
    rows[#rows + 1] = { file = folder .. "/" .. file, verdict = verdict }
  end
  return rows
end

local function agree(folder, options)
  for _, row in ipairs(expected(folder)) do
    local h = assert(history.read(row.file))
    local result = h:check(options)
    assert.equal(row.verdict, result.verdict, row.file)
    assert.equal(row.verdict == "not" and not options,
      result.counterexample ~= nil, row.file)
  end
  return #expected(folder)
end

describe("recorded histories", function ()
  it("are judged as expected", function ()
    assert.equal(18, agree(FIXTURES))
  end)

  it("are judged as expected with all keys in one search", function ()
    agree(FIXTURES, { partition = false, counterexample = false })
  end)

  it("have a model that is told by their words", function ()
    assert.equal("cas-register",
      history.read(FIXTURES .. "/etcd_002.log").model)
    assert.equal("kv", history.read(FIXTURES .. "/c10-ok.txt").model)
  end)

  local folder = os.getenv "RAFT_HISTORIES"
  if folder then
    it("are judged as expected, all of " .. folder, function ()
      assert.is_true(agree(folder) > 0)
    end)
  end
end)
