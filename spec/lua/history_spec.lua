-- SPDX-License-Identifier: MIT
--
-- history_spec.lua - recording, reading and writing what clients saw.

local edn = require "raft.edn"
local helper = require "spec.helper"
local history = require "raft.history"

-- A file with this text; removed after fn(path).
local function with_file(text, fn)
  local path = os.tmpname()
  local handle = assert(io.open(path, "wb"))
  handle:write(text)
  handle:close()
  local ok, message = pcall(fn, path)
  os.remove(path)
  assert(ok, message)
end

local function message_of(text)
  local said
  with_file(text, function (path)
    local h, message, code = history.read(path)
    assert.is_nil(h)
    assert.equal("malformed", code)
    said = message:gsub("^" .. path:gsub("%p", "%%%0"), "FILE")
  end)
  return said
end

describe("history: recording", function ()
  it("keeps events in the order of the calls", function ()
    local h = history.new { model = "kv" }
    local put = h:invoke(1, "put", "x", "a", 1000)
    local get = h:invoke("two", "get", "x", nil, 1500)
    h:ok(get, "", 2000)
    h:info(put, 3000, "timed out")
    h:fail(h:invoke(1, "put", "x", "b"))
    assert.same({ 1, 2 }, { put, get })
    local types = {}
    for i, event in ipairs(h:events()) do
      types[i] = event.type .. event.operation
    end
    assert.same({ "invoke1", "invoke2", "ok2", "info1", "invoke3", "fail3" },
      types)
    assert.same({ process = 1, type = "info", f = "put", key = "x",
      time = 3000, operation = 1, reason = "timed out" }, h:events()[4])
  end)

  it("says what was expected, at the caller's line", function ()
    local h = history.new {}
    local one = h:invoke(1, "read")
    local function refuses(fn, text)
      local ok, message = pcall(fn)
      assert.is_false(ok)
      assert.truthy(message:find("history_spec.lua:", 1, true), message)
      assert.truthy(message:find(text, 1, true), message)
    end
    refuses(function ()
      h:invoke(1, "read")
    end, "expected process 1 to be idle, got an operation that has not ended")
    refuses(function ()
      h:invoke(nil, "read")
    end, "expected a process, a number or a string, got nothing")
    refuses(function ()
      h:invoke(2, 7)
    end, "expected what it does, a string, got the number 7")
    refuses(function ()
      h:invoke(2, "read", nil, nil, -1)
    end, "expected a time in microseconds, got the number -1")
    refuses(function ()
      h:ok(9)
    end, "expected the number of an operation, got the number 9")
    refuses(function ()
      h:allow_age(9, 1)
    end, "expected the number of an operation, got the number 9")
    refuses(function ()
      h:allow_age(one, -1)
    end, "expected a time in microseconds, got the number -1")
    refuses(function ()
      h:allow_age(one, 5)
    end, "expected an operation that has a time, got 1 without one")
    h:ok(one, 1)
    refuses(function ()
      h:info(one)
    end, "got 1, which ended with ok")
    refuses(function ()
      history.new { modl = "kv" }
    end, 'unknown option "modl", did you mean "model"?')
    refuses(function ()
      h:check { model = "registr" }
    end, 'unknown model "registr", did you mean "register"?')
    refuses(function ()
      h:check { stats = 1 }
    end, 'unknown option "stats", did you mean "states"?')
  end)
end)

