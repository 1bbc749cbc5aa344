-- SPDX-License-Identifier: MIT
local records = require "raft.chaos_records"

local function line(wall, member, term, text, json)
  return ("%d\t%d\t%d\t%s\t%s\n"):format(wall, member, term, text,
    json or "{}")
end

describe("chaos_records", function ()
  local names, told, list

  local function append(id, text)
    local file = assert(io.open(names[id], "ab"))
    file:write(text)
    file:close()
  end

  before_each(function ()
    names, told = { os.tmpname(), os.tmpname() }, {}
    list = records.new { nodes = 2, wall = 1000, keep = 5,
      path = function (id)
        return names[id]
      end,
      tell = function (record)
        told[#told + 1] = record.text
      end }
  end)

  after_each(function ()
    list:close()
    for _, name in ipairs(names) do
      os.remove(name)
    end
  end)

  it("reads logs as they grow, half lines too", function ()
    append(1, line(1010, 1, 2, "raft.leader leader=2"):sub(1, 12))
    list:read()
    assert.same({}, told)
    append(1, line(1010, 1, 2, "raft.leader leader=2"):sub(13)
      .. "a line of another kind\n" .. line(1020, 1, 2, "raft.commit index=3"))
    list:read()
    assert.same({ "raft.leader leader=2", "raft.commit index=3" }, told)
    assert.same({ "raft.leader leader=2", 10, 1, 2 }, { list:at(1) })
    assert.same({ 1, 2 }, { list:span() })
  end)

  it("keeps the last, at the places that they have", function ()
    for i = 1, 8 do
      append(1, line(1000 + i, 1, 1, "raft.commit index=" .. i))
    end
    list:read()
    assert.same({ 4, 8 }, { list:span() })
    assert.is_nil(list:at(3))
    assert.equal("raft.commit index=4", (list:at(4)))
  end)

  it("reads again what was around a moment and is kept no more", function ()
    local json = '{"time":1,"kind":"raft.commit","level":"debug",'
      .. '"fields":{"index":%d}}'
    list:note(2, "sim.cut", 0, { from = 1, to = 2 })
    for i = 1, 20 do
      append(i % 2 + 1, line(1000 + i, i % 2 + 1, 1, "raft.commit index=" .. i,
        json:format(i)))
    end
    list:read()
    local last, since = list:merged(3)
    assert.equal(3, #last)
    assert.equal(last[1].time, since)
    local around = list:around(2, 4)
    local seen = {}
    for i, record in ipairs(around) do
      seen[i] = { record.number, record.time, record.kind,
        record.fields.index }
    end
    assert.same({ { 1, 2, "sim.cut" }, { 2, 2, "raft.commit", 2 },
      { 3, 3, "raft.commit", 3 }, { 4, 4, "raft.commit", 4 } }, seen)
    assert.equal(-math.huge, select(2, records.new { nodes = 0, wall = 0,
      keep = 5 }:merged(3)))
  end)

  it("merges members by time, with what the world did", function ()
    append(2, line(1030, 2, 1, "raft.commit index=1",
      '{"time":1,"kind":"raft.commit","level":"debug","fields":{"index":1}}'))
    append(1, line(1010, 1, 1, "x", '{"time":1,"kind":"replica.refused",'
      .. '"level":"warn","fields":{"peer":2,"why":"a \\"b\\"","on":true}}'))
    list:read(2)
    list:note(20, "sim.kill", 1)
    list:read(1)
    local merged = list:merged(10)
    assert.same({ 10, 20, 30 }, { merged[1].time, merged[2].time,
      merged[3].time })
    assert.same({ peer = 2, why = 'a "b"', on = true }, merged[1].fields)
    assert.equal("sim.kill", merged[2].kind)
    assert.same({ index = 1 }, merged[3].fields)
    assert.equal("debug", merged[3].level)
  end)

  it("sees two leaders of one term", function ()
    local text = "raft.role from=candidate to=leader leader=0"
    append(1, line(1010, 1, 2, text))
    append(2, line(1020, 2, 3, text))
    list:read()
    assert.is_nil(list.violation)
    assert.equal(2, list.elections)
    append(2, line(1030, 2, 2, text))
    list:read()
    assert.equal("election safety", list.violation.name)
    assert.equal("members 1 and 2 both lead in term 2", list.violation.text)
  end)
end)
