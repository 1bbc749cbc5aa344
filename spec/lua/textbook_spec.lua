-- SPDX-License-Identifier: MIT

local textbook = require("raft.textbook")

-- Three textbook nodes; messages arrive at once, disks are done at once.
local function cluster()
  local nodes, logs = {}, {}
  for id = 1, 3 do
    nodes[id] = assert(textbook.node {
      id = id, storage = textbook.storage { 1, 2, 3 }, seed = id,
    })
    logs[id] = {}
  end
  local function settle()
    local busy = true
    while busy do
      busy = false
      for id, node in ipairs(nodes) do
        while node:has_ready() do
          busy = true
          local ready = node:ready()
          node.storage:write(ready)
          for _, entry in ipairs(ready.committed) do
            table.insert(logs[id], entry.data)
          end
          node:advance()
          for _, message in ipairs(ready.messages) do
            assert(nodes[message.to]:step(message))
          end
        end
      end
    end
  end
  local function run(ticks)
    for _ = 1, ticks do
      for _, node in ipairs(nodes) do node:tick() end
      settle()
    end
  end
  local function leader()
    for _, node in ipairs(nodes) do
      if node:status().role == "leader" then return node end
    end
  end
  return { nodes = nodes, logs = logs, settle = settle, run = run,
    leader = leader }
end

describe("raft.textbook", function()
  it("elects, replicates and applies in one order", function()
    local c = cluster()
    c.run(100)
    local leader = c.leader()
    assert.is_truthy(leader)
    for i = 1, 5 do assert(leader:propose { "set", "x", i }) end
    c.run(20)
    for id = 1, 3 do
      assert.equal(5, #c.logs[id])
      assert.same(c.logs[1], c.logs[id])
    end
  end)

  it("a follower refuses a proposal, and says why", function()
    local c = cluster()
    c.run(100)
    for _, node in ipairs(c.nodes) do
      if node ~= c.leader() then
        local ok, _, code = node:propose("x")
        assert.is_nil(ok)
        assert.equal("not_leader", code)
      end
    end
  end)

  it("a node goes on from its storage", function()
    local c = cluster()
    c.run(100)
    c.leader():propose("kept")
    c.run(20)
    local storage = c.nodes[1].storage
    local again = assert(textbook.node { id = 1, storage = storage })
    assert.equal(c.nodes[1]:status().last, again:status().last)
    assert.equal(c.nodes[1]:status().term, again:status().term)
    assert.equal("follower", again:status().role)
  end)

  it("answers linear reads", function()
    local c = cluster()
    c.run(100)
    local leader = c.leader()
    assert(leader:read(7))
    local answer
    local ready = leader:ready()
    leader:advance()
    for _, message in ipairs(ready.messages) do
      c.nodes[message.to]:step(message)
    end
    for _, node in ipairs(c.nodes) do
      if node ~= leader then
        for _, message in ipairs(node:ready().messages) do
          leader:step(message)
        end
        node:advance()
      end
    end
    answer = leader:ready().reads[1]
    assert.same({ id = 7, index = leader:status().commit, status = "ok" },
      answer)
  end)
end)
