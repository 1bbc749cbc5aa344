-- SPDX-License-Identifier: MIT
--
-- desk.lua - members of core/replica on one desk, as specs want them.
--
-- Holds: requests and answers as Lua values over raft.probe's desk
--        (bindings/probe_replica.c).

local core = require "raft.core"
local probe = require "raft.probe"

local desk = {}

local function encode(value)
  return select(2, assert(core.encode(value)))
end

local function decode(bytes)
  return select(2, assert(core.decode(bytes)))
end

local Client = {}
Client.__index = Client

--- Members that are made, started, and have had time to elect a leader.
-- @param options { members = 3, limits = { sessions = 2 }, … } as for
--   probe.desk
function desk.new(options)
  local made = probe.desk(options)
  assert(made:init())
  for id = 1, options.members or 1 do
    made:start(id)
  end
  made:run(2e6)
  return made
end

--- The member that leads, its id.
function desk.leader(made, members)
  for id = 1, members or 1 do
    local status = made:status(id)
    if made:state(id) == "up" and status.role == "leader" then
      return id
    end
  end
  error "nobody leads"
end

local CODES = {}
for name, row in pairs(core.errors) do
  CODES[row.number] = name
end

-- { id = , result = } or { id = , code = , message = , detail = }
local function read_answer(raw)
  if raw.hang_up then
    return { hang_up = true, connection = raw.connection, from = raw.from }
  end
  local response = decode(raw.bytes)
  assert(response[1] == 1, "a response")
  local answer = { id = response[2], connection = raw.connection,
    from = raw.from }
  local failure = response[3]
  if failure ~= core.null then
    answer.code = CODES[failure[1]]
    answer.message = failure[2]
    answer.detail = failure[3]
  elseif response[4] ~= core.null then
    answer.result = response[4]
  end
  return answer
end

--- What was answered since the last time, in order.
function desk.answers(made)
  local answers = {}
  for i, raw in ipairs(made:answers()) do
    answers[i] = read_answer(raw)
  end
  return answers
end

--- A connection to one member.
function desk.client(made, id, connection)
  return setmetatable({ desk = made, id = id, connection = connection or 1,
    request = 0 }, Client)
end

function Client:next_request()
  self.request = self.request + 1
  return self.request
end

--- It greets, and gets details with errors from then on.
function Client:greet()
  return self.desk:send(self.id, self.connection, encode { 2, "hello",
    { { role = "client", protocol = 1 } } })
end

--- Sends without waiting; returns the request's number, or nil, message,
-- code when the connection is refused.
function Client:send(method, params)
  local request = self:next_request()
  local sent, message, code = self.desk:send(self.id, self.connection,
    encode { 0, request, method, params })
  if not sent then
    return nil, message, code
  end
  return request
end

--- The same as an operator.
function Client:administer(method, params)
  local request = self:next_request()
  assert(self.desk:administer(self.id, self.connection,
    encode { 0, request, method, params }))
  return request
end

--- Sends; a member that is not there, or has no memory, is no error.
function Client:send_quietly(method, params)
  local sent = self:send(method, params)
  if not sent then
    self.desk:hang_up(self.id, self.connection)
  end
end

function Client:propose(command, session, sequence, first)
  local request = self:next_request()
  assert(self.desk:propose(self.id, self.connection, request,
    encode(command), session, sequence, first))
  return request
end

-- The one answer to a request, everything that can happen having happened.
local function await(client, request)
  client.desk:settle()
  local found
  for _, answer in ipairs(desk.answers(client.desk)) do
    if answer.id == request and answer.connection == client.connection then
      assert(not found, "answered twice")
      found = answer
    end
  end
  return found
end

--- Sends and returns the answer, nil: none came.
function Client:ask(method, params)
  return await(self, self:send(method, params))
end

--- The answer to an operator, nil: none came yet.
function Client:order(method, params)
  return await(self, self:administer(method, params))
end

function Client:apply(command, session, sequence, first)
  return await(self, self:propose(command, session, sequence, first))
end

function Client:query(question, read)
  return self:ask("query", { question, read or "linear" })
end

--- Opens a session and returns its id.
function Client:open_session()
  return self:ask("open_session", {}).result
end

--- The commands that a member's machine saw, as values.
function desk.applied(made, id)
  local commands = {}
  for i, applied in ipairs(made:applied(id)) do
    commands[i] = decode(applied.command)
  end
  return commands
end

return desk
