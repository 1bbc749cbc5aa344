-- SPDX-License-Identifier: MIT
--
-- report_html.lua - a run as one HTML file, readable without a network.
--
-- Holds:  the page's frame, and a run as compact JSON inside it; what the
--         reader sees is drawn by the scripts of report_data.lua,
--         report_draw.lua, report_arrow.lua, report_notes.lua,
--         report_list.lua and report_view.lua.
-- Rule:   no text of a run is markup: it stands in JSON without "<", and in
--         the frame escaped.

local json = require "raft.json"
local trace = require "raft.trace"

local report_html = {}

local function escape(text)
  return (tostring(text):gsub("[&<>\"]", {
    ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

-- Most strings of a run come again and again.
local function encoder()
  local known = {}
  return function(value)
    if type(value) ~= "string" then
      return json.encode(value)
    end
    local text = known[value]
    if not text then
      text = json.encode(value)
      known[value] = text
    end
    return text
  end
end

-- ---- the data --------------------------------------------------------------

-- { "name", "level", "field", … } of a kind; fields in the order of names.
local function kind_of(kinds, record)
  local kind = kinds[record.kind]
  if not kind then
    kind = { number = kinds.count, names = {}, level = record.level,
      name = record.kind }
    for name in pairs(record.fields) do
      kind.names[#kind.names + 1] = name
    end
    table.sort(kind.names)
    kinds[record.kind] = kind
    kinds.count = kinds.count + 1
    kinds[kinds.count] = kind
  end
  return kind
end

-- [time, member, term, kind, fields …]
local function records_json(run, encode, kinds)
  local parts = {}
  for i, record in ipairs(run.records) do
    local kind = kind_of(kinds, record)
    local line = { ("%d,%d,%d,%d"):format(record.time, record.member or 0,
      record.term or 0, kind.number) }
    for at, name in ipairs(kind.names) do
      line[at + 1] = encode(record.fields[name])
    end
    parts[i] = "[" .. table.concat(line, ",") .. "]"
  end
  return "[" .. table.concat(parts, ",\n") .. "]"
end

local function kinds_json(kinds, encode)
  local parts = {}
  for i, kind in ipairs(kinds) do
    local line = { encode(kind.name), encode(kind.level or "info") }
    for _, name in ipairs(kind.names) do
      line[#line + 1] = encode(name)
    end
    parts[i] = "[" .. table.concat(line, ",") .. "]"
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

-- [from, to, kind, term, sent, record, text, [arrival, record, …], lost,
--  lost at]; records by their place in the list, from 0, -1: none
local function messages_json(run, encode)
  local parts, place = {}, {}
  for i, record in ipairs(run.records) do
    place[record.number or i] = i - 1
  end
  for i, message in ipairs(trace.messages(run)) do
    local arrivals = {}
    for _, arrival in ipairs(message.arrivals) do
      arrivals[#arrivals + 1] = ("%d,%d"):format(arrival.time,
        place[arrival.record] or -1)
    end
    parts[i] = ("[%d,%d,%s,%d,%d,%d,%s,[%s],%s,%d]"):format(message.from,
      message.to, encode(message.kind), message.term or 0, message.sent,
      place[message.record] or -1, encode(message.text or ""),
      table.concat(arrivals, ","), encode(message.lost),
      message.lost_at or 0)
  end
  return "[" .. table.concat(parts, ",\n") .. "]"
end

local function data_json(run)
  local encode, kinds = encoder(), { count = 0 }
  local first, last = trace.span(run)
  local records = records_json(run, encode, kinds)
  local text = "{" .. table.concat({
    '"title":' .. encode(run.title or "run"),
    '"nodes":' .. (run.nodes or 0),
    ('"from":%d,"to":%d'):format(first, last),
    '"kinds":' .. kinds_json(kinds, encode),
    '"records":' .. records,
    '"messages":' .. messages_json(run, encode),
    '"operations":' .. json.encode(run.operations or {}),
    '"faults":' .. json.encode(run.faults or {}),
    '"notes":' .. json.encode(run.notes or {}),
    '"violation":' .. encode(run.violation),
  }, ",\n") .. "}"
  return (text:gsub("<", "\\u003c"))
end

-- ---- the frame -------------------------------------------------------------

local FRAME = [==[
<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; @
script-src 'unsafe-inline'">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<header><h1>$title</h1><div id="sum"></div>$violation
<ol id="story" aria-label="what happens" hidden></ol></header>
<nav aria-label="view and filters" id="tools"></nav>
<div id="stage">
<canvas id="view" tabindex="0" role="img" aria-describedby="about"
 aria-label="message diagram"></canvas>
<canvas id="map" aria-hidden="true"></canvas>
<div id="tip" hidden></div>
</div>
<p id="about" class="away">Members are lanes, time goes to the right; messages
are arrows between lanes. The table below holds the same records as text.</p>
<main>
<section class="box" aria-labelledby="listhead">
<h2 id="listhead">In view <small id="count"></small></h2>
<div id="list"><table><thead><tr><th scope="col">time, ms</th>
<th scope="col">who</th><th scope="col">term</th>
<th scope="col">what</th></tr></thead><tbody id="rows"></tbody></table></div>
</section>
<aside>
<section class="box" aria-live="polite"><h2>Selected</h2>
<div id="pick"></div></section>
<div id="keys"></div>
</aside>
</main>
<noscript><p>The diagram needs JavaScript; the same run can be had as
text.</p></noscript>
<script type="application/json" id="data">
$data</script>
<script>
"use strict";
$script</script>
</body>
</html>
]==]

--- The page of a run.
function report_html.page(run)
  local violation = run.violation
  local values = {
    title = escape(run.title or "run"),
    style = require "raft.report_style",
    violation = violation and ('<button id="bad" type="button"><b>&#9873; '
      .. escape(violation.name) .. "</b><span>" .. escape(violation.text)
      .. "</span></button>") or "",
    data = data_json(run),
    script = require "raft.report_data" .. require "raft.report_draw"
      .. require "raft.report_arrow" .. require "raft.report_notes"
      .. require "raft.report_list" .. require "raft.report_view",
  }
  return (FRAME:gsub("@\n", ""):gsub("%$(%l+)", values))
end

return report_html
