-- SPDX-License-Identifier: MIT
--
-- raft.recover: what must be said before it is done, and what is left of an
-- attempt that fails. Directories are those of init; the logic is also asked
-- with survivors that are only told of.

local Cluster = require "spec.real.cluster"
local cli = require "raft.cli"
local core = require "raft.core"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local VOTER, LEARNER, OUTGOING = 1, 2, 4

-- What a directory says, for raft.recover to look at.
local function told(member, last_term, last, roles)
  local members = {}
  for id, role in ipairs(roles or { VOTER, VOTER, VOTER }) do
    members[id] = { id, "127.0.0.1:" .. 7000 + id, role }
  end
  return { member = member, cluster = "c1", last_term = last_term,
    last = last, configuration_index = 1, configuration = select(2,
      assert(core.encode { name = "told", lease_us = 0,
        members = members })) }
end

-- Runs fn while core.directory_look gives these, by directory.
local function with_survivors(survivors, fn)
  local real = core.directory_look
  core.directory_look = function (given)
    local copy = {}
    for key, value in pairs(survivors[given.dir]) do
      copy[key] = value
    end
    return copy
  end
  local ok, message = pcall(fn)
  core.directory_look = real
  assert(ok, message)
end

describe("raft.recover: looking", function ()
  it("finds the latest entries: first by term, then by index", function ()
    with_survivors({ a = told(1, 3, 90), b = told(2, 4, 50),
      c = told(3, 4, 51) }, function ()
        local function best(...)
          return select(2, assert(raft.recover { dir = { ... } })).best.dir
        end
        assert.equal("a", best "a")
        assert.equal("b", best("a", "b"))
        assert.equal("b", best("b", "a"))
        assert.equal("c", best("b", "c"))
        assert.equal("c", best("c", "b", "a"))
      end)
  end)

  it("says who is missing, and whether a majority is here", function ()
    local roles = { VOTER, VOTER, VOTER, LEARNER }
    with_survivors({ a = told(1, 1, 1, roles), b = told(2, 1, 1, roles),
      d = told(4, 1, 1, roles) }, function ()
        local _, found = assert(raft.recover { dir = "a" })
        assert.same({ 2, 3 }, found.missing)
        assert.is_false(found.majority)
        _, found = assert(raft.recover { dir = { "a", "b" } })
        assert.is_true(found.majority)
        _, found = assert(raft.recover { dir = { "a", "d" } })
        assert.same({ 2, 3 }, found.missing)
        assert.is_false(found.majority)
      end)
  end)

  it("§4.3 wants a majority of both sets of a joint configuration",
    function ()
      local roles = { OUTGOING, OUTGOING + VOTER, OUTGOING, VOTER, VOTER }
      local dirs = {}
      for id = 1, 5 do
        dirs["d" .. id] = told(id, 1, 1, roles)
      end
      with_survivors(dirs, function ()
        local function majority(...)
          local list = {}
          for i, id in ipairs { ... } do
            list[i] = "d" .. id
          end
          return select(2, assert(raft.recover { dir = list })).majority
        end
        assert.is_false(majority(1, 3))
        assert.is_false(majority(4, 5))
        assert.is_false(majority(1, 3, 4))
        assert.is_true(majority(1, 2, 4))
        assert.is_true(majority(2, 3, 5))
        local _, found = assert(raft.recover { dir = "d2" })
        assert.same({ 1, 3, 4, 5 }, found.missing)
      end)
    end)

  it("refuses directories that do not belong together", function ()
    local other = told(2, 1, 1)
    other.cluster = "c2"
    with_survivors({ a = told(1, 1, 1), b = other, again = told(1, 1, 1) },
      function ()
        assert.same({ nil, "a is of cluster c1, b of cluster c2",
          "wrong_cluster" }, { raft.recover { dir = { "a", "b" } } })
        assert.same({ nil, "a and again are both of member 1", "invalid" },
          { raft.recover { dir = { "a", "again" } } })
      end)
  end)

  it("raises when it is called wrongly", function ()
    for text, given in pairs {
      ["option dir: expected a directory, or a list of them, got nothing"]
        = { dir = {} },
      ["got the number 7"] = { dir = 7 },
      ["option lost: expected ids of members, got the string \"2\""]
        = { dir = "a", lost = { "2" } },
      ["unknown option \"accept\""] = { dir = "a", accept = true },
      ["limits"] = { dir = "a", limits = { nothing = 1 } },
    } do
      local ok, message = pcall(raft.recover, given)
      assert.is_false(ok)
      assert.matches(text, message, 1, true)
    end
  end)
end)

describe("raft.recover: what must be said before", function ()
  local function refused(given)
    local ok, message, code = raft.recover(given)
    assert.is_nil(ok)
    assert.equal("invalid", code)
    return message
  end

  it("is who is lost, all of them and nobody else", function ()
    with_survivors({ a = told(1, 1, 1, { 1, 1, 1, 1, 1 }),
      b = told(2, 1, 1, { 1, 1, 1, 1, 1 }) }, function ()
        local given = { dir = "a", into = "new", accept_loss = true }
        local function of(dir, ...)
          given.dir, given.lost = dir, { ... }
          return refused(given)
        end
        assert.matches("what became of 4, 5?", of("a", 2, 3), 1, true)
        assert.matches("what became of 2, 3, 4, 5?", of "a", 1, true)
        assert.matches("what became of 5?", of({ "a", "b" }, 3, 4), 1, true)
        assert.equal("member 1 is here, in a, and is not lost",
          of("a", 1, 2, 3, 4, 5))
        assert.equal("expected members of configuration 1 as the lost ones, "
          .. "got 6", of("a", 2, 3, 4, 5, 6))
        given.lost, given.accept_loss = { 2, 3, 4, 5 }, nil
        assert.matches("expected accept_loss", refused(given))
      end)
  end)

  it("is not asked where a majority is left", function ()
    with_survivors({ a = told(1, 1, 1, { 1 }) }, function ()
      assert.matches("a majority is here: serve it", refused { dir = "a",
        into = "new", accept_loss = true })
    end)
  end)
end)

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
    assert.matches("A majority is here: serve it", out)
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

  it("does not take a directory that is there", function ()
    local code, out, err = act(dir .. "/2")
    assert.same({ 1, "", "luaraft recover: " .. dir .. "/2 is there already "
      .. "(exists)\n" }, { code, out, err })
    assert.equal("1 2 3 ", names())
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
    local before = sum()
    assert.not_equal(0, (limited ""))
    assert.equal("1 2 3 new.unfinished ", names())
    assert.equal(before, sum())
    local code, _, err = act(dir .. "/new")
    assert.same({ 1, "luaraft recover: " .. dir .. "/new.unfinished is there "
      .. "already: a recovery has not come to its end, remove it (exists)\n"
      }, { code, err })
    assert.same({ nil, dir .. "/new.unfinished/: a recovery has not come to "
      .. "its end there", "not_initialised" }, { raft.node {
        dir = dir .. "/new.unfinished/", machine = "raft.kv" } })
    Cluster.sh("rm -rf " .. dir .. "/new.unfinished")
    assert.equal(0, (act(dir .. "/new")))
  end)

  it("is used wrongly: exit code 2", function ()
    for text, words in pairs {
      ["missing option '--dir'"] = {},
      ["--into needs --lost"] = { "--dir", "d", "--into", "n" },
      ["and --accept-loss"] = { "--dir", "d", "--into", "n", "--lost", "2" },
      ["--lost and --accept-loss are for --into"]
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
