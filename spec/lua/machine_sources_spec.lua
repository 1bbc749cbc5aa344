-- SPDX-License-Identifier: MIT
--
-- Which files are a machine: found, required, and hashed together.

local probe = require("raft.probe")
local workshop = require("spec.workshop")

describe("machine: its sources", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -p " .. folder .. "/shop/deep")
  end)

  after_each(function()
    os.execute("rm -r " .. folder)
  end)

  local function put(name, source)
    return workshop.write(source, folder .. "/" .. name)
  end

  local function open(name)
    local machine, message, code = probe.machine_open {
      machine = folder .. "/" .. name,
    }
    return machine, message and message:gsub(folder, "DIR"), code
  end

  it("may require files beside it, and only those", function()
    put("shop/prices.lua", "return { tea = 3 }")
    local path = "shop/machine.lua"
    put(path, workshop.around("return require('prices').tea",
      "require 'prices'\n"))
    local machine = assert(open(path))
    assert.equal(3, assert(machine:apply { { command = 1 } })[1].value)
    machine:close()
    put(path, workshop.around("", "require 'dkjson'\n"))
    local _, message = open(path)
    assert.equal("machine: machine.lua:1: require: 'dkjson' is not"
      .. " beside the machine, and a machine loads nothing else; looked for"
      .. " DIR/shop/dkjson.lua, DIR/shop/dkjson/init.lua", message)
    for _, name in ipairs { "../x", "/etc/passwd", "..", "a..b" } do
      put(path, workshop.around("", ("require %q\n"):format(name)))
      _, message = open(path)
      assert.truthy(message:find("expected the name of a module", 1, true))
    end
  end)

  -- What errors say, of a machine that stands in 'place' and a toolkit that
  -- stands in 'toolkit'.
  local function texts(place, toolkit, sandbox)
    os.execute(("mkdir -p %s/%s"):format(folder, place))
    put(place .. "/prices.lua", "return function() error 'sold out' end")
    put(place .. "/m.lua", workshop.around([[
      local said = {}
      for i, fn in ipairs {
        function() error "raised" end,
        function() local t = nil; t.x = 1 end,
        require "prices",
        function() table.sort({ 3, {}, 1 }) end,
        function() require "raft.ordered".keys(7) end,
        function() require "raft.kv".new():apply(nil, nil) end,
        function() return ("x"):rep(-1, {}) end,
        function() return ("%d"):format("x") end,
      } do
        said[i] = tostring(select(2, pcall(fn)))
      end
      return said]], "require 'prices'\nrequire 'raft.ordered'\n"
        .. "require 'raft.kv'\n"))
    local old = package.path
    package.path = toolkit .. "/?.lua;" .. toolkit .. "/?/init.lua;" .. old
    local machine, message = probe.machine_open {
      machine = folder .. "/" .. place .. "/m.lua", sandbox = sandbox,
    }
    package.path = old
    assert.truthy(machine, message)
    local said = assert(machine:apply { { command = 1 } })[1].value
    machine:close()
    return said
  end

  for _, sandbox in ipairs { true, false } do
    it("are named alike wherever they stand, in every error's text; sandbox = "
      .. tostring(sandbox), function()
        local copy = folder .. "/" .. ("an_other_place/"):rep(4)
        os.execute(("mkdir -p %s; cp -r lua/raft %s"):format(copy, copy))
        local said = texts("near", "lua", sandbox)
        assert.equal(8, #said)
        assert.equal("m.lua:10: raised", said[1])
        assert.equal("prices.lua:1: sold out", said[3])
        for i, text in ipairs(said) do
          assert.equal("string", type(text), i)
          assert.is_nil(text:find "/[^:]*/", text)
        end
        assert.same(said, texts("far/" .. ("away/"):rep(15), copy, sandbox))
      end)
  end

  it("may require by the name of its package", function()
    put("shop/prices.lua", "return { tea = 4 }")
    put("shop/machine.lua", workshop.around(
      "return require('shop.prices').tea", "require 'shop.prices'\n"))
    local old = package.path
    package.path = folder .. "/?.lua;" .. old
    local machine, message = probe.machine_open { machine = "shop.machine" }
    package.path = old
    assert.truthy(machine, message)
    assert.equal(4, assert(machine:apply { { command = 1 } })[1].value)
    machine:close()
  end)

  it("loads nothing after it was opened", function()
    put("shop/late.lua", "return 1")
    put("shop/machine.lua", workshop.around "return require 'late'")
    local machine = assert(open "shop/machine.lua")
    local result = assert(machine:apply { { command = 1 } })[1]
    assert.equal("apply_failed", result.status)
    assert.truthy(result.value:find("require it at the top of the file", 1,
      true))
    machine:close()
  end)

  it("refuses files that require each other, and mistakes in them",
    function()
      put("shop/a.lua", "return require 'b'")
      put("shop/b.lua", "return require 'a'")
      put("shop/machine.lua", workshop.around("", "require 'a'\n"))
      local _, message = open "shop/machine.lua"
      assert.truthy(message:find("require: 'a' requires itself", 1, true))
      put("shop/a.lua", "return 1 +")
      _, message = open "shop/machine.lua"
      assert.truthy(message:find("^machine: DIR/shop/a.lua:1: "))
    end)

  it("are hashed: what is in them and what they require, not where they are",
    function()
      local source = workshop.around("return 1", "require 'part'\n")
      local function hash(machine_source, part, place)
        put(place .. "part.lua", part)
        put(place .. "machine.lua", machine_source)
        local machine = assert(open(place .. "machine.lua"))
        local value = machine:status().hash
        machine:close()
        return value
      end
      local one = hash(source, "return 1", "shop/")
      assert.equal(one, hash(source, "return 1", "shop/deep/"))
      assert.not_equal(one, hash(source .. " ", "return 1", "shop/"))
      assert.not_equal(one, hash(source, "return 2", "shop/"))
    end)

  it("may begin with a line for the shell", function()
    put("shop/machine.lua", "#!/usr/bin/env lua\n" .. workshop.around(
      "return 1"))
    assert(open "shop/machine.lua"):close()
  end)
end)
