-- SPDX-License-Identifier: MIT
local wording = require "raft.wording"

describe("wording.describe", function ()
  it("names values in one line, alike on every Lua", function ()
    assert.equal("nothing", wording.describe(nil))
    assert.equal("the number 7", wording.describe(7))
    assert.equal("the number 7", wording.describe(2 ^ 3 - 1))
    assert.equal("the number 9007199254740992", wording.describe(2 ^ 53))
    assert.equal("the number 1.5", wording.describe(1.5))
    assert.equal("the boolean false", wording.describe(false))
    assert.equal('the string "a b"', wording.describe("a b"))
    assert.equal('the string "a\\10\\34b\\0"', wording.describe('a\n"b\0'))
    assert.equal("a table", wording.describe({}))
    assert.equal("a function", wording.describe(print))
  end)

  it("cuts a long string", function ()
    assert.equal('the string "' .. ("x"):rep(40) .. '…"',
      wording.describe(("x"):rep(41)))
  end)
end)

describe("wording.nearest", function ()
  local names = { "listen", "members", "timeout", "dir" }

  it("finds the name that was meant", function ()
    assert.equal("timeout", wording.nearest("tiemout", names))
    assert.equal("members", wording.nearest("member", names))
    assert.equal("members", wording.nearest("MEMBERS", names))
    assert.equal("dir", wording.nearest("dirs", names))
  end)

  it("guesses nothing far away", function ()
    assert.is_nil(wording.nearest("colour", names))
    assert.is_nil(wording.nearest("", names))
    assert.is_nil(wording.nearest("x", {}))
  end)
end)
