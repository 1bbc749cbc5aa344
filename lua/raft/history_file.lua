-- SPDX-License-Identifier: MIT
--
-- history_file.lua - histories in files: JSON lines, EDN, Jepsen's text log.
--
-- Holds:     the three forms, each as events of history.lua, and back.
-- Rule:      bytes from outside are data: what is not understood is one line
--            with file, line, what was expected and what came.
--
--   {"process":1,"type":"invoke","f":"put","key":"x","value":"a","time":1000}
--   {:process 1, :type :invoke, :f :put, :key "x", :value "a", :time 1000000}
--   INFO  jepsen.util - 1    :invoke    :write    1

local edn = require "raft.edn"
local history = require "raft.history"
local json = require "raft.json"
local wording = require "raft.wording"

local file = {}

local NEMESIS = "nemesis" -- whose events are of no client

local TYPES = { invoke = true, ok = true, fail = true, info = true }

-- ---- from events to a history --------------------------------------------

local function check_shape(event)
  local process = type(event.process)
  if process ~= "number" and process ~= "string" then
    return wording.expected("process, a number or a string", event.process)
  elseif not TYPES[event.type] then
    return wording.expected("type, one of invoke, ok, fail, info",
      event.type)
  elseif event.time ~= nil
         and (type(event.time) ~= "number" or event.time < 0) then
    return wording.expected("time, a number from 0", event.time)
  elseif type(event.f) ~= "string" then
    return wording.expected("f, a string", event.f)
  elseif event.age ~= nil
         and (type(event.age) ~= "number" or event.age < 0) then
    return wording.expected("age, a number from 0", event.age)
  elseif event.age and event.type == "invoke" and not event.time then
    return wording.expected("time beside age", event.time)
  end
  return true
end

-- Adds one event that was read; nil and a message when it does not fit.
local function add(self, event, line)
  local ok, message = check_shape(event)
  if not ok then
    return nil, message
  end
  local number = self.running[event.process]
  if event.type == "invoke" then
    if number then
      return nil, ("expected the end of %s, called in line %s, got another"
        .. " call of process %s"):format(self.operations[number].f,
        tostring(self.operations[number].line), tostring(event.process))
    end
    history.begin(self, event.process, event, line)
    return true
  elseif not number then
    return nil, ("expected an invoke of process %s before its %s, got none")
      :format(tostring(event.process), event.type)
  elseif self.operations[number].f ~= event.f then
    return nil, ("expected the end of %s, got %s"):format(
      self.operations[number].f, event.f)
  end
  history.conclude(self, self.operations[number], event)
  return true
end

-- What is not of a client: Jepsen writes its nemesis into the same file.
local function is_client(event)
  return type(event) ~= "table" or event.process ~= NEMESIS
end

-- ---- JSON lines ----------------------------------------------------------

local function read_json(line)
  local ok, event = json.decode(line)
  if not ok then
    return nil, event
  elseif type(event) ~= "table" then
    return wording.expected("an object", event)
  end
  return event
end

-- ---- Jepsen's text log ---------------------------------------------------

local LOG = "^INFO%s+jepsen%.util%s+%-%s+(%S+)%s+:(%l+)%s+:(%S+)%s*(.*)$"

-- Nearly all of them are nil, a number, or two.
local function log_value(text)
  if text == "nil" then
    return nil
  elseif text:find("^%d+$") then
    return tonumber(text)
  end
  local old, new = text:match("^%[(%d+) (%d+)%]$")
  if old then
    return { tonumber(old), tonumber(new) }
  end
  return edn.read(text)
end

-- A failed cas of that log is one that compared and found another value: it
-- is what etcd answered. Everything that timed out but did not say ':info' is
-- a read, whose outcome does not matter.
local function read_log(line)
  local process, kind, f, rest = line:match(LOG)
  if not process then
    return wording.expected("INFO  jepsen.util - PROCESS :TYPE :F VALUE",
      line)
  elseif process == ":nemesis" then
    return { process = NEMESIS }
  end
  local event = { process = tonumber(process) or process, type = kind, f = f,
    value = nil, reason = nil, operation = nil }
  if rest:find("^:timed%-out%s*$") then
    event.reason = "timed out"
    return event
  end
  local value, message = log_value(rest)
  if message then
    return nil, message
  end
  event.value = value
  if kind == "fail" and f == "cas" then
    event.type, event.value = "ok", false
  end
  return event
end

-- ---- reading -------------------------------------------------------------

local function guess(self)
  local words, keyed = {}, false
  for _, operation in ipairs(self.operations) do
    words[operation.f] = true
    keyed = keyed or operation.key ~= nil
  end
  if words.get or words.put then
    return "kv"
  elseif words.append then
    return keyed and words.get and "kv" or "append"
  elseif words.enqueue or words.dequeue then
    return "queue"
  elseif words.cas then
    return "cas-register"
  elseif words.write then
    return "register"
  end
  for _, operation in ipairs(self.operations) do
    if operation.f == "read" and type(operation.output) == "table" then
      return "set"
    end
  end
  return words.add and "counter" or "register"
