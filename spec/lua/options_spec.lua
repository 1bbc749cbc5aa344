-- SPDX-License-Identifier: MIT
local options = require "raft.options"

local SCHEMA = {
  dir = { "string", required = true },
  timeout = { "duration", default = "5s" },
  cache = { "size" },
  limit = { "whole", min = 1, max = 1000 },
  read = { "one_of", words = { "linear", "stale" } },
  insecure = { "boolean", default = false },
  members = { "members" },
  listen = { "address" },
  to = { "addresses" },
  id = { "id" },
  done = { "function" },
  file = { "path" },
}

-- The function of a library, and a line of its user: where errors point to.
local function open(given)
  local result = options.check("raft.open", given, SCHEMA)
  return result -- a tail call would hide this function from error()
end

local function refusal(given)
  local ok, message = pcall(function ()
    open(given) -- the user's line
  end)
  assert.is_false(ok)
  return message
end

describe("options.check", function ()
  it("gives values, defaults and units as numbers", function ()
    local done = function () end
    assert.same({
      dir = "data/1", timeout = 150000, cache = 64 * 1024 * 1024, limit = 7,
      read = "stale", insecure = true, listen = "127.0.0.1:7101", id = 3,
      to = { "a:1", "b:2" }, done = done,
      members = { { id = 1, address = "a:1" }, { id = 2, address = "b:1" } },
    }, open {
      dir = "data/1", timeout = "150ms", cache = "64MiB", limit = 7,
      read = "stale", insecure = true, listen = "127.0.0.1:7101", id = 3,
      to = "a:1,b:2", done = done, members = "2=b:1, 1=a:1",
    })
    assert.same({ dir = "d", timeout = 5000000, insecure = false },
      open { dir = "d" })
  end)

  it("leaves the given table alone", function ()
    local given = { dir = "d" }
    open(given)
    assert.same({ dir = "d" }, given)
  end)

  it("blames the line of the caller", function ()
    local line = debug.getinfo(refusal, "S").linedefined + 2
    assert.matches("options_spec.lua:" .. line .. ": raft%.open: ",
      refusal { dir = 1 })
  end)

  for _, case in ipairs {
    { {}, "option dir: expected a string, got nothing" },
    { { dir = "d", file = "x\0y" }, "option file: expected a path" },
    { { dir = "d", file = "" }, "option file: expected a path" },
    { { dir = 5 }, "option dir: expected a string, got the number 5" },
    { { dir = "d", tiemout = "1s" },
      'unknown option "tiemout", did you mean "timeout"?' },
    { { dir = "d", Dir = "d" }, 'unknown option "Dir", did you mean "dir"?' },
    { { dir = "d", colour = 1 }, 'unknown option "colour", expected one of '
      .. "cache, dir, done, file, id, insecure, limit, listen, members, read, "
      .. "timeout, to" },
    { { dir = "d", [1] = "x" },
      "expected options by name, got the number 1 as a name" },
    { { dir = "d", timeout = 5 }, 'option timeout: expected a duration such '
      .. 'as "150ms", "5s" or "2min", got the number 5' },
    { { dir = "d", cache = "64MB" }, 'option cache: expected a size such as '
      .. '"512KiB" or "64MiB", got the string "64MB"' },
    { { dir = "d", limit = 0 }, "option limit: expected a whole number from "
      .. "1 to 1000, got the number 0" },
    { { dir = "d", limit = 1.5 }, "option limit: expected a whole number "
      .. "from 1 to 1000, got the number 1.5" },
    { { dir = "d", limit = 1001 }, "got the number 1001" },
    { { dir = "d", read = "lease" }, "option read: expected one of linear, "
      .. 'stale, got the string "lease"' },
    { { dir = "d", insecure = "yes" }, "option insecure: expected true or "
      .. 'false, got the string "yes"' },
    { { dir = "d", id = 0 }, "option id: expected a member id, a whole "
      .. "number from 1, got the number 0" },
    { { dir = "d", done = {} }, "option done: expected a function, got a "
      .. "table" },
    { { dir = "d", listen = "localhost" }, "option listen: expected an "
      .. 'address "host:port", got the string "localhost"' },
    { { dir = "d", members = "1=a:1,1=b:1" },
      "option members: member 1 is named twice" },
    { 7, "raft.open: expected a table of options, got the number 7" },
  } do
    it("says: " .. case[2]:sub(1, 52), function ()
      local message = refusal(case[1])
      assert.is_truthy(message:find(case[2], 1, true), message)
      assert.is_nil(message:find("\n"))
    end)
  end

  it("takes no options for an empty table", function ()
    assert.same({ n = 1 }, (function ()
      return options.check("f", nil, { n = { "whole", default = 1 } })
    end)())
  end)

  it("keeps a false that a default would replace", function ()
    assert.same({ on = false },
      options.check("f", { on = false }, { on = { "boolean",
        default = true } }))
  end)
end)
