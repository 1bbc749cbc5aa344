-- SPDX-License-Identifier: MIT
--
-- The command luaraft, with something in place of raft: what it asks for, what
-- it prints, and its exit codes.

local cli = require("raft.cli")
local core = require("raft.core")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

describe("luaraft", function()
  local asked, answers, closed

  -- Runs one command line; the parts of 'raft' note how they were called.
  local function run(...)
    local out, err = {}, {}
    asked, closed = {}, 0
    local function answer(name)
      return function(...)
        asked[#asked + 1] = { name, ... }
        local given = answers[name] or { true }
        if type(given) == "function" then
          return given(...)
        end
        return given[1], given[2], given[3]
      end
    end
    local function method(name)
      return function(_, ...)
        return answer(name)(...)
      end
    end
    local raft = {
      _VERSION = "luaraft 9", init = answer "init",
      node = function(options)
        asked[#asked + 1] = { "node", options }
        if answers.node then
          return nil, answers.node[2], answers.node[3]
        end
        return { run = method "run", address = function()
          return "h:1"
        end }
      end,
      join = answer "join",
      admin = function()
        return { members = method "members", set = method "set" }
      end,
      client = function(addresses)
        asked[#asked + 1] = { "client", addresses }
        return {
          propose = method "propose", query = method "query",
          status = method "status",
          close = function()
            closed = closed + 1
          end,
        }
      end,
    }
    local code = cli.run({ ... }, raft, {
      out = function(text)
        out[#out + 1] = text
      end,
      err = function(text)
        err[#err + 1] = text
      end,
    })
    return code, table.concat(out), table.concat(err)
  end

  before_each(function()
    answers = {}
  end)

  it("uses exit code 2 and one line for every wrong use", function()
    local init = { "init", "--id", "1", "--dir", "d", "--members" }
    local cases = {
      { {}, "a command is required" },
      { { "propse" }, "unknown command 'propse' Did you mean 'propose'?" },
      { { "init" }, "missing option" },
      { { "init", "--id", "0" }, "--id: expected a member id" },
      { { "init", "--id", "1", "--dir", "", "--members", "1=a:1" },
        "--dir: expected a directory, got none" },
      { { "init", "--id", "1", "--id", "2", "--dir", "d", "--members",
          "1=a:1" }, "option '--id' must be used" },
      { { "query", "--to", "a:1", "--timeout", "0s", "1" },
        "--timeout: expected a duration above 0, got 0s" },
      { { "init", "--id", "x" }, '--id: expected a member id, a whole number'
        .. ' from 1, got the string "x"' },
      { { "init", "--id", "-1" }, 'from 1, got the string "-1"' },
      { { "init", "--id", "1", "--di", "d" }, "Did you mean" },
      { { "init", "--id", "1", "--dir", "d" }, "missing option '--members'" },
      { { init[1], init[2], init[3], init[4], init[5], init[6], "1=a" },
        '--members: member 1: expected an address "host:port"' },
      { { init[1], init[2], init[3], init[4], init[5], init[6], "" },
        "--members: expected members such as" },
      { { init[1], init[2], init[3], init[4], init[5], init[6], "1=a:1",
          "--name", ("n"):rep(64) },
        "--name: expected at most 63 bytes, got 64" },
      { { "serve", "--dir", "d" }, "missing argument 'machine'" },
      { { "serve", "kv" }, "missing option '--dir'" },
      { { "serve", "kv", "--dir", "" },
        "--dir: expected a directory, got none" },
      { { "serve", "kv", "--dir", "d", "--listen", "here" },
        '--listen: expected an address "host:port"' },
      { { "serve", "kv", "--dir", "d", "--memory", "64MB" },
        '--memory: expected a size such as "512KiB"' },
      { { "serve", "kv", "--dir", "d", "--log", "xml" },
        "--log: expected one of text, json, got xml" },
      { { "propose", "1" }, "missing option '--to'" },
      { { "propose", "--to", "a:1" }, "missing argument 'json'" },
      { { "propose", "--to", "a:1", "{" }, "json: no JSON: " },
      { { "propose", "--to", "a:1", "1", "2" }, "too many arguments" },
      { { "propose", "--to", "a:1,", "1" }, "--to: expected an address" },
      { { "propose", "--to", "a:1", "--timeout", "5", "1" },
        '--timeout: expected a duration such as "150ms"' },
      { { "query", "--to", "a:1", "--read", "dirty", "1" },
        "--read: expected one of linear, lease, follower, stale, got dirty" },
      { { "query", "--to", "a:1", "[1" }, "json: no JSON: " },
      { { "status" }, "missing option '--to'" },
      { { "status", "--to", "a" }, "--to: expected an address" },
    }
    for _, case in ipairs(cases) do
      local line = table.concat(case[1], " ")
      local code, out, err = run(unpack(case[1]))
      assert.equal(2, code, line)
      assert.equal("", out, line)
      assert.truthy(err:find("^luaraft: [^\n]+\n$"), line .. ": " .. err)
      assert.truthy(err:find(case[2], 1, true), line .. ": " .. err)
      assert.same({}, asked, line)
    end
  end)

  it("answers 1 with a line when stdout cannot be written", function()
    local err = {}
    assert.equal(1, cli.run({ "--version" }, { _VERSION = "9" }, {
      out = function()
        return nil, "No space left on device"
      end,
      err = function(text)
        err[#err + 1] = text
      end,
    }))
    assert.same({ "luaraft: stdout cannot be written: No space left on device"
      .. "\n" }, err)
  end)

  it("shows help and version on stdout, code 0", function()
    local code, out, err = run "--help"
    assert.same({ 0, "" }, { code, err })
    for _, word in ipairs { "init", "serve", "propose", "query", "status" } do
      assert.truthy(out:find("\n   " .. word .. " ", 1, true))
      code, out = run(word, "--help"), out
      assert.equal(0, code)
    end
    assert.same({ 0, "luaraft 9\n", "" }, { run "--version" })
  end)

  it("init passes on what was given", function()
    assert.same({ 0, '{"dir":"d","id":2}\n', "" }, { run("init", "--id", "2",
      "--dir", "d", "--members", "1=a:1,2=b:2", "--name", "shop") })
    assert.same({ { "init", {
      id = 2, dir = "d", name = "shop", members = { "a:1", "b:2" },
    } } }, asked)
  end)

  it("init says why it was refused, code 1", function()
    answers.init = { nil, "the directory d is not empty", "not_empty" }
    local code, out, err = run("init", "--id", "1", "--dir", "d",
      "--members", "1=a:1")
    assert.same({ 1, "",
      "luaraft init: the directory d is not empty (not_empty)\n" },
      { code, out, err })
  end)

  it("serve makes a node and runs it", function()
    assert.same({ 0, "", "luaraft serve: listening at h:1\n" },
      { run("serve", "raft.kv", "--dir", "d", "--listen", "h:1",
        "--insecure", "--memory", "1MiB") })
    assert.is_function(asked[1][2].on_log)
    asked[1][2].on_log = nil
    assert.same({ "node", {
      dir = "d", machine = "raft.kv", listen = "h:1", insecure = true,
      memory = 1048576, sandbox = true,
    } }, asked[1])
    assert.equal("run", asked[2][1])
    answers.node = { nil, "machine: kv.lua:3: boom", "machine" }
    assert.same({ 1, "", "luaraft serve: machine: kv.lua:3: boom (machine)\n" },
      { run("serve", "kv.lua", "--dir", "d", "--no-sandbox") })
    assert.is_false(asked[1][2].sandbox)
  end)

  it("serve says where it listens in JSON, too, when told", function()
    assert.same({ 0, "", '{"address":"h:1","kind":"serve.listening"}\n' },
      { run("serve", "raft.kv", "--dir", "d", "--log", "json") })
  end)

  it("serve says why it ended, code 1, and 4 when a check of ours failed",
    function()
      answers.run = { nil, "the disk failed", "io" }
      assert.same({ 1, "", "luaraft serve: listening at h:1\n"
        .. "luaraft serve: the disk failed (io)\n" },
        { run("serve", "raft.kv", "--dir", "d") })
      answers.run = { nil, "assert: x > 0", "panic" }
      assert.equal(4, (run("serve", "raft.kv", "--dir", "d")))
    end)

  it("serve logs lines of text, or of JSON when told", function()
    local record = { wall = 0, level = "info", member = 1, term = 2,
      text = "raft.role", json = '{"kind":"raft.role"}' }
    for form, line in pairs {
      text = "1970-01-01T00:00:00.000000Z info  member 1 term 2  raft.role\n",
      json = '{"wall":"1970-01-01T00:00:00.000000Z","kind":"raft.role"}\n',
    } do
      local err = {}
      cli.run({ "serve", "raft.kv", "--dir", "d", "--log", form }, {
        node = function(options)
          options.on_log(record)
          return nil, "no", "io"
        end,
      }, {
        out = function() end,
        err = function(text)
          err[#err + 1] = text
        end,
      })
      assert.equal(line, err[1])
    end
  end)

  it("propose and query print the result as JSON", function()
    answers.propose = { true, { 1, core.null, "x" } }
    assert.same({ 0, '[1,null,"x"]\n', "" }, { run("propose", "--to",
      "a:1,b:2", "--timeout", "2s", '["set","x",{"n":1}]') })
    assert.same({
      { "client", { "a:1", "b:2" } },
      { "propose", { "set", "x", { n = 1 } }, { deadline = "2s" } },
    }, asked)
    assert.equal(1, closed)
    assert.same({ 0, "null\n", "" }, { run("query", "--to", "a:1",
      "--read", "stale", "null") })
    assert.same({ "query", nil, { read = "stale" } }, asked[2])
  end)

  it("a negative number is a command, wherever it stands", function()
    answers.propose = { true, 1 }
    for _, words in ipairs {
      { "propose", "-5", "--to", "a:1" },
      { "propose", "--to", "a:1", "-5" },
      { "propose", "--to", "a:1", "--", "-5" },
      { "propose", "--to", "a:1", "-5", "--timeout", "5s" },
    } do
      assert.same({ 0, "1\n", "" }, { run(unpack(words)) })
      assert.equal(-5, asked[2][2])
    end
    answers.query = { true, 2 }
    assert.same({ 0, "2\n", "" }, { run("query", "--to", "a:1", "-0.5") })
    assert.equal(-0.5, asked[2][2])
    assert.same({ 2, "", "luaraft: too many arguments\n" },
      { run("propose", "--to", "a:1", "-5", "-6") })
  end)

  it("what begins like a negative number is no option, wherever it stands",
  function()
    answers.propose = { true, 1 }
    assert.equal(0, (run("propose", "-.5", "--to", "a:1")))
    assert.equal(-0.5, asked[2][2])
    local number = "expected a whole number from 1, got "
    for _, row in ipairs {
      { { "query", "1", "--to", "a:1", "--index", "-5" },
        "--index: " .. number .. "-5" },
      { { "wal", "-5", "--from", "0" }, "--from: " .. number .. "0" },
      { { "members", "--dir", "-5", "--drift", "-5" },
        "--drift: " .. number .. "-5" },
      { { "wal", "here", "-5" },
        "VERB: expected one of list, verify, dump, got -5" },
      { { "sim", "x.lua", "--nodes", "20" },
        "--nodes: expected a whole number from 1 to 15, got 20" },
      { { "-5" }, "unknown command '-5'" },
    } do
      assert.same({ 2, "", "luaraft: " .. row[2] .. "\n" },
        { run(unpack(row[1])) })
    end
    assert.same({ 2, "", "luaraft chaos: -5: No such file or directory\n" },
      { run("chaos", "-5") })
  end)

  describe("join --admin", function()
    local words = { "join", "--id", "7", "--dir", "d", "--to", "a:1",
      "--admin", "e", "--listen", "g:7" }
    local index

    before_each(function()
      index = 0
      answers.members = function()
        index = index + 1
        return true, { index = index, members = {
          { id = 1, voter = true }, { id = 2, learner = true } } }
      end
    end)

    it("waits while other changes are under way, and asks anew", function()
      local refusals = { "busy", "conflict", "busy" }
      answers.set = function(given)
        local code = refusals[index]
        if code then
          return nil, "not now", code
        end
        assert.is_string(given.timeout)
        given.timeout = nil
        assert.same({ voters = { 1, { 7, "g:7" } }, learners = { 2 },
          expected = 4 }, given)
        return true, { index = 5 }
      end
      assert.same({ 0, '{"index":5}\n', "" }, { run(unpack(words)) })
      answers.set = { nil, "no", "invalid" }
      assert.same({ 1, "", "luaraft join: no (invalid)\n" },
        { run(unpack(words)) })
    end)

    it("waits no longer than it may", function()
      answers.set = { nil, "not now", "busy" }
      local told = { run("join", "--timeout", "120ms", unpack(words, 2)) }
      assert.same({ 1, "", "luaraft join: not now (busy)\n" }, told)
      assert.is_true(index <= 4, index) -- a look each 50 ms
    end)
  end)

  it("answers 1 for a refusal and 3 for an unknown outcome", function()
    answers.propose = { nil, "this member is not the leader", "not_leader" }
    assert.same({ 1, "",
      "luaraft propose: this member is not the leader (not_leader)\n" },
      { run("propose", "--to", "a:1", "1") })
    for _, code in ipairs { "unknown", "timeout", "cancelled" } do
      answers.propose = { nil, "who knows", code }
      assert.same({ 3, "", "luaraft propose: who knows (" .. code .. ")\n" },
        { run("propose", "--to", "a:1", "1") })
      answers.query = { nil, "no answer", code }
      assert.same({ 1, "", "luaraft query: no answer (" .. code .. ")\n" },
        { run("query", "--to", "a:1", "1") })
    end
    assert.equal(1, closed)
  end)

  it("status prints a line per member, and what did not answer", function()
    answers.status = { true, {
      id = 1, role = "leader", term = 3, leader = 1, commit = 7,
      applied = 7, last = 8,
    } }
    local code, out = run("status", "--to", "a:1,b:2")
    assert.equal(0, code)
    assert.truthy(out:find("^address +id +role +term +leader +commit"))
    assert.truthy(out:find("\na:1 +1 +leader +3 +1 +7 +7 +8\nb:2 "))
    code, out = run("status", "--to", "a:1", "--json", "--timeout", "3s")
    assert.same({ "status", "a:1", { deadline = "3s" } }, asked[2])
    assert.equal(0, code)
    assert.equal('{"address":"a:1","applied":7,"commit":7,"id":1,"last":8,'
      .. '"leader":1,"role":"leader","term":3}\n', out)
    answers.status = { nil, "no answer", "unreachable" }
    assert.same({ 1, "luaraft status: a:1: no answer (unreachable)\n" },
      { code == 0 and (run("status", "--to", "a:1", "--json")),
        (select(3, run("status", "--to", "a:1", "--json"))) })
  end)

  it("ends by Ctrl-C with one line, and 130", function()
    local function stop()
      error "interrupted!" -- as lua raises it, wherever it is then
    end
    answers.query, answers.propose = stop, stop
    assert.same({ 130, "", "luaraft query: interrupted\n" },
      { run("query", "--to", "a:1", "1") })
    assert.same({ 130, "", "luaraft propose: interrupted, whether it was done"
      .. " is unknown\n" }, { run("propose", "--to", "a:1", "1") })
  end)

  it("answers 4 with a trace for an error of its own", function()
    answers.propose = { true, print }
    local code, out, err = run("propose", "--to", "a:1", "1")
    assert.same({ 4, "" }, { code, out })
    assert.truthy(err:find("luaraft: internal error: a function has no JSON",
      1, true))
    assert.equal(1, closed)
  end)
end)