end

local function each_line(self, path, text, read)
  local number, at = 0, 1
  while at <= #text do
    local stop = text:find("\n", at, true) or #text + 1
    local line = text:sub(at, stop - 1)
    number, at = number + 1, stop + 1
    local event, message = read(line)
    local ok = event ~= nil or not line:find("%S")
    if event and is_client(event) then
      ok, message = add(self, event, number)
    end
    if not ok then
      return nil, ("%s:%d: %s"):format(path, number, message), "malformed"
    end
  end
  return self
end

local function read_edn(self, path, text)
  local events, message, line = edn.read_all(text)
  if not events then
    return nil, ("%s:%d: %s"):format(path, line, message), "malformed"
  end
  for i, event in ipairs(events) do
    local at = events.lines[i]
    local ok = true
    if type(event) ~= "table" then
      ok, message = wording.expected("a map", event)
    elseif is_client(event) then
      event.reason, event.error = event.error, nil
      for _, name in ipairs { "time", "age" } do -- Jepsen's are nanoseconds
        if type(event[name]) == "number" then
          event[name] = event[name] / 1000
        end
      end
      ok, message = add(self, event, at)
    end
    if not ok then
      return nil, ("%s:%d: %s"):format(path, at, message), "malformed"
    end
  end
  return self
end

--- See history.read.
function file.read(path)
  local handle, message = io.open(path, "rb")
  if not handle then
    return nil, message, "io"
  end
  local text
  text, message = handle:read("*a")
  handle:close()
  if not text then
    return nil, path .. ": " .. tostring(message), "io"
  end
  local self = history.new {}
  local head = text:match("^%s*(%S)")
  local ok, code
  if head == nil then
    return nil, path .. ":1: expected a history, got an empty file",
      "malformed"
  elseif head == "I" then
    ok, message, code = each_line(self, path, text, read_log)
  elseif head == "{" and text:match("^%s*{%s*\"") then
    ok, message, code = each_line(self, path, text, read_json)
  else
    ok, message, code = read_edn(self, path, text)
  end
  if not ok then
    return nil, message, code
  end
  self.model = guess(self)
  return self
end

-- ---- writing -------------------------------------------------------------

local function json_line(event)
  return json.encode {
    process = event.process, type = event.type, f = event.f,
    key = event.key, value = event.value, time = event.time,
    age = event.age, reason = event.reason,
  }
end

local function edn_line(event)
  local process = event.process == NEMESIS and ":nemesis"
    or edn.write(event.process)
  local parts = { ":process " .. process,
    ":type :" .. event.type, ":f :" .. event.f }
  if event.key ~= nil then
    parts[#parts + 1] = ":key " .. edn.write(event.key)
  end
  parts[#parts + 1] = ":value " .. edn.write(event.value)
  if event.time then
    parts[#parts + 1] = (":time %.0f"):format(event.time * 1000)
  end
  if event.age then
    parts[#parts + 1] = (":age %.0f"):format(event.age * 1000)
  end
  if event.reason then
    parts[#parts + 1] = ":error " .. edn.write(event.reason)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local FORMS = { jsonl = json_line, edn = edn_line }

-- The begin and the end of each fault, between the events of clients.
local function with_bands(events, bands)
  local list = {}
  local function put(event, time)
    list[#list + 1] = { event = event, time = time or 0, order = #list }
  end
  local latest = 0
  for _, event in ipairs(events) do
    latest = math.max(latest, event.time or 0) -- their order is what it is
    put(event, latest)
  end
  for _, band in ipairs(bands) do
    for _, word in ipairs { "start", "stop" } do
      local time = word == "start" and band.from or band.to
      put({ process = NEMESIS, type = "info", value = band.targets,
        f = word .. "-" .. band.name:gsub(" ", "-"), time = time }, time)
    end
  end
  table.sort(list, function(a, b)
    return a.time < b.time or a.time == b.time and a.order < b.order
  end)
  for i, item in ipairs(list) do
    list[i] = item.event
  end
  return list
end

--- See history:write.
function file.write(self, path, form, bands)
  local line = FORMS[form]
  if not line then
    error("history:write: expected a form, jsonl or edn, got "
      .. wording.describe(form), 3)
  end
  local handle, message = io.open(path, "wb")
  if not handle then
    return nil, message, "io"
  end
  local events = self:events()
  local ok = true
  for _, event in ipairs(bands and with_bands(events, bands) or events) do
    if ok then
      ok, message = handle:write(line(event), "\n")
    end
  end
  local closed, why = handle:close()
  ok, message = ok and closed, message or why
  if not ok then
    return nil, path .. ": " .. tostring(message), "io"
  end
  return true
end

return file
