-- SPDX-License-Identifier: MIT
--
-- A snapshot whose way is cut goes on with the blocks that are missing.

local desk = require "spec.desk"

local BLOCKS = 20

describe("replica: a snapshot that is cut off", function ()
  local made, leader, away

  local function cut(yes)
    for id = 1, 3 do
      made:cut(away, id, yes)
      made:cut(id, away, yes)
    end
  end

  before_each(function ()
    made = desk.new { members = 3, hash_interval = 4, limits = {
      snapshot_bytes = 2 ^ 30, retained_entries = 2, segment_bytes = 4096,
      batch_bytes = 1024, snapshot_window = 2, snapshot_rate = 2 ^ 21 } }
    leader = desk.leader(made, 3)
    away = leader % 3 + 1
    cut(true)
    local client = desk.client(made, leader)
    for i = 1, 80 do
      client:apply(("x"):rep(16000) .. i)
    end
    made:snapshot(leader)
    made:run(3e6)
    cut(false)
  end)

  local function run_until(blocks)
    for _ = 1, 10000 do
      made:run(1000)
      if made:status(leader).blocks_sent >= blocks then
        return
      end
    end
    error "it is not sent"
  end

  it("goes on where it was", function ()
    run_until(12)
    cut(true)
    made:run(2e6)
    cut(false)
    made:run(9e6)
    assert.equal(made:status(leader).snapshot, made:status(away).base)
    assert.same(desk.applied(made, leader), desk.applied(made, away))
    local sent = made:status(leader).blocks_sent
    assert.is_true(sent >= BLOCKS and sent <= BLOCKS + 6, sent)
  end)
end)
