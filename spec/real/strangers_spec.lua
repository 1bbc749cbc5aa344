-- SPDX-License-Identifier: MIT
--
-- Members whom the others refuse: one line on each side, and an end.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local function count_of(text, what)
  local count, at = 0, 1
  while true do
    local first, last = text:find(what, at, true)
    if not first then
      return count
    end
    count, at = count + 1, last + 1
  end
end

describe("a real member that the others refuse", function ()
  local cluster

  after_each(function ()
    if cluster then
      cluster:close()
      cluster = nil
    end
  end)

  local function start()
    cluster = Cluster.new { member = { machine = "raft.kv" } }
    return cluster
  end

  -- Member 3 gets a directory that was made anew.
  local function remake(name)
    cluster.sh("rm -rf " .. cluster:dir_of(3))
    assert(raft.init { id = 3, dir = cluster:dir_of(3), name = name,
      members = cluster.addresses })
  end

  local function ends_with(code, advice)
    assert.equal(1, cluster:exit_code(3))
    local log = cluster:log_of(3)
    assert.truthy(log:find(("refuses this one for good: %s"):format(advice),
      1, true), log)
    assert.truthy(log:find(("(%s)\n"):format(code), 1, true), log)
    assert.equal(1, count_of(log, "replica.stopped"))
  end

  it("as of another cluster ends, and all say so once", function ()
    start()
    remake "another"
    cluster:start(3)
    cluster:start(1)
    cluster:start(2)
    ends_with("wrong_cluster", "is --dir the right directory")
    cluster:leader()
    assert.equal(1, count_of(cluster:log_of(1),
      "replica.refused peer=3 code=wrong_cluster why=\"expected cluster "))
    local log = cluster:log_of(3)
    assert.equal(1, count_of(log, "replica.refused_by peer=2 "))
    assert.matches("replica.refused_by peer=%d code=wrong_cluster why="
      .. '"expected cluster %x+ %(spec%) group 0, got %x+ group 0, of '
      .. 'member 3 from 127%.', log)
  end)

  it("as wiped ends", function ()
    start()
    cluster:start_all()
    cluster:leader()
    local client = cluster:client()
    assert(client:propose { "set", "a", 1 })
    client:close()
    cluster:settle()
    cluster:kill(3)
    cluster:wait_end(3)
    remake "spec"
    cluster:start(3)
    ends_with("wiped", "this directory was made anew")
    assert.matches("replica.refused peer=3 code=wiped why=\"expected "
      .. "incarnation %x+, got %x+: its directory was made anew, of member 3 ",
      cluster:log_of(1) .. cluster:log_of(2))
  end)

  it("goes on when only strangers refuse it", function ()
    start()
    remake "another"
    -- Now 2 is the only one of its cluster that runs, and 3 refuses it.
    cluster:start(2)
    cluster:start(3)
    cluster:wait("both refusals", function ()
      return cluster:log_of(2):find("replica.refused_by peer=3", 1, true)
        and cluster:log_of(3):find("replica.refused_by peer=2", 1, true)
    end)
    assert.is_true(cluster:is_running(2))
    assert.is_true(cluster:is_running(3))
    cluster:start(1)
    cluster:leader()
    assert.is_true(cluster:is_running(2))
  end)
end)

describe("two real processes with copies of one directory", function ()
  it("are told, and do not dial without a pause", function ()
    local cluster = Cluster.new { member = { machine = "raft.kv" } }
    finally(function ()
      cluster:close()
    end)
    cluster:start_all()
    cluster:leader()
    cluster:settle()
    cluster:kill(3, "TERM")
    cluster:wait_end(3)
    local copy = cluster.dir .. "/copy"
    cluster.sh(("cp -r %s %s"):format(cluster:dir_of(3), copy))
    cluster:start(3)
    local node = assert(raft.node { dir = copy, machine = "raft.kv",
      listen = Cluster.host() .. ":7103" })
    local began = Cluster.now()
    finally(function ()
      node:close()
      cluster:close()
    end)
    cluster:wait("the warning", function ()
      return cluster:log_of(3):find("another process has the id 3", 1, true)
    end)
    local ends = began + 3
    cluster:wait("three seconds to pass", function ()
      return Cluster.now() > ends
    end)
    local log = cluster:log_of(3)
    assert.is_true(count_of(log, "replica.link_up peer=1") < 12, log)
    assert.equal(1, count_of(log, "replica.refused_by peer=1 code=exists"))
  end)
end)
