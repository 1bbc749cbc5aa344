-- SPDX-License-Identifier: MIT
--
-- The state of a machine, out and in: as a value, or piece by piece.

local probe = require("raft.probe")
local workshop = require("spec.workshop")

local function opened(source)
  return assert(workshop.open(source))
end

-- A machine that keeps a list; 'more' are further methods.
local function list_machine(more)
  return ([[
    local List = {}
    List.__index = List
    function List.new() return setmetatable({ list = {} }, List) end
    function List:apply(command)
      self.list[#self.list + 1] = command
      return #self.list
    end
    function List:query() return self.list end
    %s
    return List]]):format(more)
end

local BY_VALUE = list_machine [[
  function List:snapshot() return self.list end
  function List:restore(image) self.list = image end]]

local BY_PIECES = list_machine [[
  function List:snapshot()
    local at, list = 0, {}
    for i = 1, #self.list do list[i] = self.list[i] end
    return function()
      at = at + 1
      return list[at] and list[at] .. "\n"
    end
  end
  function List:restore(next_piece)
    local text = {}
    for piece in next_piece do text[#text + 1] = piece end
    for line in table.concat(text):gmatch("[^\n]+") do
      self.list[#self.list + 1] = line
    end
  end]]

local function apply(machine, ...)
  for i, command in ipairs { ... } do
    assert(machine:apply { { index = i, command = command } })
  end
end

local function pulled(machine)
  local pieces = {}
  assert(machine:snapshot())
  while true do
    local piece = assert(machine:pull())
    if piece == "" then return pieces end
    pieces[#pieces + 1] = piece
  end
end

local function state(machine)
  return select(2, assert(machine:query("all")))
end

for name, source in pairs { value = BY_VALUE, pieces = BY_PIECES } do
  describe("machine: a snapshot by " .. name, function()
    it("is the state when it was taken, whatever comes after", function()
      local machine, other = opened(source), opened(source)
      apply(machine, "a", "b")
      assert(machine:snapshot())
      apply(machine, "c")
      local pieces = {}
      repeat
        pieces[#pieces + 1] = assert(machine:pull())
      until pieces[#pieces] == ""
      assert(other:restore(pieces))
      assert.same({ "a", "b" }, state(other))
      assert.same({ "a", "b", "c" }, state(machine))
      machine:close()
      other:close()
    end)

    it("replaces what was there, and commands go on", function()
      local machine, other = opened(source), opened(source)
      apply(machine, "a", "b")
      apply(other, "x", "y", "z")
      assert(other:restore(pulled(machine)))
      apply(other, "c")
      assert.same({ "a", "b", "c" }, state(other))
      machine:close()
      other:close()
    end)

    it("of a megabyte comes in pieces of bounded size", function()
      local machine, other = opened(source), opened(source)
      for i = 1, 40 do apply(machine, ("%05d"):format(i):rep(5000)) end
      local pieces = pulled(machine)
      assert.is_true(#pieces >= 4)
      for _, piece in ipairs(pieces) do
        assert.is_true(#piece <= 256 * 1024)
      end
      assert(other:restore(pieces))
      assert.same(state(machine), state(other))
      machine:close()
      other:close()
    end)
  end)
end

describe("machine: a snapshot", function()
  it("of one without the methods is refused, and it goes on", function()
    for _, more in ipairs { "", "function List:snapshot() return 1 end",
      "function List:restore() end" } do
      local machine = opened(list_machine(more))
      local _, message, code = machine:snapshot()
      assert.equal("no_method", code)
      assert.truthy(message:find("'snapshot' and 'restore'", 1, true))
      apply(machine, "a")
      machine:close()
    end
  end)

  it("that raises or cannot be encoded is told, and it goes on", function()
    for more, expected in pairs {
      ["error('not now')"] = "not now",
      ["return { print }"] = "function cannot be encoded",
    } do
      local machine = opened(list_machine(
        "function List:restore() end function List:snapshot() " .. more
        .. " end"))
      local _, message, code = machine:snapshot()
      assert.equal("apply_failed", code)
      assert.truthy(message:find(expected, 1, true), message)
      apply(machine, "a")
      machine:close()
    end
  end)

  it("whose pieces are no strings is told, and it goes on", function()
    local machine = opened(list_machine [[
      function List:restore() end
      function List:snapshot() return function() return 7 end end]])
    assert(machine:snapshot())
    assert(machine:pull()) -- how the rest is meant
    local _, message, code = machine:pull()
    assert.equal("apply_failed", code)
    assert.truthy(message:find("expected a string", 1, true))
    apply(machine, "a")
    assert.equal("", machine:pull()) -- nothing is remembered of it
    machine:close()
  end)

  it("is restored into a new instance, after the old one was closed",
    function()
      local path = os.tmpname()
      local machine = assert(workshop.open(([[
        local Noisy = {}
        Noisy.__index = Noisy
        local function note(word)
          local file = io.open(%q, "a")
          file:write(word, " ")
          file:close()
        end
        function Noisy.new() note("new") return setmetatable({}, Noisy) end
        function Noisy:apply() end
        function Noisy:snapshot() return 1 end
        function Noisy:restore() note("restore") end
        function Noisy:close() note("close") end
        return Noisy]]):format(path), { sandbox = false }))
      assert(machine:restore(pulled(machine)))
      machine:close()
      local file = assert(io.open(path))
      assert.equal("new close new restore close ", file:read("*a"))
      file:close()
      os.remove(path)
    end)

  it("that cannot be restored leaves no machine", function()
    local machine = opened(list_machine [[
      function List:snapshot() return {} end
      function List:restore() error("of another time") end]])
    local _, message, code = machine:restore(pulled(machine))
    assert.equal("machine", code)
    assert.truthy(message:find("of another time", 1, true))
    assert.is_nil((machine:query("all")))
    machine:close()
  end)

  it("of something else is refused", function()
    for _, pieces in ipairs { {}, { "" }, { "x" }, { "v\193" }, { "v" } } do
      local machine = opened(BY_VALUE)
      local _, _, code = machine:restore(pieces)
      assert.equal("machine", code)
      machine:close()
    end
  end)

  it("of the null machine carries its hash", function()
    local one, other = probe.machine_null(), probe.machine_null()
    assert(one:apply { { index = 1, command = "a" } })
    assert(other:restore(pulled(one)))
    assert.equal(one:digest(), other:digest())
    one:close()
    other:close()
  end)
end)
