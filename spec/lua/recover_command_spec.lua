-- SPDX-License-Identifier: MIT
--
-- The command luaraft recover, with directories of init: what it prints, what
-- it refuses, and what is left of an attempt that comes to no end.

local Cluster = require "spec.real.cluster"
local cli = require "raft.cli"
local core = require "raft.core"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local UNFINISHED = "recovery-unfinished: a recovery has begun here and has not "
  .. "come to its end: remove this directory, and recover again"

describe("luaraft recover", function ()
  local dir

  before_each(function ()
    dir = Cluster.folder()
    local members = {}
    for id = 1, 3 do
      members[id] = ("127.81.9.9:%d"):format(7900 + id)
    end
    for id = 1, 3 do
      assert(raft.init { id = id, dir = dir .. "/" .. id, name = "lost",
        members = members })
    end
  end)

  after_each(function ()
    Cluster.sh("rm -rf " .. dir)
  end)

  -- Exit code, what it printed, what to stderr.
  local function run(...)
    local out, err = {}, {}
    local code = cli.run({ "recover", ... }, nil, {
      out = function (text) out[#out + 1] = text end,
      err = function (text) err[#err + 1] = text end,
    })
    return code, table.concat(out), table.concat(err)
  end

  local function act(into, ...)
    return run("--dir", dir .. "/1", "--into", into, "--lost", "2,3",
      "--accept-loss", ...)
  end

  local function sum()
    return select(2, Cluster.sh("cd " .. dir .. "/1 && cksum $(ls)"))
  end

  local function names()
    return (select(2, Cluster.sh("ls " .. dir)):gsub("\n", " "))
  end

  it("shows what is left, and how to go on", function ()
    local before = sum()
    local code, out, err = run("--dir", dir .. "/1", "--dir", dir .. "/2")
    assert.same({ 0, "" }, { code, err })
    assert.matches("A majority is here: serve it. What was acknowledged is "
      .. "there, unless one of\nthese directories was made anew since", out, 1,
      true)
    code, out, err = run("--dir", dir .. "/1")
    assert.same({ 0, "" }, { code, err })
    assert.matches(dir .. "/1: member 1 of cluster %x+ %(lost%), entries up "
      .. "to 1, the last one of term 1\n", out)
    assert.matches("\n1    127.81.9.9:7901        voter    here\n", out, 1,
      true)
    assert.matches("\n3    127.81.9.9:7903        voter    missing\n", out,
      1, true)
    assert.matches("What may be lost: writes that were acknowledged", out, 1,
      true)
    local command = out:match "\n  luaraft recover (%-%-dir [^\n]+)\n"
    code, out, err = run("--dir", dir .. "/1", "--json")
    assert.same({ 0, "" }, { code, err })
    assert.matches('"missing":[2,3]', out, 1, true)
    assert.equal(before, sum())
    -- What it says is what is to be typed.
    local words = {}
    for word in command:gmatch "%S+" do
      words[#words + 1] = word
    end
    code = run(unpack(words))
    assert.equal(0, code)
    assert.equal("1 1.new 2 3 ", names())
  end)

  it("makes a directory, and tells what it costs", function ()
    local before = sum()
    local code, out, err = act(dir .. "/new/")
    assert.equal(0, code, err)
    assert.matches('^{"cluster":"%x+","dir":"' .. dir:gsub("%p", "%%%0")
      .. '/new","id":1,"last":2,"term":2}\n$', out)
    assert.matches("Member 1 is the only voter of a NEW cluster", err, 1,
      true)
    assert.matches("LOST is all that was acknowledged and is not in it", err,
      1, true)
    assert.matches("with ids above 3.\n", err, 1, true)
    assert.matches("Never serve " .. dir .. "/1 again", err, 1, true)
    assert.equal(before, sum())
    local _, found = assert(raft.inspect(dir .. "/new"))
    assert.same({}, found.problems)
    assert.equal(1, #found.log.configuration.members)
    assert.equal(out:match '"cluster":"(%x+)"', found.log.cluster)
    assert.equal("1 2 3 new ", names())
  end)

  it("does not take a directory that is there, nor a link's", function ()
    Cluster.sh(("mkdir %s/empty; ln -s nowhere %s/link"):format(dir, dir))
    for _, name in ipairs { "2", "empty", "link", "link/" } do
      local into = dir .. "/" .. name
      assert.same({ 1, "", ("luaraft recover: %s is there already (exists)\n")
        :format((into:gsub("/$", ""))) }, { act(into) })
    end
    assert.equal("1 2 3 empty link ", names())
    assert.equal("", (select(2, Cluster.sh("ls " .. dir .. "/empty"))))
  end)

  it("makes no other directory than that one", function ()
    assert.same({ 1, "", ("luaraft recover: %s/a/new cannot be made: No such "
      .. "file or directory (not_found)\n"):format(dir) },
      { act(dir .. "/a/new") })
    assert.equal("1 2 3 ", names())
  end)

  it("does not make one within those of before", function ()
    Cluster.sh(("ln -s %s/1 %s/link; mkdir %s/11"):format(dir, dir, dir))
    local before = sum()
    for _, into in ipairs { "1/new", "1/../1/new", "link/new" } do
      into = dir .. "/" .. into
      assert.same({ 1, "", ("luaraft recover: expected a place outside of "
        .. "%s/1 for the new directory, got %s (invalid)\n"):format(dir,
          into) }, { act(into) })
    end
    assert.equal(before, sum())
    assert.equal(0, (act(dir .. "/11/new"))) -- only its name begins alike
  end)

  -- Puts something in the way of a function of core, for one call.
  local function before_call(name, fn)
    local real = core[name]
    core[name] = function (...)
      core[name] = real
      fn()
      return real(...)
    end
    finally(function () core[name] = real end)
  end

  local function interrupt()
    io.popen("kill -INT $PPID"):close()
  end

  it("ends by Ctrl-C between two steps, and leaves nothing", function ()
    for name, text in pairs {
      directory_look = dir .. "/1: interrupted",
      ask = "interrupted",
      directory_recover = ("%s/new out of %s/1: interrupted"):format(dir, dir),
    } do
      before_call(name, interrupt)
      assert.same({ 130, "", "luaraft recover: " .. text .. "\n" },
        { act(dir .. "/new") })
      assert.equal("1 2 3 ", names())
    end
    assert(raft.recover { dir = dir .. "/1" }) -- it is over with the command
  end)

  it("tells all when Ctrl-C comes too late", function ()
    local real = core.directory_recover
    core.directory_recover = function (...)
      local made = real(...)
      interrupt()
      return made
    end
    finally(function () core.directory_recover = real end)
    local code, out, err = act(dir .. "/new")
    assert.equal(0, code, err)
    assert.matches("only voter of a NEW cluster", err, 1, true)
    assert.matches('"id":1', out, 1, true)
  end)

  it("prints names as a shell takes them", function ()
    local odd = dir .. "/it's one"
    Cluster.sh(("mv %s/1 \"%s\""):format(dir, odd))
    local _, out = run("--dir", odd, "--dir", odd .. "2")
    assert.equal("", out)
    _, out = run("--dir", odd)
    local command = out:match "\n  luaraft (recover [^\n]+)\n"
    assert.matches((" --into '%s/it'\\''s one.new' "):format(dir), command, 1,
      true)
    assert.equal(0, (Cluster.sh(("%s scripts/luaraft %s"):format(LUA,
      command))))
    assert.equal("2 3 it's one it's one.new ", names())
  end)

  -- A file size limit: an error, or the end of the process.
  local function limited(how)
    return Cluster.sh(("sh -c '%sulimit -f 8; exec %s scripts/luaraft recover "
      .. "--dir %s/1 --into %s/new --lost 2,3 --accept-loss'"):format(how,
        LUA, dir, dir))
  end

  it("leaves nothing when the disk refuses", function ()
    local before = sum()
    local code, out = limited 'trap "" XFSZ; '
    assert.equal(1, code)
    assert.matches(("luaraft recover: %s/new out of %s/1: log%%-%%d+: allocate "
      .. "failed"):format(dir, dir), out)
    assert.equal("1 2 3 ", names())
    assert.equal(before, sum())
  end)

  it("leaves what nobody takes for whole when it is killed", function ()
    local before, new = sum(), dir .. "/new"
    assert.not_equal(0, (limited ""))
    assert.equal("1 2 3 new ", names())
    assert.equal(before, sum())
    assert.matches("recovery-unfinished", select(2, Cluster.sh("ls " .. new)),
      1, true)
    assert.same({ 1, "luaraft recover: " .. new .. " is there already: a "
      .. "recovery has begun there and has not come to its end, wait for it "
      .. "or remove it (exists)\n" }, { (act(new)), (select(3, act(new))) })
    -- Whatever its name.
    Cluster.sh(("mv %s %s/whole"):format(new, dir))
    local at = dir .. "/whole: " .. UNFINISHED
    assert.same({ nil, at, "not_initialised" },
      { raft.node { dir = dir .. "/whole", machine = "raft.kv" } })
    assert.same({ nil, at, "not_initialised" },
      { raft.recover { dir = dir .. "/whole" } })
    for _, words in ipairs { "wal whole", "wal whole verify",
      "snapshot whole", "members --dir whole" } do
      local code, text = Cluster.sh(("%s scripts/luaraft %s"):format(LUA,
        (words:gsub("whole", dir .. "/%0"))))
      assert.same({ 1, ("luaraft %s: %s (not_initialised)\n"):format(
        words:match "%a+", at) }, { code, text })
    end
    Cluster.sh(("rm -rf %s/whole"):format(dir))
    assert.equal(0, (act(new)))
  end)

  it("is used wrongly: exit code 2", function ()
    for text, words in pairs {
      ["missing option '--dir'"] = {},
      ["--into needs --lost"] = { "--dir", "d", "--into", "n" },
      ["and --accept-loss"] = { "--dir", "d", "--into", "n", "--lost", "2" },
      ["--lost, --accept-loss and --accept-second are for --into"]
        = { "--dir", "d", "--lost", "2" },
      ["--lost: expected a member id"]
        = { "--dir", "d", "--into", "n", "--lost", "2,x" },
    } do
      local code, out, err = run(unpack(words))
      assert.same({ 2, "" }, { code, out })
      assert.matches(text, err, 1, true)
    end
    assert.same({ 1, "", "luaraft recover: " .. dir .. "/4: expected a "
      .. "directory made by init, got none (not_initialised)\n" },
      { run("--dir", dir .. "/4") })
  end)
end)
