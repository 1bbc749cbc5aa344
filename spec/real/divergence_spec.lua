-- SPDX-License-Identifier: MIT
--
-- Real members, one of which computes something else: it stops, and says
-- which entry was the first.

local Cluster = require "spec.real.cluster"

local WRONG = 2

describe("real: a member that computes something else", function ()
  local function run(count)
    local cluster = Cluster.new { count = count, member = {
      machine = "spec/real/machines/planted.lua", sandbox = false } }
    finally(function ()
      cluster:close()
    end)
    for id = 1, count do
      cluster.environment = id == WRONG and "RAFT_SPEC_PLANTED=1 " or ""
      cluster:start(id)
    end
    local client, index = cluster:client { deadline = "30s" }, nil
    for command = 1, 300 do
      local ok, result = client:propose(command)
      if command == 200 then
        index = math.abs(assert(ok and result))
      elseif not ok then
        break -- nobody is right: no more commands are taken
      end
    end
    client:close()
    return cluster, index
  end

  it("stops, naming the first entry that differs", function ()
    local cluster, index = run(3)
    assert.equal(1, cluster:exit_code(WRONG))
    local text = cluster:log_of(WRONG)
    assert.matches(("replica.diverged peer=%d lo=%d hi=%d"):format(WRONG,
      index, index), text, 1, true)
    assert.matches(("the result of entry %d differs from that of a majority:"
      .. " result hash %%x+ here, %%x+ there %%(diverged%%)"):format(index),
      text)
    assert.is_true(cluster:is_running(1))
    assert.is_true(cluster:is_running(3))
  end)

  it("is told of in the leader's status, when nobody is right", function ()
    local cluster, index = run(2)
    local page = cluster:wait("a leader that knows", function ()
      for id = 1, 2 do
        local status = cluster:status(id)
        if status and status.diverged then
          return status
        end
      end
    end)
    assert.equal(index, page.diverged_index)
  end)
end)
