-- SPDX-License-Identifier: MIT
--
-- client_world.lua - a client of core/client whose world is the spec.
--
-- Holds: what it asks of its door, and what completes, as Lua values over
--        raft.probe's client (bindings/probe_client.c).

local assert = require "luassert"
local core = require "raft.core"
local probe = require "raft.probe"

local function encode(value)
  return select(2, assert(core.encode(value)))
end

local function decode(bytes)
  return select(2, assert(core.decode(bytes)))
end

-- A client, and what it did as values.
local World = { encode = encode, decode = decode }
World.__index = World

function World.new(options)
  options.addresses = options.addresses or { "a:1", "b:1", "c:1" }
  return setmetatable({ client = assert(probe.client(options)), said = {} },
    World)
end

-- { what, endpoint, address or request } since the last time.
function World:did()
  local list = {}
  for i, row in ipairs(self.client:done_with()) do
    local what, endpoint, bytes = row[1], row[2], row[3]
    if what == "send" then
      local request = bytes
      if request.command then
        request.params = { decode(request.command), request.session,
          request.sequence, request.first }
      else
        request.params = decode(request.params)
      end
      list[i] = { what, endpoint, request }
    else
      list[i] = { what, endpoint, bytes }
    end
  end
  return list
end

-- The only thing that it did.
function World:did_one(what)
  local list = self:did()
  assert.equal(1, #list)
  assert.equal(what, list[1][1])
  return list[1][2], list[1][3]
end

function World:answer(endpoint, id, result)
  self.client:message(endpoint, encode { 1, id, core.null, result })
end

function World:refuse(endpoint, id, code, detail)
  local number = core.errors[code].number
  self.client:message(endpoint, encode { 1, id,
    { number, "refused", detail }, core.null })
end

function World:completed()
  local list = self.client:completed()
  for _, row in ipairs(list) do
    if row.result ~= "" then
      row.result = decode(row.result)
    else
      row.result = nil
    end
  end
  return list
end

function World:completed_one()
  local list = self:completed()
  assert.equal(1, #list)
  return list[1]
end

-- Connected to one endpoint, with a session.
function World.ready(options)
  local world = World.new(options or {})
  world.client:propose(encode "first")
  local endpoint = world:did_one "connect"
  world.client:connected(endpoint)
  local _, open = world:did_one "send"
  assert.equal("open_session", open.method)
  world:answer(endpoint, open.id, 50)
  local _, propose = world:did_one "send"
  assert.same({ "first", 50, 1, 1 }, { propose.params[1], propose.params[2],
    propose.params[3], propose.params[4] })
  world:answer(endpoint, propose.id, "done")
  assert.same({ "ok", "done" }, { world:completed()[1].code, "done" })
  return world, endpoint
end

return World
