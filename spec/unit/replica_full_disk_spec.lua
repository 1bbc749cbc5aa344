-- SPDX-License-Identifier: MIT
--
-- One member with a full disk, and another one that is gone: what still goes,
-- and what is said of what does not.

local desk = require "spec.desk"

local LIMITS = { segment_bytes = 8192, batch_bytes = 2048,
  entry_bytes = 1500 }
local BIG = ("x"):rep(1000)

-- Three members. @return desk, leader, the one whose disk is full: entries are
-- with its log that have no room; and the third, which has them all
local function stuck()
  local made = desk.new { members = 3, traces = true, limits = LIMITS }
  local leader = desk.leader(made, 3)
  local full, third = leader % 3 + 1, (leader + 1) % 3 + 1
  local client = desk.client(made, leader)
  for _ = 1, 4 do
    client:apply(BIG)
  end
  made:run(1e5)
  made:hold_disk(full, true)
  made:set_capacity(full, 20000)
  for _ = 1, 24 do
    client:propose(BIG)
    made:settle()
  end
  made:hold_disk(full, false)
  made:settle()
  assert.is_true(made:status(full).last > made:status(full).stable)
  assert.equal(made:status(leader).last, made:status(third).stable)
  return made, leader, full, third
end

describe("replica: on a full disk", function ()
  it("a vote goes before entries that have no room", function ()
    local made, leader, full, third = stuck()
    local term, stable = made:status(full).term, made:status(full).stable
    made:crash(leader)
    made:run(3e6)
    assert.equal("leader", made:status(third).role)
    assert.is_true(made:status(third).term > term)
    assert.same({ made:status(third).term, third, stable },
      { made:status(full).term, made:status(full).vote,
        made:status(full).stable })
    made:crash(full) -- and it is no word that is forgotten
    made:start(full)
    made:run(1e4)
    assert.same({ made:status(third).term, third },
      { made:status(full).term, made:status(full).vote })
  end)

  it("with the other member gone a write is refused, and told why",
    function ()
      local made, leader, full, third = stuck()
      made:crash(leader)
      made:run(3e6)
      local last = made:status(third).last
      local client = desk.client(made, third, 9)
      local answer = client:apply "small"
      assert.same({ "disk_full", ("no majority can write an entry: full is "
        .. "the disk of member %d, silent is member %d"):format(full,
          leader) }, { answer.code, answer.message })
      assert.equal("disk_full",
        client:ask("open_session", {}).code)
      assert.equal(last, made:status(third).last)
      made:start(leader)
      made:run(3e6)
      assert.is_number(desk.client(made, desk.leader(made, 3), 10)
        :apply("small").result)
    end)

  it("with room again all is as it was", function ()
    local made, leader, full, third = stuck()
    made:crash(leader)
    made:run(3e6)
    made:set_capacity(full, 0)
    made:run(3e6)
    assert.is_number(desk.client(made, third, 9):apply("small").result)
    made:run(1e6)
    assert.equal(made:status(third).commit, made:status(full).stable)
  end)
end)
