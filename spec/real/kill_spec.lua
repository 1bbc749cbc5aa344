-- SPDX-License-Identifier: MIT
--
-- SIGKILL under load. SIGKILL alone keeps the page cache and proves nothing:
-- the members hold back what they have not synced (core/fault/fs.h), so that a
-- kill is a loss of power.

local Cluster = require "spec.real.cluster"
local helper = require "spec.helper"

local OUTSTANDING = 16
local BUGS = "build/bugs/lua-5.4"

-- Writers that keep some calls under way and remember what was acknowledged.
local function new_load(cluster)
  local load = { next = 1, acknowledged = {}, count = 0, under_way = 0,
    client = cluster:client { deadline = "20s" } }
  local function propose()
    local number = load.next
    load.next = number + 1
    load.under_way = load.under_way + 1
    load.client:propose({ "set", "key" .. number, number }, function (ok)
      load.under_way = load.under_way - 1
      if ok then
        load.count = load.count + 1
        load.acknowledged[load.count] = number
      end
      if not load.is_ending then
        propose()
      end
    end)
  end
  for _ = 1, OUTSTANDING do
    propose()
  end
  return load
end

-- Turns until 'more' further writes are acknowledged.
local function work(cluster, load, more)
  local goal = load.count + more
  cluster:wait(more .. " more acknowledged writes", function ()
    return load.count >= goal
  end, load.client)
end

local function kill_round(cluster, load, draw)
  work(cluster, load, 5 + draw(60))
  local which = draw(4) -- 0: all of them
  local first = which == 0 and 1 or which
  local last = which == 0 and cluster.count or which
  for id = first, last do
    cluster:kill(id)
  end
  if which ~= 0 and draw(2) == 0 then
    work(cluster, load, draw(20)) -- the others go on
  end
  for id = first, last do
    cluster:wait_end(id)
  end
  for id = first, last do
    cluster:start(id)
  end
end

-- The acknowledged writes that a linear read does not find.
local function lost(cluster, load)
  local missing, asked = {}, 0
  local client = cluster:client { deadline = "20s" }
  for _, number in ipairs(load.acknowledged) do
    client:query({ "get", "key" .. number }, function (ok, value)
      asked = asked + 1
      if not ok or value ~= number then
        missing[#missing + 1] = number
      end
    end)
    while client:outstanding() > 200 do
      client:step "100ms"
    end
  end
  client:run()
  client:close()
  assert.equal(load.count, asked)
  return missing
end

local function finish(cluster, load)
  load.is_ending = true
  cluster:wait("the last writes", function ()
    return load.under_way == 0
  end, load.client)
  load.client:close()
end

describe("SIGKILL at random moments under load", function ()
  local cluster

  after_each(function ()
    if cluster then
      cluster:close()
      cluster = nil
    end
  end)

  it("loses no acknowledged write, and every member starts again", function ()
    local rounds = helper.full and 100 or 10
    local random = helper.random(helper.seed)
    local function draw(count)
      return random:choose(count)
    end
    cluster = Cluster.new { member = { machine = "raft.kv",
      hold_unsynced = true, limits = { segment_bytes = 128 * 1024 } } }
    cluster:start_all()
    local load = new_load(cluster)
    for _ = 1, rounds do
      kill_round(cluster, load, draw)
    end
    work(cluster, load, 50)
    finish(cluster, load)
    local rows = cluster:settle()
    for id = 1, cluster.count do
      assert.is_true(cluster:is_running(id), cluster:log_of(id))
      assert.equal(rows[1].state_hash, rows[id].state_hash)
    end
    assert.same({}, lost(cluster, load))
  end)

  -- Its members are of the build with bugs, which is made for Lua 5.4.
  local module = _VERSION == "Lua 5.4" and io.open(BUGS .. "/raft/core.so")
  local it_with_bugs = module and it or function () end
  if module then
    module:close()
  end

  it_with_bugs("loses writes or members when the log is not synced",
    function ()
    cluster = Cluster.new { modules = BUGS, member = { machine = "raft.kv",
      hold_unsynced = true, bug = "skip_sync" } }
    cluster:start_all()
    local load = new_load(cluster)
    work(cluster, load, 50)
    for id = 1, 3 do
      cluster:kill(id)
    end
    for id = 1, 3 do
      cluster:wait_end(id)
    end
    load.is_ending = true
    load.client:close()
    cluster:start_all()
    local refuses = cluster:wait("members that serve or end", function ()
      local serving = 0
      for id = 1, 3 do
        if not cluster:is_running(id) then
          return "a member cannot start"
        end
        serving = serving + (cluster:status(id) and 1 or 0)
      end
      return serving == 3 and "no"
    end)
    if refuses == "no" then
      cluster:leader()
      assert.is_true(#lost(cluster, load) > 0)
    end
  end)
end)
