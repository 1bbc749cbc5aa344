-- SPDX-License-Identifier: MIT
--
-- A run as text, as JSON lines, as the text of a page.

local json = require "raft.json"
local raft = require "raft"
local report = require "raft.report"
local trace = require "raft.trace"

local HOSTILE = '</script><b>"&amp;\n\\u003c'

local function record(number, time, member, kind, fields, term)
  return { number = number, time = time, member = member, term = term or 2,
    kind = kind, level = "info", fields = fields }
end

local function small_run()
  return {
    title = "a story", nodes = 2, seed = 7, now = 5000,
    records = {
      record(1, 1000, 1, "raft.role", { from = "candidate", to = "leader",
        leader = 1, reason = "a majority voted" }),
      record(2, 1000, 1, "sim.sent", { message = 1, to = 2 }),
      record(3, 1000, 1, "raft.send", { kind = "append", to = 2, term = 2,
        a = 1, b = 1, c = 0 }),
      record(4, 1500, 2, "sim.arrived", { message = 1, from = 1 }),
      record(5, 1500, 2, "raft.receive", { kind = "append", from = 1,
        term = 2, a = 1, b = 1, c = 0 }),
      record(6, 1500, 2, "sim.sent", { message = 2, to = 1 }),
      record(7, 1500, 2, "sim.lost", { message = 2, from = 2, to = 1,
        why = "lost" }),
      record(8, 1500, 2, "raft.send", { kind = "append_result", to = 1,
        term = 2, a = 0, b = 2, c = 1 }),
      record(9, 2000, 2, "raft.vote", { ["for"] = 1, granted = false,
        reason = "voted for another" }),
    },
    operations = { { client = 1, f = "set", key = "x", value = 1, from = 900,
      to = 2500, outcome = "unknown", code = "timeout" } },
    faults = { { name = "pause", targets = { 2 }, from = 1600, to = 1900 } },
    notes = { { time = 1500, text = "it begins" } },
    violation = { name = "liveness", text = HOSTILE, time = 5000 },
  }
end

describe("report.text", function()
  it("is a conversation with the clock in front", function()
    local run = small_run()
    run.violation.text = "nobody leads"
    assert.equal(table.concat({ "a story",
      "       0.900 ms  c1         asks: set x 1",
      "       1.000 ms  1    t2    candidate becomes leader: a majority "
        .. "voted",
      "       1.000 ms  1    t2    to 2: append previous=1 entries=1 "
        .. "commit=0 (arrives +0.500 ms)",
      "       1.500 ms             NOTE it begins",
      "       1.500 ms  2    t2    from 1: append term=2 previous=1 "
        .. "entries=1 commit=0",
      "       1.500 ms  2    t2    to 1: append_result rejected=no match=2 "
        .. "round=1 (NOT DELIVERED: lost)",
      "       1.600 ms             FAULT pause 2 until 1.900 ms",
      "       2.000 ms  2    t2    does not vote for 1: voted for another",
      "       2.500 ms  c1         gets: timeout (set x 1, 1.600 ms)",
      "       5.000 ms             VIOLATION liveness: nobody leads", "" },
      "\n"), report.text(run))
  end)
end)

describe("report.jsonl", function()
  it("is one JSON object a line, every field by name", function()
    local run, lines = small_run(), {}
    local _, text = report.jsonl(run)
    for line in text:gmatch("([^\n]*)\n") do
      local ok, object = json.decode(line)
      assert.is_true(ok, object)
      lines[#lines + 1] = object
    end
    assert.equal(1 + 9 + 1 + 1 + 1 + 1, #lines)
    assert.same({ type = "run", title = "a story", nodes = 2, seed = 7,
      now = 5000 }, lines[1])
    assert.same({ "record", "raft.role", "a majority voted", 1000, 1, 2 },
      { lines[2].type, lines[2].kind, lines[2].fields.reason, lines[2].time,
        lines[2].member, lines[2].term })
    assert.is_false(lines[10].fields.granted)
    assert.same({ "operation", "set", "timeout" },
      { lines[11].type, lines[11].f, lines[11].code })
    assert.same({ "fault", 2 }, { lines[12].type, lines[12].targets[1] })
    assert.same({ type = "violation", name = "liveness", text = HOSTILE,
      time = 5000 }, lines[14])
    assert.same({ type = "note", time = 1500, text = "it begins" }, lines[13])
  end)

  it("holds each record of a world as the world gives it", function()
    local world = raft.sim.new { seed = 2, members = 3 }
    world:start_all()
    world:await_leader()
    local run, at = trace.of(world), 0
    local _, text = report.jsonl(run)
    for line in text:gmatch("([^\n]*)\n") do
      local _, object = json.decode(line)
      if object.type == "record" then
        at = at + 1
        object.type = nil
        assert.same(run.records[at], object)
      end
    end
    assert.equal(#run.records, at)
  end)

  it("says where it could not write", function()
    local ok, message = report.jsonl(small_run(), "/nowhere/at/all")
    assert.is_nil(ok)
    assert.equal("cannot write /nowhere/at/all: No such file or directory",
      message)
    ok, message = report.html(small_run(), "/dev/full")
    assert.is_nil(ok)
    assert.matches("^cannot write /dev/full: No space left", message)
  end)
end)

describe("report.html", function()
  it("cannot be broken by what a run says", function()
    local run = small_run()
    run.title = HOSTILE
    run.operations[1].value = HOSTILE
    run.records[1].fields.reason = HOSTILE
    local _, page = report.html(run)
    local _, scripts = page:gsub("</script>", "")
    assert.equal(2, scripts)
    assert.is_nil(page:find("<b>\"", 1, true))
    local data = page:match('id="data">\n(.-)</script>')
    local ok, object = json.decode(data)
    assert.is_true(ok, object)
    assert.equal(HOSTILE, object.title)
    assert.equal(HOSTILE, object.operations[1].value)
    assert.equal(HOSTILE, object.violation.text)
  end)

  it("names nothing outside of itself", function()
    local _, page = report.html(small_run())
    local rest = page:gsub("http://www%.w3%.org/2000/svg", "")
    assert.is_nil(rest:find("https?://"))
    assert.is_nil(rest:find("%ssrc="))
    assert.is_nil(rest:find("%shref="))
    assert.is_nil(rest:find("@import"))
  end)

  it("and the text are the same bytes for the same run", function()
    local function both()
      local world = raft.sim.new { seed = 3, members = 3, loss = 100 }
      world:start_all()
      world:run_for(2000000)
      local run = trace.of(world)
      return report.text(run) .. select(2, report.html(run))
    end
    assert.is_true(both() == both())
  end)
end)
