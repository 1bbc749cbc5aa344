-- SPDX-License-Identifier: MIT
--
-- sim_client.lua - clients of a simulated cluster, as a scenario has them.
--
--   local client = cluster:client()
--   local old = client:propose { "set", "x", 1 }       -- raises on failure
--   local ok, x, code, detail = client:try("query", { "get", "x" })
--   local call = client:start("propose", { "set", "x", 2 })
--   cluster:crash(1)
--   print(call:wait())                                  -- or call:try()
--
-- Holds:  calls under way and what became of them.
-- Rule:   a call that fails raises at the user's line; a mistake does too.

local core = require "raft.core"
local blame = require "raft.blame"
local quantity = require "raft.quantity"
local wording = require "raft.wording"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local Call = {}
local Client = {}

local sim_client = { Client = Client, Call = Call }

-- ---- options ---------------------------------------------------------------

local VERBS = {
  propose = { "deadline" },
  query = { "deadline", "max_age", "read" },
}
local READS = { linear = "read", stale = "stale", lease = "lease",
                follower = "follower" }

local function check_keys(where, given, names)
  if given == nil then
    return {}
  elseif type(given) ~= "table" then
    blame.raise(where .. ": "
      .. select(2, wording.expected("a table of options", given)))
  end
  for key in pairs(given) do
    local known = false
    for _, name in ipairs(names) do
      known = known or name == key
    end
    if not known then
      local near = type(key) == "string" and wording.nearest(key, names)
      blame.raise(('%s: unknown option "%s", %s'):format(where,
        tostring(key), near and ('did you mean "%s"?'):format(near)
          or "expected one of " .. table.concat(names, ", ")))
    end
  end
  return given
end

local function read_duration(where, name, value)
  if value == nil then
    return nil
  end
  local us, message = quantity.duration(value)
  if not us then
    blame.raise(("%s: option %s: %s"):format(where, name, message))
  end
  return us
end

sim_client.check_keys, sim_client.read_duration = check_keys, read_duration

-- ---- calls -----------------------------------------------------------------

-- What a completion says: true, result or nil, message, code, detail.
local function results_of(done)
  if done.ok then
    local result
    if #done.bytes > 0 then
      result = select(2, core.decode(done.bytes))
    end
    return { true, result, n = 2 }
  end
  local message = done.message
  if done.code == "apply_failed" and #done.bytes > 0 then
    message = tostring(select(2, core.decode(done.bytes)))
  elseif message == "" then
    message = core.errors[done.code] and core.errors[done.code].text
      or done.code
  end
  return { nil, message, done.code, { leader = done.leader }, n = 4 }
end

local function finish(call, results)
  call.results = results
  for _, process in ipairs(call.waiting) do
    call.client.processes:wake(process)
  end
  call.waiting = {}
end

--- Whether it has ended.
function Call:is_done()
  return self.results ~= nil
end

--- Waits for its end.
-- @return true and the result; or nil, message, code, detail
function Call:try()
  local processes = self.client.processes
  if not self.results then
    local process = processes:current("call:try")
    self.waiting[#self.waiting + 1] = process
    processes:wait("call:try")
  end
  return unpack(self.results, 1, self.results.n)
end

--- Waits for its end. @return the result; raises when there is none
function Call:wait()
  local ok, result, code = self:try()
  if not ok then
    blame.raise(("client:%s: %s (%s)"):format(self.verb, tostring(result),
      tostring(code)))
  end
  return result
end

local strict_call = blame.strict("a call",
  { try = true, wait = true, is_done = true })

function Call.__index(_, key)
  local method = rawget(Call, key)
  if method ~= nil or key == "results" then
    return method
  end
  return strict_call(nil, key)
end

-- ---- clients ---------------------------------------------------------------

-- The kind of a call, as the world has it, and how old what it sees may be.
local function kind_of(where, verb, given)
  if verb ~= "query" then
    return "write"
  end
  local kind = READS[given.read or "linear"]
  local age = read_duration(where, "max_age", given.max_age)
  if not kind then
    blame.raise(where .. ": option read: " .. select(2,
      wording.expected("one of linear, lease, follower, stale", given.read)))
  elseif age and (kind ~= "stale" or age < 1) then
    blame.raise(where .. ": option max_age: expected "
      .. (kind == "stale" and "a time above 0" or 'read = "stale" with it'))
  end
  return age and "bounded" or kind, age
end

local function start(self, where, verb, value, given)
  given = check_keys(where, given, VERBS[verb])
  self.processes:check_stop(where)
  local kind, age = kind_of(where, verb, given)
  local ok, bytes = core.encode(value)
  if not ok then
    blame.raise(("%s: the command cannot be sent: %s"):format(where,
      tostring(bytes)))
  end
  local call = setmetatable({ client = self, verb = verb, waiting = {} },
    Call)
  local number, message, code = self.handle:invoke(self.number, kind, bytes,
    read_duration(where, "deadline", given.deadline)
      or self.deadline or nil, age)
  if number then
    self.calls[number] = call
  else
    finish(call, { nil, message, code, {}, n = 4 })
  end
  if self.ties then
    self.ties:made(self.number, call)
  end
  return call
end

local function check_verb(where, verb)
  if VERBS[verb] then
    return verb
  end
  blame.raise(where .. ": " .. select(2,
    wording.expected('"propose" or "query"', verb)))
end

--- Begins a call. @return it: call:wait(), call:try(), call:is_done()
function Client:start(verb, value, given)
  return start(self, "client:start", check_verb("client:start", verb), value,
    given)
end

--- A call, to its end. @return true, result; or nil, message, code, detail
function Client:try(verb, value, given)
  local call = start(self, "client:try", check_verb("client:try", verb),
    value, given)
  return call:try()
end

for verb in pairs(VERBS) do
  --- A call, to its end. @return the bare result; raises when it fails
  Client[verb] = function(self, value, given)
    local call = start(self, "client:" .. verb, verb, value, given)
    return (call:wait())
  end
end

local METHODS = { start = Client.start, try = Client.try,
                  propose = Client.propose, query = Client.query }
local strict = blame.strict("a client", METHODS)

function Client.__index(self, key)
  return METHODS[key] or strict(self, key)
end

--- Takes what has ended from the world. @return whether anything had
function sim_client.collect(clients)
  local any = false
  for _, client in ipairs(clients) do
    local done = client.handle:take(client.number)
    while done do
      local call = client.calls[done.number]
      client.calls[done.number] = nil
      if call then
        finish(call, results_of(done))
      end
      any = true
      done = client.handle:take(client.number)
    end
  end
  return any
end

--- @param given { session = true, deadline = "3s", only = false }
function sim_client.new(cluster, home, given)
  local where = "cluster:client"
  given = check_keys(where, given, { "deadline", "only", "session" })
  local deadline = read_duration(where, "deadline", given.deadline)
  if #cluster.clients >= 64 then
    blame.raise(where .. ": expected at most 64 clients, got one more")
  end
  local client = setmetatable({
    handle = cluster.handle, processes = cluster.processes, calls = {},
    deadline = deadline or false, -- false: the world's
    ties = cluster.ties,
    number = cluster.handle:client(given.session ~= false, home,
      given.only and home ~= nil),
  }, Client)
  cluster.clients[#cluster.clients + 1] = client
  return client
end

return sim_client
