-- SPDX-License-Identifier: MIT
--
-- report.lua - a run as a conversation, as JSON lines, as a picture.
--
-- Holds:  three views of the runs of trace.lua.
-- Rule:   equal runs give equal bytes.

local json = require "raft.json"
local report_html = require "raft.report_html"
local trace = require "raft.trace"

local report = {}

-- ---- text ------------------------------------------------------------------

local function plain(value)
  return type(value) == "string" and value or json.encode(value)
end

local function milliseconds(time)
  return ("%.3f ms"):format(time / 1000)
end

local function said(operation)
  local parts = { operation.f or "call" }
  for _, name in ipairs { "key", "value" } do
    if operation[name] ~= nil then
      parts[#parts + 1] = plain(operation[name])
    end
  end
  return table.concat(parts, " ")
end

local Says = {}

Says["raft.role"] = function(fields)
  local text = fields.from == fields.to and "stays " .. fields.to
    or fields.from .. " becomes " .. fields.to
  if fields.reason and fields.reason ~= "" then
    text = text .. ": " .. fields.reason
  end
  return text
end

Says["raft.vote"] = function(fields)
  local text = (fields.granted and "votes for " or "does not vote for ")
    .. fields["for"]
  return fields.granted and text or text .. ": " .. fields.reason
end

Says["raft.receive"] = function(fields)
  return ("from %s: %s term=%s %s"):format(fields.from, fields.kind,
    fields.term, trace.numbers(fields))
end

-- Any other kind: its name and its fields, sorted.
local function generic(record)
  local parts = {}
  for name, value in pairs(record.fields) do
    if value ~= "" then
      parts[#parts + 1] = name .. "=" .. plain(value)
    end
  end
  table.sort(parts)
  return (record.kind .. " " .. table.concat(parts, " ")):gsub(" $", "")
end

local function fate(message)
  local first = message.arrivals[1]
  if first then
    local copies = #message.arrivals > 1
      and (", %d times"):format(#message.arrivals) or ""
    return ("arrives %+.3f ms%s"):format((first.time - message.sent) / 1000,
      copies)
  elseif message.lost then
    return "NOT DELIVERED: " .. message.lost
  end
  return "under way"
end

local HIDDEN = { ["sim.sent"] = true, ["sim.arrived"] = true,
                 ["sim.lost"] = true, ["raft.send"] = true }

local function add(lines, time, who, term, text, order)
  lines[#lines + 1] = { time = time, order = order or #lines,
    text = ("%15s  %-4s %-5s %s"):format(milliseconds(time), who,
      term and term > 0 and "t" .. term or "", text) }
end

local function add_records(lines, run)
  for _, record in ipairs(run.records) do
    if not HIDDEN[record.kind] then
      local say = Says[record.kind]
      add(lines, record.time, record.member > 0 and record.member or "",
        record.term, say and say(record.fields) or generic(record),
        record.number)
    end
  end
  for _, message in ipairs(trace.messages(run)) do
    if message.kind ~= "message" then
      add(lines, message.sent, message.from, message.term,
        ("to %d: %s %s (%s)"):format(message.to, message.kind,
          message.text or "", fate(message)), message.record)
    end
  end
end

local function add_operations(lines, run)
  for _, operation in ipairs(run.operations or {}) do
    local who = "c" .. operation.client
    add(lines, operation.from, who, nil, "asks: " .. said(operation)
      .. (operation.marked and " (of the counterexample)" or ""), 0)
    if operation.to then
      local answer = operation.outcome == "ok" and plain(operation.result)
        or operation.code or operation.outcome
      add(lines, operation.to, who, nil, ("gets: %s (%s, %s)"):format(answer,
        said(operation), milliseconds(operation.to - operation.from)))
    end
  end
end

--- A run as a conversation: one line per event, the clock in front, then who
-- (a member, or c1: a client), its term, and what happened.
function report.text(run)
  local lines = {}
  add_records(lines, run)
  add_operations(lines, run)
  for _, note in ipairs(run.notes or {}) do
    add(lines, note.time, "", nil, "NOTE " .. note.text, -2)
  end
  for _, fault in ipairs(run.faults or {}) do
    add(lines, fault.from, "", nil, ("FAULT %s %s until %s"):format(
      fault.name, fault.text or table.concat(fault.targets, " "),
      milliseconds(fault.to)), -1)
  end
  if run.violation then
    add(lines, run.violation.time, "", nil, "VIOLATION "
      .. run.violation.name .. ": " .. run.violation.text, math.huge)
  end
  table.sort(lines, function(a, b)
    return a.time < b.time or a.time == b.time and a.order < b.order
  end)
  local out = { run.title or "run" }
  if run.dropped and run.dropped > 0 then
    out[2] = ("(%d earlier records were not kept)"):format(run.dropped)
  end
  for _, line in ipairs(lines) do
    out[#out + 1] = line.text
  end
  return table.concat(out, "\n") .. "\n"
end

-- ---- files -----------------------------------------------------------------

-- @return true, path; or nil, message
local function write(path, chunks)
  local file, message = io.open(path, "wb")
  if not file then
    return nil, "cannot write " .. message
  end
  for _, chunk in ipairs(chunks) do
    local ok, why = file:write(chunk)
    if not ok then
      file:close()
      return nil, ("cannot write %s: %s"):format(path, why)
    end
  end
  local ok, why = file:close()
  if not ok then
    return nil, ("cannot write %s: %s"):format(path, why)
  end
  return true, path
end

local function line_of(what, item)
  local line = { type = what }
  for name, value in pairs(item) do
    line[name] = value
  end
  return json.encode(line) .. "\n"
end

-- Records are many and of few shapes: the order of their fields is found once
-- for a kind, and each string is encoded once.
local function record_lines(lines, records)
  local names, known = {}, {}
  local function encode(value)
    local text = type(value) == "number" and ("%.0f"):format(value)
      or known[value]
    if not text then
      text = json.encode(value)
      known[value] = text
    end
    return text
  end
  for _, record in ipairs(records) do
    local order, fields = names[record.kind], {}
    if not order then
      order = {}
      for name in pairs(record.fields) do
        order[#order + 1] = name
      end
      table.sort(order)
      names[record.kind] = order
    end
    for i, name in ipairs(order) do
      fields[i] = encode(name) .. ":" .. encode(record.fields[name])
    end
    lines[#lines + 1] = ('{"type":"record","number":%d,"time":%d,'
      .. '"member":%d,"term":%d,"kind":%s,"level":%s,"fields":{%s}}\n')
      :format(record.number, record.time, record.member, record.term,
        encode(record.kind), encode(record.level), table.concat(fields, ","))
  end
end

--- A run as JSON lines: a head, then records, operations, faults and the
-- violation, each with its type; docs/reading_a_failure.md has the fields.
-- @param path where to write; nil: the text is returned
-- @return true, path (or true, text); or nil, message
function report.jsonl(run, path)
  local lines = { line_of("run", { title = run.title, nodes = run.nodes,
    seed = run.seed, now = run.now }) }
  record_lines(lines, run.records)
  for _, list in ipairs { { "operation", run.operations or {} },
    { "fault", run.faults or {} }, { "note", run.notes or {} } } do
    for _, item in ipairs(list[2]) do
      lines[#lines + 1] = line_of(list[1], item)
    end
  end
  if run.violation then
    lines[#lines + 1] = line_of("violation", run.violation)
  end
  if path == nil then
    return true, table.concat(lines)
  end
  return write(path, lines)
end

--- A run as one HTML file that needs nothing else: a diagram of the messages.
-- @param path where to write; nil: the text is returned
-- @return true, path (or true, text); or nil, message
function report.html(run, path)
  local page = report_html.page(run)
  if path == nil then
    return true, page
  end
  return write(path, { page })
end

return report
