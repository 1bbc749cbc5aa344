-- SPDX-License-Identifier: MIT
--
-- However much sessions keep: no turn of the engine's loop does more than a
-- part of it.

local desk = require "spec.desk"
local probe = require "raft.probe"

-- A session with so many results of 'size' bytes.
local function filled(count, size)
  local sessions = probe.session_table { bytes = 2 ^ 40, result = 2 ^ 20 }
  sessions:open(1)
  for sequence = 1, count do
    sessions:command(1, sequence, 1, size)
    if sequence % 500 == 0 or sequence == count then
      sessions:batch_end()
    end
  end
  return sessions
end

local function look(sessions)
  local _, bytes, count, records, _, memory = sessions:look()
  return { bytes = bytes, count = count, records = records,
    memory = memory }
end

describe("session table: of very many results", function ()
  it("each is found, whatever others were forgotten", function ()
    local sessions = filled(5000, 8)
    for sequence = 1, 5000 do
      assert.equal("duplicate", (sessions:command(1, sequence, 1)))
    end
    for first = 1001, 1010 do
      sessions:command(1, 5000 + first, first, 8)
      sessions:batch_end()
    end
    assert.equal("lost", (sessions:command(1, 1009, 1)))
    assert.equal("duplicate", (sessions:command(1, 1010, 1)))
    assert.equal("duplicate", (sessions:command(1, 5000, 1)))
  end)

  it("one command forgets no more than 256", function ()
    local sessions = filled(1000, 8)
    sessions:command(1, 1001, 1001, 8)
    assert.equal(745, look(sessions).records)
    assert.equal("lost", (sessions:command(1, 256, 1)))
    assert.equal(489, look(sessions).records)
    assert.equal("duplicate", (sessions:command(1, 1001, 1)))
    sessions:command(1, 1002, 1001, 8)
    assert.equal(2, look(sessions).records)
  end)

  it("a session that goes counts nothing at once, and is given back by parts",
    function ()
      local sessions = filled(5000, 8)
      assert.is_true(sessions:close(1))
      assert.same({ 0, 0, 0 }, { look(sessions).bytes, look(sessions).count,
        look(sessions).records })
      sessions:open(2)
      assert.equal("expired", (sessions:command(1, 7, 1)))
      assert.equal("fresh", (sessions:command(2, 7, 1, 8)))
      local parts = 0
      while not sessions:is_swept() do
        sessions:batch_end()
        parts = parts + 1
        assert.equal(1, look(sessions).records)
      end
      assert.equal(10, parts)
      assert.equal("duplicate", (sessions:command(2, 7, 1)))
    end)

  it("pages of large ones are parts as well", function ()
    local sessions = filled(20, 1000000)
    local before = look(sessions).memory
    sessions:close(1)
    sessions:batch_end()
    local given = before - look(sessions).memory
    assert.is_true(given >= 2000000 and given <= 4000000, given)
    assert.is_false(sessions:is_swept())
  end)

  it("a table that goes, goes by parts", function ()
    local sessions = filled(5000, 8)
    for id = 2, 200 do
      sessions:open(id)
    end
    local parts, before = 0, look(sessions).memory
    while not sessions:shed() do
      local memory = look(sessions).memory
      assert.is_true(before - memory <= 64 * 8192)
      before, parts = memory, parts + 1
    end
    assert.is_true(parts >= 10, parts)
    assert.equal(0, look(sessions).memory)
  end)

  -- Its sessions have forgotten them while it was written.
  it("what only a snapshot has goes by parts", function ()
    local left, memory = probe.meta_sheds(1000, 1000)
    local before = 1000
    for _, count in ipairs(left) do
      assert.is_true(before - count <= 64, before - count)
      before = count
    end
    assert.same({ 0, 0 }, { left[#left], memory })
  end)
end)

describe("replica: large results", function ()
  local BIG = "big" .. ("x"):rep(997) -- gives 1,000,000 bytes
  local LIMITS = { snapshot_bytes = 2 ^ 30, retained_entries = 2,
    segment_bytes = 4096, batch_bytes = 1024, snapshot_rate = 2 ^ 30 }

  it("of one batch are kept and told a MiB per turn", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local session = client:open_session()
    local before = made:status(1).applied
    made:hold_machine(1, true)
    client:propose "first"
    made:settle()
    for i = 1, 4 do
      client:propose(BIG, session, i, 1)
    end
    made:settle()
    made:hold_machine(1, false)
    made:settle()
    assert.equal(before + 3, made:status(1).applied)
    made:run(1)
    assert.equal(before + 5, made:status(1).applied)
    assert.equal(5, #desk.answers(made))
  end)

  local function keep_results(made, leader, count)
    local client = desk.client(made, leader, 5)
    local session = client:open_session()
    for i = 1, count do
      assert.is_nil(client:apply(BIG, session, i, 1).code)
    end
  end

  it("are shared with a snapshot that is written, not copied", function ()
    local made = desk.new { limits = LIMITS }
    keep_results(made, 1, 12)
    assert.is_true(made:status(1).session_bytes > 12e6)
    local before = select(2, made:memory(1))
    made:hold_disk(1, true)
    assert.is_true(made:snapshot(1))
    made:run(1e5)
    assert.is_true(select(2, made:memory(1)) < before + 1e6)
    made:hold_disk(1, false)
    made:run(1e6)
    assert.is_true(made:status(1).snapshot > 12)
  end)

  it("are decoded as they come, and those of before go by parts",
    function ()
      local made = desk.new { members = 3, limits = LIMITS }
      local leader = desk.leader(made, 3)
      local away = leader % 3 + 1
      keep_results(made, leader, 12)
      made:run(1e6)
      for id = 1, 3 do
        made:cut(away, id, true)
        made:cut(id, away, true)
      end
      local client = desk.client(made, leader, 6)
      for i = 1, 20 do
        client:apply("command" .. i)
      end
      assert.is_true(made:snapshot(leader))
      made:run(1e6)
      local before = select(2, made:memory(away))
      for id = 1, 3 do
        made:cut(away, id, false)
        made:cut(id, away, false)
      end
      local most = 0
      for _ = 1, 200 do
        made:run(1e4)
        most = math.max(most, (select(2, made:memory(away))))
      end
      assert.equal(made:status(leader).snapshot, made:status(away).snapshot)
      assert.is_true(made:status(away).session_bytes > 12e6)
      -- The sessions of before, those that come, and not a third time.
      assert.is_true(most < before + 12e6 + 6e6, most)
      assert.is_true(select(2, made:memory(away)) < before + 1e6)
    end)
end)