describe("history: files", function ()
  it("are read as they were written", function ()
    helper.check(100, function (random)
      local h = history.new {}
      for i = 1, random:integer(1, 8) do
        local value = random:pick { 1, -2.5, "a\"\\\n\tb", true,
          { 1, 2 }, { 3, { "x" } } }
        local one = h:invoke(i, "write", random:pick { "k", 7 }, value,
          i * 1000)
        if random:integer(1, 2) == 1 then
          h:allow_age(one, random:integer(0, 5000))
        end
        local how = random:integer(1, 4)
        if how == 1 then
          h:ok(one, random:pick { "seen", false, 5 }, i * 1000 + 1)
        elseif how == 2 then
          h:fail(one, i * 1000 + 2, "no")
        elseif how == 3 then
          h:info(one, i * 1000 + 3)
        end
      end
      for _, form in ipairs { "jsonl", "edn" } do
        with_file("", function (path)
          assert.is_true(h:write(path, form))
          local again = assert(history.read(path))
          assert.same(h:events(), again:events())
        end)
      end
    end)
  end)

  it("may be one vector of EDN, with a nemesis in it", function ()
    with_file([=[
; made by hand
[{:process 0, :type :invoke, :f :write, :value 3, :time 5000, :index 0}
 {:process :nemesis, :type :info, :f :kill}
 {:type :ok, :f :write, :value 3, :process 0} #_ #{1 2}
]]=], function (path)
      local h, message = history.read(path)
      assert.is_nil(h)
      assert.truthy(message:find(":4: ", 1, true), message)
    end)
    with_file([=[
[{:process 0, :type :invoke, :f :write, :value 3, :time 5000}
 {:process :nemesis, :type :info, :f :kill}
 {:type :ok, :f :write, :value 3, :process 0}]
]=], function (path)
      local h = assert(history.read(path))
      assert.equal(2, #h:events())
      assert.equal(5, h:events()[1].time) -- Jepsen's are nanoseconds
      assert.equal("register", h.model)
    end)
  end)

  it("with a mistake are refused by file and line", function ()
    local call = '{"process":1,"type":"invoke","f":"read"}\n'
    for _, row in ipairs {
      { "", "FILE:1: expected a history, got an empty file" },
      { call .. call, "FILE:2: expected the end of read, called in line 1,"
        .. " got another call of process 1" },
      { call:gsub("invoke", "ok"), "FILE:1: expected an invoke of process 1"
        .. " before its ok, got none" },
      { call:gsub("invoke", "call"), "FILE:1: expected type, one of invoke,"
        .. ' ok, fail, info, got the string "call"' },
      { call:gsub('"process":1,', '"f":"x",'),
        "FILE:1: expected process, a number or a string, got nothing" },
      { call:gsub('"read"', "7"),
        "FILE:1: expected f, a string, got the number 7" },
      { call:gsub("}", ',"age":-1}'),
        "FILE:1: expected age, a number from 0, got the number -1" },
      { call:gsub("}", ',"age":5}'),
        "FILE:1: expected time beside age, got nothing" },
      { call .. call:gsub("invoke", "ok"):gsub("read", "write"),
        "FILE:2: expected the end of read, got write" },
      { "{:process 1 :type :invoke\n", 'FILE:2: expected a }, got nothing' },
      { "{:process 1 :type}", "FILE:1: expected a value for each key of a map,"
        .. ' got the string ":process"' },
      { "(1 2)", "FILE:1: expected a map, got the number 1" },
      { "INFO  jepsen.util - 1 :invoke\n", "FILE:1: expected INFO  jepsen.util"
        .. " - PROCESS :TYPE :F VALUE, got the string"
        .. ' "INFO  jepsen.util - 1 :invoke"' },
    } do
      assert.equal(row[2], message_of(row[1]))
    end
  end)

  it("that are not there are an expected failure", function ()
    local h, message, code = history.read("/nowhere/at/all")
    assert.same({ false, true, "io" },
      { h ~= nil, message:find("/nowhere/at/all", 1, true) ~= nil, code })
  end)

  it("of hostile EDN are refused, not followed without end", function ()
    assert.truthy(message_of(("["):rep(100000))
      :find("expected at most 64 levels", 1, true))
    assert.truthy(message_of("{:a " .. ("#x "):rep(100) .. "1")
      :find("expected", 1, true))
  end)
end)

describe("edn", function ()
  it("reads what histories hold", function ()
    assert.equal(3, edn.read("3"))
    assert.equal(-2.5, edn.read(" -2.5 ; a comment"))
    assert.equal("ok", edn.read(":ok"))
    assert.is_true(edn.read("true"))
    assert.same({ 1, "a", { x = 2 } }, edn.read('[1, "a" {:x 2, :y nil}]'))
    assert.same({ 1, 2 }, edn.read("#{1 2}"))
    assert.same({ f = "read" }, edn.read("#jepsen.history.Op{:f :read}"))
    local value, message = edn.read("1 2")
    assert.is_nil(value)
    assert.equal('expected one value, got the string "2"', message)
  end)
end)
