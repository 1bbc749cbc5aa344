-- SPDX-License-Identifier: MIT
--
-- What real members refuse from Lua: each with its words, and nothing changed.
-- The same of the command: members_spec.lua, snapshot_spec.lua, reads_spec.lua.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local WAIT = 60 -- seconds; no wait here is longer

describe("raft.admin, raft.join and raft.client, refused #once", function ()
  local folder, host, nodes, client

  local function dir(id)
    return ("%s/%d"):format(folder, id)
  end

  local function at(id)
    return ("%s:%d"):format(host, 7100 + id)
  end

  local function start(id, machine)
    nodes[id] = assert(raft.node { dir = dir(id), listen = at(id),
      machine = machine or "raft.kv" })
  end

  local function begin(count, machine)
    local addresses = {}
    for id = 1, count do
      addresses[id] = at(id)
    end
    for id = 1, count do
      assert(raft.init { id = id, dir = dir(id), members = addresses })
      start(id, machine)
    end
    client = assert(raft.client { at(1), at(2), at(3), deadline = "30s" })
    assert(client:propose { "set", "x", 1 })
  end

  before_each(function ()
    folder, host, nodes = Cluster.folder(), Cluster.host(), {}
  end)

  after_each(function ()
    client:close()
    for _, node in pairs(nodes) do
      node:close()
    end
    Cluster.sh("rm -rf " .. folder)
  end)

  -- Calls fn until it gives something, and turns the client's loop between.
  local function wait(what, fn)
    local ends = Cluster.now() + WAIT
    repeat
      local result = fn()
      if result then
        return result
      end
      client:step "5ms"
    until Cluster.now() > ends
    error(("waited %d s for %s"):format(WAIT, what), 0)
  end

  local function leader_of(ids)
    return wait("a leader", function ()
      for _, id in ipairs(ids) do
        local ok, now = nodes[id]:status()
        if ok and now.role == "leader" then
          return id
        end
      end
    end)
  end

  -- What nothing of this may change.
  local function state(id)
    local ok, now = raft.admin(dir(id)):members()
    assert(ok, now)
    local shown = { index = now.index, used = now.used, leader = now.leader,
                    changing = now.changing }
    for i, member in ipairs(now.members) do
      shown[i] = { member.id, member.voter, member.learner }
    end
    return shown
  end

  -- A call came to nil, this message and code, and a member is as before.
  local function refused(id, before, given, message, code)
    assert.same({ nil, message, code }, { given[1], given[2], given[3] })
    assert.same(before, state(id))
  end

  -- A new leader's own change has to end before.
  local function set(id, members)
    wait("the change", function ()
      local ok, message, code = raft.admin(dir(id)):set(members)
      assert(ok or code == "busy", message)
      return ok
    end)
  end

  it("an id that was used before, whoever leads, and a learner as heir",
  function ()
    begin(3)
    assert(raft.join { id = 4, dir = dir(4), to = { at(1), at(2) } })
    start(4)
    local leader = leader_of { 1, 2, 3 }
    set(leader, { voters = { 1, 2, 3 }, learners = { { 4, at(4) } } })
    refused(leader, state(leader), { raft.admin(dir(leader)):transfer(4) },
      "expected another voter, got 4, which is a learner", "invalid")
    set(leader, { voters = { 1, 2, 3 } })
    wait("number 4 to end", function ()
      return not nodes[4]:step()
    end)
    local function is_refused_for_ever()
      local heir = leader_of { 1, 2, 3 }
      local before = state(heir)
      assert.equal(4, before.used)
      for _, kind in ipairs { "voters", "learners" } do
        local given = { voters = { 1, 2, 3 } }
        given[kind] = given[kind] or {}
        given[kind][#given[kind] + 1] = { 4, at(4) }
        refused(heir, before, { raft.admin(dir(heir)):set(given) },
          "ids are never used again: expected one above 4 for a new member,"
            .. " got 4", "invalid")
      end
      refused(heir, before, { raft.join { id = 4, dir = folder .. "/again",
        to = { at(1), at(2) } } }, "ids are never used again: expected one"
        .. " above 4, got 4", "invalid")
      assert.equal(1, (Cluster.sh("test -e " .. folder .. "/again")))
    end
    is_refused_for_ever()
    for id = 1, 3 do
      nodes[id]:close()
    end
    for id = 1, 3 do
      start(id)
    end
    assert(client:propose { "set", "x", 2 })
    is_refused_for_ever()
  end)

  it("a dead member as heir: the leader leads on, and takes commands",
  function ()
    begin(3)
    local leader = leader_of { 1, 2, 3 }
    local heir = leader % 3 + 1
    wait("all to know who leads", function ()
      local now = state(leader)
      return not now.changing and now.leader == leader
    end)
    local term = select(2, nodes[leader]:status()).term
    nodes[heir]:close()
    local admin, before = raft.admin(dir(leader)), state(leader)
    -- It is asked at first: a leader gives everybody an election timeout.
    local late = ("member %d has not taken over within an election timeout;"
      .. " this one leads on"):format(heir)
    wait("the heir to be missed", function ()
      local ok, message, code = admin:transfer(heir)
      assert.is_nil(ok)
      assert(client:propose { "set", "x", 2 })
      if code == "timeout" then
        assert.equal(late, message)
      else
        assert.same({ ("member %d does not answer"):format(heir),
          "unreachable" }, { message, code })
        return true
      end
    end)
    refused(leader, before, { admin:transfer(heir) },
      ("member %d does not answer"):format(heir), "unreachable")
    local after = select(2, nodes[leader]:status())
    assert.same({ "leader", term }, { after.role, after.term })
  end)

  it("the last voter, a snapshot of what cannot be restored, and a bound that"
    .. " cannot be met", function ()
      local machine = folder .. "/half.lua"
      local file = assert(io.open(machine, "w"))
      file:write [[
local Half = {}
Half.__index = Half
function Half.new() return setmetatable({}, Half) end
function Half:apply() return 1 end
function Half:query() return 1 end
function Half:snapshot() return 1 end
return Half
]]
      file:close()
      begin(1, machine)
      local before = state(1)
      local admin = raft.admin(dir(1))
      local last = "expected at least one voter: the last one cannot be"
        .. " removed"
      for _, learners in ipairs { {}, { 1 } } do
        refused(1, before, { admin:set { voters = {}, learners = learners } },
          last, "invalid")
      end
      local none = "the machine takes no snapshots: expected the methods"
        .. " 'snapshot' and 'restore'"
      refused(1, before, { admin:snapshot() }, none, "no_method")
      refused(1, before, { nodes[1]:snapshot() }, none, "no_method")
      assert(client:propose { "set", "x", 1 })
      local status = select(2, nodes[1]:status())
      assert.same({ 0, 0, false }, { status.snapshot_index,
        status.snapshots_taken, status.takes_snapshots })
      refused(1, before, { client:query("x", { read = "stale",
        index = 99999 }) }, ("expected index 99999 to be applied, this member"
        .. " has %d"):format(status.applied), "too_stale")
      assert.same({ true, 1 }, { client:query("x", { read = "stale",
        index = status.applied }) })
    end)
end)
