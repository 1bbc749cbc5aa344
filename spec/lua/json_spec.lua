-- SPDX-License-Identifier: MIT

local core = require("raft.core")
local helper = require("spec.helper")
local json = require("raft.json")

describe("json", function()
  local function back(text)
    local ok, value = json.decode(text)
    assert.is_true(ok, value)
    return json.encode(value)
  end

  it("writes values with their keys in order", function()
    assert.equal('{"1":"x","a":[1,2.5,-3],"b":{},"c":[],"dd":null}',
      json.encode { dd = core.null, a = { 1, 2.5, -3 }, b = core.map {},
        c = {}, [1] = "x" })
    assert.equal("null", json.encode(nil))
    assert.equal("true", json.encode(true))
  end)

  it("keeps whole numbers of 16 digits", function()
    assert.equal("9007199254740991", back "9007199254740991")
    assert.equal("-9007199254740991", back "-9007199254740991")
    assert.equal("[0.1,1e+300,0]", back "[0.1,1e300,-0]")
    local third = 1 / 3
    assert.equal(third, (select(2, json.decode(json.encode(third)))))
  end)

  it("refuses a whole number that would be rounded", function()
    for _, text in ipairs { "99999999999999999999", "[1,-1234567890123456789"
        .. "012]", '{"a\\"1":{"b":99999999999999999999}}' } do
      local ok, message = json.decode(text)
      assert.is_nil(ok)
      assert.truthy(message:find("is too large to be held exactly", 1, true))
    end
    local digits = '"99999999999999999999"'
    assert.equal(digits, back(digits))
    assert.equal("[" .. digits .. ',1]', back("[" .. digits .. ",1]"))
  end)

  it("says bytes and odd numbers in objects", function()
    assert.equal('{"$bytes":"00ff61"}', json.encode "\0\255a")
    assert.equal("\0\255a", (select(2, json.decode '{"$bytes":"00Ff61"}')))
    assert.equal('[{"$number":"nan"},{"$number":"inf"},{"$number":"-inf"}]',
      json.encode { 0 / 0, 1 / 0, -1 / 0 })
    assert.equal(1 / 0, (select(2, json.decode '{"$number":"inf"}')))
    assert.same({ ["$bytes"] = "xyz" },
      (select(2, json.decode '{"$bytes":"xyz"}')))
    assert.same({ ["$bytes"] = "00", a = 1 },
      (select(2, json.decode '{"$bytes":"00","a":1}')))
  end)

  it("escapes what must be, and keeps UTF-8", function()
    assert.equal('"a\\n\\t\\"\\\\\\u0001ä€"', json.encode 'a\n\t"\\\1ä€')
    assert.equal('a\n\t"\\\1ä€', (select(2, json.decode(
      json.encode 'a\n\t"\\\1ä€'))))
  end)

  it("tells {} from [], and null from nothing", function()
    assert.equal('[{},[],null,{"a":null}]', back '[{},[],null,{"a":null}]')
    local ok, value = json.decode "null"
    assert.is_true(ok)
    assert.is_nil(value)
  end)

  it("says where the mistake is and what stands there", function()
    for text, told in pairs {
      ['{"a":}'] = 'no JSON: no valid JSON value at byte 6: {"a": >>> }',
      ["[1"] = "no JSON: unterminated array at byte 3: [1 >>> the end",
      ["1 x"] = "no JSON: expected one value, got more at byte 3: 1  >>> x",
      [("1,"):rep(30)] = "no JSON: expected one value, got more at byte 2: "
        .. "1 >>> ,1,1,1,1,1,1,1,1,1,1…",
      ["[7,12345678901234567890]"] = "the number 12345678901234567890 is too "
        .. "large to be held exactly at byte 4: [7, >>> 12345678901234567890…",
    } do
      local ok, message = json.decode(text)
      assert.is_nil(ok)
      assert.equal(told, message)
    end
  end)

  it("takes no comma or colon for granted, and none too many", function()
    for text, at in pairs { ["[1 2]"] = 4, ["[1,]"] = 4, ["[,1]"] = 2,
      ["[1,,2]"] = 4, ['{"a" 1}'] = 6, ['["a" "b"]'] = 6, ["[[1][2]]"] = 5,
      ['{"a":1,}'] = 8, ['{"a":[] "b":1}'] = 9, ["[true false]"] = 7 } do
      local ok, message = json.decode(text)
      assert.is_nil(ok, text)
      assert.truthy(message:find("^no JSON: .* at byte " .. at .. ": "),
        message)
    end
    assert.same({ true, { "a,,b 1 2", 'x" "y', { -2e-7, true } } },
      { json.decode '["a,,b 1 2", "x\\" \\"y" , [ -2e-7 , true ] ]' })
  end)

  it("refuses what is no JSON in one line", function()
    for _, text in ipairs { "", "{", "[1", "1 2", "nul", "[1]x", '{"a"}',
      "{1:2}", '[{"set","x"}]' } do
      local ok, message = json.decode(text)
      assert.is_nil(ok, text)
      assert.truthy(message:find("^no JSON: [^\n]+$"), message)
    end
  end)

  it("refuses what is deeper than raft could hold, however deep", function()
    local function deep(count)
      return ("["):rep(count) .. ("]"):rep(count)
    end
    assert.is_true(json.decode(deep(64)))
    assert.is_true(json.decode('[' .. ('[["[\\"[["],{}],'):rep(80)
      .. "1]"))
    for _, count in ipairs { 65, 200000 } do
      local ok, message = json.decode(deep(count))
      assert.is_nil(ok)
      assert.matches("no JSON: expected at most 64 levels, got more at byte 65"
        .. ": …[[[", message, 1, true)
    end
    local _, message = json.decode('/*"*/' .. deep(200000))
    assert.matches("no JSON: expected a value, got a comment at byte 1: ",
      message, 1, true)
  end)

  it("refuses to write what raft could not hold", function()
    local cycle = {}
    cycle[1] = cycle
    assert.has_error(function()
      json.encode(cycle)
    end, "a value deeper than 64 has no JSON")
    assert.has_error(function()
      json.encode { print }
    end, "a function has no JSON")
  end)

  it("brings every random value back to the same bytes", function()
    local function random_value(random, depth)
      local kind = random:integer(1, depth > 3 and 4 or 6)
      if kind == 1 then
        return random:integer(-1000, 1000)
      elseif kind == 2 then
        return random:integer(-1000, 1000) / 7
      elseif kind == 3 then
        return random:bytes(0, 6)
      elseif kind == 4 then
        return ({ true, false, core.null })[random:integer(1, 3)]
      end
      local t = {}
      for i = 1, random:integer(0, 4) do
        local key = kind == 5 and i or "k" .. random:integer(0, 9)
        t[key] = random_value(random, depth + 1)
      end
      return kind == 5 and t or core.map(t)
    end
    helper.check(300, function(random)
      local value = random_value(random, 0)
      local ok, again = json.decode(json.encode(value))
      assert.is_true(ok, again)
      if value == core.null then
        value = nil
      end
      local _, bytes = core.encode(value)
      local _, bytes_again = core.encode(again)
      assert.equal(bytes, bytes_again)
    end)
  end)
end)
