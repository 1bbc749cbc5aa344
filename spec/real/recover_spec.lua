-- SPDX-License-Identifier: MIT
--
-- Real members whose majority is lost for ever, and the command that goes on
-- with one of them.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

describe("luaraft recover #once", function ()
  local cluster

  local function luaraft(...)
    return cluster:luaraft(...)
  end

  local function new(count)
    cluster = Cluster.new { count = count, member = { machine = "raft.kv",
      limits = { retained_entries = 2 } } }
    cluster:start_all()
    finally(function () cluster:close() end)
    return cluster:leader()
  end

  local function stop(ids)
    for _, id in ipairs(ids) do
      cluster:kill(id)
    end
    for _, id in ipairs(ids) do
      cluster:wait_end(id)
    end
  end

  local function others_of(id, count)
    local list = {}
    for other = 1, count do
      list[#list + 1] = other ~= id and other or nil
    end
    return list
  end

  local function sum(id)
    return select(2, Cluster.sh("cd " .. cluster:dir_of(id)
      .. " && cksum $(ls)"))
  end

  -- One that is made of a member's directory, and takes its place.
  local function recover(id, lost)
    local code, out, err = luaraft("recover --dir %s --into %s.new --lost %s"
      .. " --accept-loss", cluster:dir_of(id), cluster:dir_of(id),
      table.concat(lost, ","))
    return code, out, err
  end

  local function client_of(id)
    local client = assert(raft.client { cluster.addresses[id] })
    finally(function ()
      client:close()
      cluster:close()
    end)
    return client
  end

  local function three_again(leader)
    local voters = tostring(leader)
    for id = 4, 5 do
      local at = ("%s:%d"):format(cluster.host, 7100 + id)
      local code, out, err = luaraft("join --id %d --dir %s --to %s", id,
        cluster:dir_of(id), cluster.addresses[leader])
      assert.same({ 0, "" }, { code, err }, out)
      cluster.count = id
      cluster:start(id, nil, { listen = at })
      voters = voters .. (",%d=%s"):format(id, at)
    end
    local code, out, err = luaraft("members --dir %s --voters %s",
      cluster:dir_of(leader), voters)
    assert.same({ 0, "" }, { code, err }, out)
  end

  it("goes on with one of three, and two new ones join", function ()
    local leader = new(3)
    local client = cluster:client { deadline = "20s" }
    for i = 1, 10 do
      assert(client:propose { "set", "key" .. i, i })
    end
    client:close()
    assert.is_true(raft.admin(cluster:dir_of(leader)):snapshot())
    local lost = others_of(leader, 3)
    stop { 1, 2, 3 }
    Cluster.sh(("rm -rf %s; mv %s %s.old"):format(cluster:dir_of(lost[1]),
      cluster:dir_of(lost[2]), cluster:dir_of(lost[2])))
    local before = sum(leader)
    -- Looking changes nothing, and says what to do.
    local code, out, err = luaraft("recover --dir %s",
      cluster:dir_of(leader))
    assert.same({ 0, "" }, { code, err })
    assert.matches(("\n  luaraft recover --dir %s --into %s.new --lost %s "
      .. "--accept-loss\n"):format(cluster:dir_of(leader),
        cluster:dir_of(leader), table.concat(lost, ",")), out, 1, true)
    code, out, err = recover(leader, lost)
    assert.equal(0, code, err)
    assert.matches(("Member %d is the only voter of a NEW cluster"):format(
      leader), err)
    assert.matches("LOST is all that was acknowledged", err, 1, true)
    assert.matches('^{"cluster":"%x+","dir":"[^"]+","id":%d,"last":%d+,'
      .. '"term":%d+}\n$', out)
    assert.equal(before, sum(leader))
    local new_cluster = out:match '"cluster":"(%x+)"'
    -- Who comes back with an old directory is refused, and says why.
    Cluster.sh(("mv %s %s.was; mv %s.new %s; mv %s.old %s"):format(
      cluster:dir_of(leader), cluster:dir_of(leader),
      cluster:dir_of(leader), cluster:dir_of(leader),
      cluster:dir_of(lost[2]), cluster:dir_of(lost[2])))
    cluster:start(leader)
    client = client_of(leader)
    for i = 1, 10 do
      local ok, value = client:query({ "get", "key" .. i },
        { deadline = "20s" })
      assert.same({ true, i }, { ok, value })
    end
    -- Another survivor would be another cluster.
    code, out, err = recover(lost[2], { leader, lost[1] })
    assert.same({ 1, "" }, { code, out })
    assert.equal(("luaraft recover: at %s a cluster answers, %s, that was "
      .. "recovered from one named spec: join that one, unless a second "
      .. "one is meant (accept_second) (exists)\n"):format(
        cluster.addresses[leader], new_cluster), err)
    cluster:start(lost[2])
    for id, told in pairs { [lost[2]] = "replica.refused_by peer=" .. leader,
      [leader] = "replica.refused peer=" .. lost[2] } do
      cluster:wait("the refusal to be told", function ()
        return cluster:log_of(id):find(told .. " code=wrong_cluster", 1, true)
      end)
    end
    assert.is_nil((cluster:status(lost[2]) or {}).leader_address)
    three_again(leader)
    assert.equal(10, (select(2, client:propose { "set", "key10", 11 })))
    local ok, now = raft.admin(cluster:dir_of(4)):members()
    assert.is_true(ok, now)
    assert.equal(3, #now.members)
  end)

  it("is refused while one who is said to be lost answers", function ()
    local leader = new(3)
    local lost = others_of(leader, 3)
    local code, out, err = recover(leader, lost)
    assert.same({ 1, "" }, { code, out })
    assert.matches("is in use by process %d+: expected a member that was "
      .. "stopped %(locked%)\n$", err)
    stop { leader }
    code, out, err = recover(leader, lost)
    assert.same({ 1, "", ("luaraft recover: member %d answers at %s: it is "
      .. "not lost (exists)\n"):format(lost[1],
        cluster.addresses[lost[1]]) }, { code, out, err })
    stop { lost[1] }
    code, out, err = recover(leader, { lost[1] })
    assert.same({ 1, "", ("luaraft recover: expected every other voter among "
      .. "the lost ones, or its directory: what became of %d? (invalid)\n")
      :format(lost[2]) }, { code, out, err })
    -- Two of three are a majority.
    code, out, err = luaraft("recover --dir %s --dir %s --into %s/new "
      .. "--lost %d --accept-loss", cluster:dir_of(leader),
      cluster:dir_of(lost[1]), cluster.dir, lost[2])
    assert.same({ 1, "", "luaraft recover: a majority is here: serve it; who "
      .. "is gone is removed with luaraft members (invalid)\n" },
      { code, out, err })
    assert.equal(1, (Cluster.sh("test -e " .. cluster.dir .. "/new")))
    assert.equal("", (select(2, Cluster.sh("ls -d " .. cluster.dir
      .. "/*.new* 2> /dev/null || true"))))
  end)
end)
