-- SPDX-License-Identifier: MIT
--
-- Real members come and go through the command.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

describe("luaraft members #once", function ()
  local cluster

  local function luaraft(...)
    return cluster:luaraft(...)
  end

  local function pick(first, last, ...)
    local all = { ... }
    return { all[first], all[last] }
  end

  -- Who leads once all are there: one that comes late on a busy computer may
  -- cost the first leader its majority.
  local function new(count, limits)
    cluster = Cluster.new { count = count, member = { machine = "raft.kv",
      limits = limits } }
    cluster:start_all()
    finally(function () cluster:close() end)
    cluster:settle()
    return cluster:leader()
  end

  local function at(id)
    return cluster.host .. ":" .. 7100 + id
  end

  -- The directory of a further member, and its process.
  local function join(id)
    local told
    cluster:wait("something to be committed", function ()
      told = { luaraft("join --id %d --dir %s --to %s", id,
        cluster:dir_of(id), table.concat(cluster.addresses, ",")) }
      return not told[3]:find "nothing is committed here yet"
    end)
    assert.same({ 0, ('{"dir":"%s","id":%d}\n'):format(cluster:dir_of(id),
      id), "" }, told)
    cluster.count = math.max(cluster.count, id)
    cluster:start(id, nil, { listen = at(id) })
  end

  local function seen(id)
    local ok, now = raft.admin(cluster:dir_of(id)):members()
    return ok and now or nil
  end

  -- Who leads now, as one of these says.
  local function leader_of(ids)
    return cluster:wait("a leader", function ()
      for _, id in ipairs(ids) do
        local now = seen(id)
        if now and now.role == "leader" then
          return id
        end
      end
    end)
  end

  local function voters(id)
    local list = {}
    for _, member in ipairs(assert(seen(id)).members) do
      list[#list + 1] = member.voter and member.id or nil
    end
    return list
  end

  local function set(leader, members)
    return luaraft("members --dir %s --voters %s", cluster:dir_of(leader),
      members)
  end

  local function write(ids, value)
    local addresses = {}
    for i, id in ipairs(ids) do
      addresses[i] = at(id)
    end
    local client = assert(raft.client(addresses))
    local ok, before = client:propose { "set", "x", value }
    client:close()
    assert(ok, before)
    return before
  end

  it("grows from three to five, and shrinks without its leader", function ()
    local leader = new(3)
    join(4)
    join(5)
    write({ 1, 2, 3 }, 1)
    local code, out, err = set(leader, ("1,2,3,4=%s,5=%s"):format(at(4),
      at(5)))
    assert.same({ 0, "" }, { code, err })
    assert.matches('^{"index":%d+}\n$', out)
    for id = 1, 5 do
      cluster:wait("member " .. id .. " to know all", function ()
        return #voters(id) == 5
      end)
    end
    local rest = {}
    for id = 1, 5 do
      if id ~= leader and #rest < 3 then
        rest[#rest + 1] = id
      end
    end
    code, out, err = set(leader, table.concat(rest, ","))
    assert.same({ 0, "" }, { code, err })
    assert.matches('^{"index":%d+}\n$', out)
    assert.equal(5, cluster:exit_code(leader))
    assert.matches("this member, " .. leader .. ", was removed from the "
      .. "cluster", cluster:log_of(leader), 1, true)
    assert.equal(1, write(rest, 2))
    assert.same(rest, voters(leader_of(rest)))
    -- Served again, it is told again.
    code, out, err = luaraft("serve raft.kv --log json --dir %s --listen %s",
      cluster:dir_of(leader), at(leader))
    assert.same({ 5, "" }, { code, out })
    assert.matches("luaraft serve: this member, %d, was removed from the "
      .. "cluster, says member %d+ at [%d.:]+ %(removed%)\n$", err)
  end)

  it("replaces all three at once", function ()
    local leader = new(3)
    write({ 1, 2, 3 }, 1)
    for id = 4, 6 do
      join(id)
    end
    assert.equal(0, (set(leader, ("4=%s,5=%s,6=%s"):format(at(4), at(5),
      at(6)))))
    for id = 1, 3 do
      assert.equal(5, cluster:exit_code(id))
    end
    assert.same({ 4, 5, 6 }, voters(leader_of { 4, 5, 6 }))
    assert.equal(1, write({ 4, 5, 6 }, 2))
  end)

  it("hands over leadership, asked to or ending", function ()
    local leader = new(3)
    local heir = leader % 3 + 1
    cluster:wait("the heir to follow", function ()
      local now = seen(leader)
      return now and now.members[heir].match
    end)
    assert.same({ 0, ('{"leader":%d}\n'):format(heir), "" },
      { luaraft("transfer --dir %s --to %d", cluster:dir_of(leader), heir) })
    local code, _, err = luaraft("transfer --dir %s",
      cluster:dir_of(leader))
    assert.same({ 1, ("luaraft transfer: this member is not the leader: "
      .. "member %d at %s leads (not_leader)\n"):format(heir, at(heir)) },
      { code, err })
    cluster:kill(heir, "TERM")
    assert.equal(0, cluster:exit_code(heir))
    assert.matches('raft.transfer to=%d reason="asked to"',
      cluster:log_of(heir))
    cluster.pids[heir] = nil
    local rest = {}
    for id = 1, 3 do
      rest[#rest + 1] = id ~= heir and id or nil
    end
    local following = leader_of(rest)
    assert.same({ 0, "true\n", "" }, { luaraft("step-down --dir %s",
      cluster:dir_of(following)) })
    -- A leader gives everybody an election timeout to answer.
    cluster:wait("the heir to be missed", function ()
      code, _, err = luaraft("transfer --dir %s --to %d",
        cluster:dir_of(leader_of(rest)), heir)
      assert.equal(1, code)
      return err == ("luaraft transfer: member %d does not answer "
        .. "(unreachable)\n"):format(heir)
    end)
  end)

  it("hands over to who should lead", function ()
    local leader = new(3, { priority_settle_us = "500ms" })
    local heir = leader % 3 + 1
    local code, _, err
    cluster:wait("what a new leader changes itself to be done", function ()
      code, _, err = luaraft("members --dir %s --voters 1,2,3 "
        .. "--priorities %d=200,%d=0", cluster:dir_of(leader), heir, leader)
      return not err:find("(busy)", 1, true)
    end)
    assert.same({ 0, "" }, { code, err })
    cluster:wait("the heir to lead", function ()
      local now = seen(heir)
      return now and now.role == "leader"
    end)
    local _, shown = luaraft("members --dir %s", cluster:dir_of(heir))
    assert.matches(("\n%d +[%%d.:]+ +voter +priority 200 leader\n"):format(
      heir), "\n" .. shown)
    assert.matches(("\n%d +[%%d.:]+ +voter +priority 0 lag %%d+\n"):format(
      leader), "\n" .. shown)
    code, _, err = luaraft("members --dir %s --voters 1,2,3 "
      .. "--priorities 9=200", cluster:dir_of(heir))
    assert.same({ 1, "luaraft members: expected a priority of one of the "
      .. "voters, got one of member 9 (invalid)\n" }, { code, err })
  end)

  -- A frozen one answers nobody, and the leader has not noticed yet.
  it("goes on leading when the heir does not take over in time", function ()
    local leader = new(3)
    local heir = leader % 3 + 1
    local id, before = cluster:leader()
    cluster:kill(heir, "STOP")
    local code, out, err = luaraft("transfer --dir %s --to %d",
      cluster:dir_of(leader), heir)
    assert.same({ 1, "" }, { code, out })
    assert.equal(("luaraft transfer: member %d has not taken over within an "
      .. "election timeout; this one leads on (timeout)\n"):format(heir), err)
    assert.is_nil(write({ 1, 2, 3 }, 1))
    assert.same({ leader, before.term }, { id, cluster:status(leader).term })
    cluster:kill(heir, "CONT")
  end)

  it("joins and adds, when the change that is under way has ended",
    function ()
      local leader = new(3)
      write({ 1, 2, 3 }, 1)
      assert(raft.join { id = 5, dir = cluster:dir_of(5), to = { at(1) } })
      local function begin(name, format, ...)
        Cluster.sh(("{ %s %s; echo $?; } > %s/%s 2>&1 &"):format(
          Cluster.COMMAND, format:format(...), cluster.dir, name))
      end
      begin("first", "members --dir %s --voters 1,2,3,5=%s",
        cluster:dir_of(leader), at(5))
      cluster:wait("the change to begin", function ()
        return seen(leader).changing and #seen(leader).catching_up == 1
      end)
      begin("second", "join --id 6 --dir %s --to %s --admin %s --listen %s"
        .. " --learner", cluster:dir_of(6), at(1), cluster:dir_of(leader),
        at(6))
      cluster:wait("the directory", function ()
        return Cluster.sh("test -e " .. cluster:dir_of(6)) == 0
      end)
      cluster.count = 5
      cluster:start(5, nil, { listen = at(5) }) -- now it can catch up
      for _, name in ipairs { "first", "second" } do
        local told = cluster:wait("the " .. name .. " to be done", function ()
          local _, text = Cluster.sh(("cat %s/%s; echo"):format(cluster.dir,
            name))
          return text:find "\n%d+%s+$" and text
        end)
        assert.matches('^{"index":%d+}\n0\n', told)
      end
      local now = seen(leader)
      assert.same({ 1, 2, 3, 5 }, voters(leader))
      assert.same({ 6, true }, { now.members[5].id, now.members[5].learner })
    end)

  it("refuses it from Lua, too: code and message, and nothing changed",
    function ()
      local leader = new(3)
      local admin = raft.admin(cluster:dir_of(leader))
      local _, before = admin:members()
      local function refused(message, code, ok, said, was)
        assert.same({ message, code }, { said, was })
        assert.is_nil(ok)
        local _, now = admin:members()
        assert.same({ before.index, leader, { 1, 2, 3 } },
          { now.index, now.leader, voters(leader) })
      end
      cluster:wait("what a new leader changes itself to be done", function ()
        local _, _, code = admin:set { voters = {} }
        return code ~= "busy"
      end)
      before.index = seen(leader).index
      refused("expected at least one voter: the last one cannot be removed",
        "invalid", admin:set { voters = {} })
      refused("member 3 is named twice", "invalid",
        admin:set { voters = { 1, 2, 3 }, learners = { 3 } })
      refused(("members 1 and 5 have the same address, %s"):format(at(1)),
        "invalid", admin:set { voters = { 1, 2, 3, { 5, at(1) } } })
      refused("expected configuration 9, got 1", "conflict",
        admin:set { voters = { 1, 2 }, expected = 9 })
      refused("expected another voter, got 9, which is no member", "invalid",
        admin:transfer(9))
      local _, _, code, detail = raft.admin(
        cluster:dir_of(leader % 3 + 1)):set { voters = { 1, 2 } }
      assert.same({ "not_leader", leader }, { code, detail.leader })
      Cluster.sh(("{ %s members --dir %s --timeout 2s --voters 1,2,3,5=%s; }"
        .. " > %s/busy 2>&1 &"):format(Cluster.COMMAND,
          cluster:dir_of(leader), at(5), cluster.dir))
      cluster:wait("the change to begin", function ()
        return seen(leader).changing
      end)
      before.index = seen(leader).index -- 5 is a learner, and that is all
      refused("another change is under way, try again later", "busy",
        admin:set { voters = { 1, 2 } })
    end)

  it("refuses what must not be, and changes nothing", function ()
    local leader = new(3)
    local function refused(members, text)
      local code, out, err = set(leader, members)
      assert.same({ 1, "", "luaraft members: " .. text .. "\n" },
        { code, out, err })
      assert.same({ 1, 2, 3 }, voters(leader))
    end
    refused("none", "expected at least one voter: the last one cannot be "
      .. "removed (invalid)")
    refused("1,2,3,5", 'member 5 is new: expected [5, "host:port"] '
      .. "(invalid)")
    refused("1,2,3,3", "member 3 is named twice (invalid)")
    refused("1,2,3 --learners 3", "member 3 is named twice (invalid)")
    refused("1,2,3,5=" .. at(1), ("members 1 and 5 have the same address, "
      .. "%s (invalid)"):format(at(1)))
    refused("1,2,3 --expected 9", "expected configuration 9, got 1 "
      .. "(conflict)")
    join(4)
    assert.equal(0, (set(leader, "1,2,3 --learners 4=" .. at(4))))
    assert.same({ 1, "luaraft transfer: expected another voter, got 4, which "
      .. "is a learner (invalid)\n" }, pick(1, 3, luaraft(
        "transfer --dir %s --to 4", cluster:dir_of(leader))))
    assert.equal(leader, cluster:status(leader).leader)
    assert.equal(0, (set(leader, "1,2,3")))
    assert.equal(5, cluster:exit_code(4))
    refused("1,2,3,4=" .. at(4), "ids are never used again: expected one "
      .. "above 4 for a new member, got 4 (invalid)")
    assert.same({ 1, "luaraft join: ids are never used again: expected one "
      .. "above 4, got 4 (invalid)\n" }, pick(1, 3, luaraft(
        "join --id 4 --dir %s/again --to %s", cluster.dir, at(leader))))
    assert.equal(1, (Cluster.sh("test -e " .. cluster.dir .. "/again")))
    -- Number 5 is not there, and so it never catches up.
    Cluster.sh(("{ %s members --dir %s --timeout 2s --voters 1,2,3,5=%s; }"
      .. " > %s/busy 2>&1 &"):format(Cluster.COMMAND,
        cluster:dir_of(leader), at(5), cluster.dir))
    cluster:wait("the change to begin", function ()
      return seen(leader).changing
    end)
    refused("1,2", "another change is under way, try again later (busy)")
    local client = assert(raft.core.ask(at(leader), "status", "\144", 5e6))
    assert.equal("leader", client.role)
    local _, _, code = raft.core.ask(at(leader), "members", "\144", 5e6)
    assert.equal("denied", code)
    assert.same({ 1, "luaraft members: no member runs in " .. cluster.dir
      .. " (unreachable)\n" }, { (luaraft("members --dir %s", cluster.dir)),
      (select(3, luaraft("members --dir %s", cluster.dir))) })
  end)
end)
