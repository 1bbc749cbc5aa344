-- SPDX-License-Identifier: MIT
--
-- raft.inspect and luaraft wal over the log of the first format, on a real
-- disk: what is listed, dumped, and said of damage.

local cli = require "raft.cli"
local fixture = require "spec.fixture.log"
local json = require "raft.json"
local raft = require "raft"

local SECTOR = 512

local function bytes_of(segment)
  local bytes = segment.digits:gsub("%s", ""):gsub("%x%x", function (digits)
    return string.char(tonumber(digits, 16))
  end)
  return bytes .. ("\0"):rep(segment.size - #bytes)
end

local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "*a"
  file:close()
  return bytes
end

local function with_byte(bytes, offset, byte)
  return bytes:sub(1, offset) .. string.char(byte) .. bytes:sub(offset + 2)
end

describe("raft.inspect", function ()
  local dir

  before_each(function ()
    local pipe = assert(io.popen "mktemp -d ${TMPDIR:-/tmp}/luaraft.XXXXXX")
    dir = pipe:read "*l"
    pipe:close()
    for _, segment in ipairs(fixture) do
      write(dir .. "/" .. segment.name, bytes_of(segment))
    end
  end)

  after_each(function ()
    os.execute("rm -rf " .. dir)
  end)

  local function flip(name, offset)
    local path = dir .. "/" .. name
    local bytes = read(path)
    write(path, with_byte(bytes, offset, (bytes:byte(offset + 1) + 1) % 256))
  end

  local function inspected(given)
    return select(2, assert(raft.inspect(dir, given)))
  end

  -- Exit code, lines of stdout, stderr.
  local function luaraft(...)
    local out, err = {}, {}
    local code = cli.run({ "wal", dir, ... }, raft, {
      out = function (text)
        out[#out + 1] = text
      end,
      err = function (text)
        err[#err + 1] = text
      end,
    })
    return code, table.concat(out), table.concat(err)
  end

  local function indexes(found, given)
    local list = {}
    assert(found:each(given or {}, function (entry)
      list[#list + 1] = entry.index .. "." .. entry.term
        .. (entry.stands and "" or "-")
    end))
    return table.concat(list, " ")
  end

  it("lists segments with the ranges of what was written to them",
    function ()
      local found = inspected()
      assert.same({}, found.problems)
      assert.is_nil(found.holder)
      assert.same({ term = 3, vote = 0, base = 0, last = 5, member = 1,
        cluster = "1122334455667788", incarnation = "99aabbccddeeff01" },
        { term = found.log.term, vote = found.log.vote,
          base = found.log.base, last = found.log.last,
          member = found.log.member, cluster = found.log.cluster,
          incarnation = found.log.incarnation })
      assert.equal(4, found.log.configuration_index)
      assert.equal(2, found.log.peers[1].member)
      local first, second, third = found.segments[1], found.segments[2],
        found.segments[3]
      assert.equal("log-0000000001", first.name)
      assert.same({ 1, 1 }, { first.first, first.first_batch })
      assert.equal(first.last_batch + 1, second.first_batch)
      assert.equal(5, second.last)
      assert.same({ 4096, 0, nil }, { third.size, third.batches,
        third.first })
    end)

  it("tells the entries that stand, and on demand those that were cut",
    function ()
      local found = inspected()
      assert.equal("1.1 2.2 3.3 4.3 5.3", indexes(found))
      assert.equal("1.1 2.2 3.2- 3.3 4.3 5.3", indexes(found, { all = true }))
      assert.equal("3.3 4.3", indexes(found, { from = 3, to = 4 }))
    end)

  it("refuses misuse where it is called", function ()
    assert.error_matches(function ()
      raft.inspect(7)
    end, "raft.inspect: option dir: expected a path")
    assert.same({ nil, "/never/there: not there", "not_found" },
      { raft.inspect "/never/there" })
    os.execute("rm " .. dir .. "/log-*")
    assert.same({ nil, dir .. ": expected a directory made by init, got one"
      .. " without a log", "not_initialised" }, { raft.inspect(dir) })
  end)

  -- Readings of a log that a member writes meanwhile: the first 'bad' ones
  -- see its parts at different times.
  local function readings(bad, holder)
    local real, count = raft.core.survey, 0
    raft.core.survey = function ()
      count = count + 1
      local is_bad = count <= bad
      local said = {}
      function said.names() return { "log-0000000001" } end
      function said.holder() return holder end
      function said.segment()
        return { name = "log-0000000001", message = is_bad and "damaged"
          or nil, code = is_bad and "corrupt" or nil }
      end
      function said.begin() end
      function said.finish() return true end
      function said.contents() return {} end
      return said
    end
    local ok, _, found = pcall(raft.inspect, "any")
    raft.core.survey = real
    assert(ok)
    return count, #found.problems
  end

  it("believes in damage of a log in use when it stays", function ()
    assert.same({ 3, 0 }, { readings(2, 4711) })
    assert.same({ 5, 1 }, { readings(9, 4711) })
    assert.same({ 1, 1 }, { readings(9, nil) })
  end)

  it("names file and offset of damage, and what stands before it",
    function ()
      local second = inspected().segments[1].first_batch
      assert.equal(1, second)
      -- A byte of the second batch: the first one stands.
      local at = SECTOR
      at = at + bytes_of(fixture[1]):byte(at + 5)
        + bytes_of(fixture[1]):byte(at + 6) * 256
      flip("log-0000000001", at + 70)
      local found = inspected()
      assert.equal(1, #found.problems)
      assert.equal("corrupt", found.problems[1].code)
      assert.truthy(found.problems[1].message:find(
        ("log-0000000001: damaged at offset %d: "):format(at), 1, true),
        found.problems[1].message)
      assert.equal(at, found.segments[1]["end"])
      assert.equal("1.1", indexes(found))
      assert.equal(1, found.log.last)
      local code, out, err = luaraft "dump"
      assert.equal(1, code)
      assert.truthy(out:find '^{"bytes":[^\n]+\n$', out)
      assert.truthy(err:find("log-0000000001: damaged at offset", 1, true))
    end)

  it("judges segments behind a damaged one, too", function ()
    flip("log-0000000001", SECTOR + 70)
    flip("log-0000000002", SECTOR + 70)
    local found = inspected()
    assert.equal(2, #found.problems)
    assert.truthy(found.problems[1].message:find "^log%-0000000001: ")
    assert.truthy(found.problems[2].message:find "^log%-0000000002: ")
  end)

  it("tells a payload that is not what its maker summed", function ()
    local desk = require "spec.wal_desk"
    local log, disk = desk.fresh()
    local entry = desk.entry(2, 1, 40)
    log:persist { ticket = 1, term = 1, first = 2, entries = {
      entry:sub(1, -2) .. "!" } }
    disk:drain()
    desk.close(log, disk)
    os.execute("rm " .. dir .. "/log-*")
    for _, name in ipairs(disk:names()) do
      write(dir .. "/" .. name, disk:contents(name))
    end
    local found = inspected()
    assert.equal(1, #found.problems)
    assert.truthy(found.problems[1].message:find("log-0000000001: the payload"
      .. " of entry 2, in the batch at offset ", 1, true),
      found.problems[1].message)
    assert.equal("1.1 2.1", indexes(found))
  end)

  it("tells a missing segment and a short one", function ()
    os.execute("rm " .. dir .. "/log-0000000001")
    assert.truthy(inspected().problems[1].message:find("log-0000000001: "
      .. "expected at offset 0, the file is missing", 1, true))
    write(dir .. "/log-0000000001", bytes_of(fixture[1]))
    os.execute("rm " .. dir .. "/log-0000000002")
    assert.truthy(inspected().problems[1].message:find("log-0000000002: "
      .. "expected at offset 0, the file is missing, and log-0000000003 is",
      1, true))
    write(dir .. "/log-0000000002", bytes_of(fixture[2]):sub(1, 1000))
    assert.truthy(inspected().problems[1].message:find("log-0000000002: "
      .. "expected 4096 bytes, the file ends at offset 1000", 1, true))
  end)

  it("does not take a torn tail for damage, and repairs nothing", function ()
    os.execute("rm " .. dir .. "/log-0000000003")
    local found = inspected()
    local path = dir .. "/log-0000000002"
    local torn = with_byte(read(path), found.segments[2]["end"] + 40, 7)
    write(path, torn)
    write(dir .. "/log-new", "half")
    found = inspected()
    assert.same({}, found.problems)
    assert.equal(41, found.segments[2].torn)
    assert.same({ "log-new" }, found.leftovers)
    local code, out = luaraft "list"
    assert.equal(0, code)
    assert.truthy(out:find("torn: 41 bytes", 1, true), out)
    assert.truthy(out:find("log%-new +unfinished, removed"), out)
    assert.equal(torn, read(path))
    assert.equal("half", read(dir .. "/log-new"))
  end)

  it("refuses a newer format clearly: file, found, expected", function ()
    local probe = require "raft.probe"
    local bytes = with_byte(bytes_of(fixture[1]), 8, 2)
    write(dir .. "/log-0000000001", probe.wal_seal_head(bytes))
    local found = inspected()
    assert.equal("unsupported", found.problems[1].code)
    assert.truthy(found.problems[1].message:find "^log%-0000000001: "
      and found.problems[1].message:find("expected format version 1, got 2",
        1, true),
      found.problems[1].message)
  end)

  it("prints lines, JSON, and exit codes", function ()
    local code, out, err = luaraft()
    assert.same({ 0, "" }, { code, err })
    assert.truthy(out:find("member 1 of cluster 1122334455667788, term 3, vote"
      .. " none, entries 1-5\n", 1, true), out)
    assert.truthy(out:find("log%-0000000001 +1%-"), out)
    assert.truthy(out:find("log%-0000000003 .*made ahead"), out)
    code, out = luaraft "verify"
    assert.equal(0, code)
    assert.truthy(out:find("^3 segments with %d+ batches and 6 entries, 0 "
      .. "snapshots with 0 blocks: all sound\n$"), out)
    code, out = luaraft("list", "--json")
    assert.equal(0, code)
    local ok, value = json.decode(out)
    assert.is_true(ok)
    assert.equal(5, value.log.last)
    assert.equal("log-0000000002", value.segments[2].name)
    code, out = luaraft("dump", "--from", "2", "--to", "2")
    assert.equal(0, code)
    ok, value = json.decode(out)
    assert.is_true(ok)
    assert.same({ 2, 2, 20, "command", 0, 0 }, { value.index, value.term,
      value.time, value.kind, value.session, value.sequence })
    assert.equal(1, (luaraft("verify", "--json")) + 1)
    code, out, err = luaraft("verify", "--from", "2")
    assert.same({ 2, "", "luaraft: wal: --from, --to and --all are for dump\n"
      }, { code, out, err })
    flip("log-0000000002", SECTOR + 70)
    code, out, err = luaraft "verify"
    assert.equal(1, code)
    assert.truthy(out:find "1 damaged\n$", out)
    assert.truthy(err:find("log-0000000002: damaged at offset 512", 1, true)
      , err)
  end)
end)
