-- SPDX-License-Identifier: MIT
--
-- storyteller.lua - one story in the simulator.

local assert = require("luassert")
local raft = require("raft")

local storyteller = {}

--- Runs one story; its result holds, or the spec fails with what it says.
function storyteller.tell(run, more)
  local given = { run = run, nodes = 3 }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  local result = raft.scenario(given):run { seed = given.seed or 1 }
  assert.is_nil(result.not_applicable)
  assert.is_nil(result.violation and result.violation.name .. ": "
    .. result.violation.text)
  assert.is_true(result.ok)
  return result
end

return storyteller
