-- SPDX-License-Identifier: MIT
--
-- exposition.lua - a naive reader of Prometheus' text exposition format.
--
-- Holds:  read: text as families, and an error for whatever the format or its
--         conventions forbid. Written from the format's description, knowing
--         nothing of lua/raft/metrics.lua.

local exposition = {}

local UNITS = { "_seconds", "_bytes", "_index", "_entries", "_total" }

local function check(condition, number, line, what)
  if not condition then
    error(("line %d: %s: %s"):format(number, what, line), 0)
  end
end

-- '{a="b",c="d"}' -> { a = "b", c = "d" }
local function labels_of(text, number, line)
  local labels, at = {}, 1
  while at <= #text do
    local name, from = text:match('^([%a_][%w_]*)="()', at)
    check(name and not labels[name], number, line, "a label")
    local value, stop = {}, from
    while text:sub(stop, stop) ~= '"' do
      check(stop <= #text, number, line, "a label's end")
      local char = text:sub(stop, stop)
      if char == "\\" then
        stop = stop + 1
        char = ({ n = "\n", ["\\"] = "\\", ['"'] = '"' })[text:sub(stop,
          stop)]
        check(char, number, line, "an escape")
      end
      value[#value + 1] = char
      stop = stop + 1
    end
    labels[name] = table.concat(value)
    at = text:match("^,?()", stop + 1)
  end
  return labels
end

local function number_of(text)
  return ({ ["+Inf"] = 1 / 0, ["-Inf"] = -1 / 0 })[text] or tonumber(text)
end

local function family_of(families, name)
  local base = name:gsub("_bucket$", ""):gsub("_sum$", "")
    :gsub("_count$", "")
  return families[name] or families[base]
end

-- Buckets rise, the last one is +Inf and equals _count.
local function check_histogram(family)
  local series = {}
  for _, one in ipairs(family.samples) do
    local key = one.labels.member
    local s = series[key] or { last = -1, bound = -1 }
    series[key] = s
    if one.name:find "_bucket$" then
      local bound = number_of(one.labels.le)
      assert(bound > s.bound and one.value >= s.last, "buckets must rise")
      s.bound, s.last = bound, one.value
    elseif one.name:find "_count$" then
      assert(s.bound == 1 / 0 and s.last == one.value, "+Inf is the count")
      s.is_counted = true
    end
  end
  for key, s in pairs(series) do
    assert(s.is_counted, family.name .. " of " .. key .. " has no _count")
  end
end

-- Counters end with _total and never fall below 0; nothing else does.
local function check_family(family)
  local ends = family.name:find "_total$" ~= nil
  assert(ends == (family.type == "counter"), family.name .. " as a "
    .. family.type)
  if family.type == "histogram" then
    local has_unit = false
    for _, unit in ipairs(UNITS) do
      has_unit = has_unit or family.name:sub(-#unit) == unit
    end
    assert(has_unit, family.name .. " names no unit")
    check_histogram(family)
  end
  assert(#family.samples > 0, family.name .. " has no sample")
end

--- { raft_term = { name = , type = "gauge", help = , samples = { { name = ,
-- labels = { member = "1" }, value = 7 } } } }; raises when it is none.
function exposition.read(text)
  local families, current, seen, number = {}, nil, {}, 0
  assert(text:sub(-1) == "\n", "the last line has no end")
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    local word, name, rest = line:match "^# (%u+) ([%a_:][%w_:]*) (.*)$"
    if word == "HELP" then
      check(not families[name], number, line, "a family twice")
      current = { name = name, help = rest, samples = {} }
      families[name] = current
    elseif word == "TYPE" then
      check(current and current.name == name, number, line, "TYPE of HELP")
      check(({ gauge = 1, counter = 1, histogram = 1 })[rest], number, line,
        "a type")
      current.type = rest
    else
      local metric, labels, value = line:match
        "^([%a_:][%w_:]*){(.*)} (%S+)$"
      check(metric and number_of(value), number, line, "a sample")
      check(family_of(families, metric) == current, number, line,
        "a sample of the family above")
      check(not seen[metric .. labels], number, line, "a series twice")
      seen[metric .. labels] = true
      current.samples[#current.samples + 1] = { name = metric,
        labels = labels_of(labels, number, line), value = number_of(value) }
    end
  end
  for _, family in pairs(families) do
    check_family(family)
  end
  return families
end

--- The value of the first sample with these labels.
function exposition.value(families, name, labels)
  local family = family_of(families, name)
  for _, one in ipairs(family and family.samples or {}) do
    local fits = one.name == name
    for key, value in pairs(labels or {}) do
      fits = fits and one.labels[key] == value
    end
    if fits then
      return one.value
    end
  end
end

return exposition
