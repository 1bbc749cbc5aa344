-- SPDX-License-Identifier: MIT
--
-- What makes a member quick, counted and not timed: one wake-up when a queue
-- is no longer empty, one write per connection and turn of the loop, so that
-- answers leave together.

local Cluster = require "spec.real.cluster"
local probe = require "raft.probe"

local PORT = 7101
local COUNT = 60

-- [0, 1, "status", []], and how an answer to it begins: [1, 1, nil, …
local ASK, ANSWER = "\148\0\1\166status\144", "\148\1\1\192"

describe("core/uv, counted", function ()
  it("a worker wakes the loop once for all that is done", function ()
    for _, count in ipairs { 1, 2, 200 } do
      local early = count == 1 and 0 or 1
      assert.same({ 1, count, early }, { probe.worker_burst(count, false) })
    end
  end)

  it("a worker wakes nobody for what can wait for the next job", function ()
    for _, count in ipairs { 1, 2, 200 } do
      assert.same({ 1, count, 0 }, { probe.worker_burst(count, true) })
    end
  end)

  it("a mailbox wakes the host once for all that lies there", function ()
    for _, count in ipairs { 1, 2, 200 } do
      assert.same({ 1, 0 }, { probe.mailbox_burst(count) })
    end
  end)

  it("answers of one turn leave in one write", function ()
    local cluster = Cluster.new { count = 1, member = { machine = "raft.kv" } }
    cluster:start_all()
    cluster:leader()
    local socket = assert(probe.socket_connect(cluster.host, PORT))
    local fewest = math.huge
    for _ = 1, 5 do -- requests may come in parts, but not always
      local before, text = cluster:status(1).writes, ""
      assert.is_true(probe.socket_send(socket, ASK:rep(COUNT)))
      cluster:wait("all answers", function ()
        text = text .. (probe.socket_receive(socket, 20) or "")
        return select(2, text:gsub(ANSWER, "")) == COUNT
      end)
      fewest = math.min(fewest, cluster:status(1).writes - before)
    end
    probe.socket_close(socket)
    cluster:close()
    assert.equal(2, fewest) -- that of the first status, which it does not
                            -- count itself, and one for all answers
  end)

  it("a put takes three turns of the loop: asked, synced, applied", function ()
    local cluster = Cluster.new { count = 1, member = { machine = "raft.kv" } }
    finally(function () cluster:close() end)
    cluster:start_all()
    cluster:leader()
    local client = cluster:client()
    local function turns()
      local sum = 0
      for _, count in ipairs(cluster:status(1).turn_us) do
        sum = sum + count
      end
      return sum
    end
    local function put()
      assert(client:propose { "set", "key", "value" })
    end
    put() -- and what a session takes
    local before = turns()
    for _ = 1, 3 * COUNT do
      put()
    end
    local each = (turns() - before) / (3 * COUNT)
    client:close()
    assert.is_true(each > 2.9 and each < 3.4, each) -- more now and then
  end)
end)
