-- SPDX-License-Identifier: MIT
--
-- What the proposer gets for a value that a machine raised: a text that is
-- the same on every member and every Lua.

local workshop = require "spec.workshop"

-- What one command gets, from a machine that does 'body'.
local function raised(body, options)
  local machine = assert(workshop.open(workshop.around(body), options))
  local results = assert(machine:apply { { index = 1, command = 1 } })
  machine:close()
  assert.equal("apply_failed", results[1].status)
  return results[1].value
end

describe("a machine that raises", function ()
  local CASES = {
    { 'error("plain", 0)', "plain" },
    { 'error({ code = "sold_out", left = 0, of = { 1, 2.5, true } })',
      '{code="sold_out", left=0, of={1, 2.5, true}}' },
    { 'error({ b = 1, a = 2, [3] = "x", [1] = "y" })',
      '{"y", [3]="x", a=2, b=1}' },
    { "error({ print, {}, ['a b'] = 'q\"\\n' })",
      '{function, {}, ["a b"]="q\\034\\010"}' },
    { "error({ [print] = 1 })", "{...}" },
    { "local t = {} t.t = t error(t)", "{t={t={t={t={...}}}}}" },
    { "error(12, 0)", "12" }, { "error(nil)", "nil" },
    { "error(false)", "false" },
    { "error(print)", "function" }, { "error(0.1, 0)", "0.10000000000000001" },
    { "error(setmetatable({}, { __tostring = function () return 'own' end }))",
      "own" },
  }

  for _, sandbox in ipairs { true, false } do
    it("a value, gives its text, sandbox = " .. tostring(sandbox),
      function ()
        for _, case in ipairs(CASES) do
          assert.equal(case[2], raised(case[1], { sandbox = sandbox }),
            case[1])
        end
      end)
  end

  it("a large value, gives its beginning", function ()
    local text = raised "local t = {} for i = 1, 1000 do t[i] = i end error(t)"
    assert.truthy(text:find("^{1, 2, 3, .* 64, %.%.%.}$"), text)
  end)
end)
