-- SPDX-License-Identifier: MIT
--
-- address.lua - who a member is and where it listens, as people write it.
--
-- Holds:     "host:port", member ids, "1=host:port,2=host:port".
-- Knows not: whether anything listens there: nothing is looked up.

local quantity = require "raft.quantity"
local wording = require "raft.wording"

local address = {}

address.BYTES_MAX = 127 -- of "host:port", as in core/wire/configuration.h
address.LIST_MAX = 64 -- that a client knows, as in core/client/client.h
address.MEMBERS_MAX = 15 -- in one configuration, as in core/base/limit.h

local expected = wording.expected

local function split_address(text)
  local host, port = text:match("^%[([%x:.]+)%]:(%d+)$")
  if host then
    return host, port
  end
  return text:match("^([%w_.-]+):(%d+)$")
end

--- "127.0.0.1:7101" -> { host = "127.0.0.1", port = 7101 }; an IPv6 host
-- stands in brackets: "[::1]:7101".
-- @return the address, or nil and a message
function address.parse(value)
  if type(value) ~= "string" or #value > address.BYTES_MAX then
    return expected('an address "host:port"', value)
  end
  local host, port = split_address(value)
  if not host then
    return expected('an address "host:port"', value)
  end
  local number = tonumber(port)
  if #port > 5 or number < 1 or number > 65535 then
    return expected('an address "host:port" with a port from 1 to 65535',
      value)
  end
  return { host = host, port = math.floor(number) }
end

--- A member's id, from 1; a string of digits counts, for command lines.
function address.id(value)
  local number = value
  if type(value) == "string" and #value <= 16 and value:find("^%d+$") then
    number = tonumber(value)
  end
  if type(number) ~= "number" or number < 1 or number % 1 ~= 0
     or number > quantity.MAX then
    return expected("a member id, a whole number from 1", value)
  end
  return math.floor(number)
end

local MEMBERS = 'members such as "1=host:port,2=host:port"'

-- Adds one member to the list, or returns nil and a message.
local function add_member(list, key, value)
  local id, message = address.id(key)
  if not id then
    return nil, message
  end
  local parsed
  parsed, message = address.parse(value)
  if not parsed then
    return nil, ("member %d: %s"):format(id, message)
  end
  for _, other in ipairs(list) do
    if other.id == id then
      return nil, ("member %d is named twice"):format(id)
    end
    local there = address.parse(other.address)
    if there.host == parsed.host and there.port == parsed.port then
      return nil, ("members %d and %d have the same address %s"):format(
        other.id, id, value)
    end
  end
  list[#list + 1] = { id = id, address = value }
  return true
end

local function members_of_text(text, list)
  for item in (text .. ","):gmatch("([^,]*),") do
    local key, value = item:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    if not key then
      return expected(MEMBERS, item)
    end
    local ok, message = add_member(list, key, value)
    if not ok then
      return nil, message
    end
  end
  return list
end

local function members_of_table(map, list)
  local keys = {}
  for key in pairs(map) do
    if type(key) ~= "number" then
      return expected("a member id, a whole number from 1", key)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local ok, message = add_member(list, key, map[key])
    if not ok then
      return nil, message
    end
  end
  return list
end

--- The members of a cluster, "1=host:port,2=host:port" or
-- { [1] = "host:port", [2] = "host:port" }.
-- @return { { id = 1, address = "host:port" }, … } sorted by id, or nil and a
-- message
function address.members(value)
  local list, message = {}
  if type(value) == "string" then
    list, message = members_of_text(value, list)
  elseif type(value) == "table" then
    list, message = members_of_table(value, list)
  else
    return expected(MEMBERS, value)
  end
  if not list then
    return nil, message
  elseif #list == 0 then
    return nil, "expected " .. MEMBERS .. ", got none"
  elseif #list > address.MEMBERS_MAX then
    return nil, ("expected at most %d members, got %d"):format(
      address.MEMBERS_MAX, #list)
  end
  table.sort(list, function (a, b)
    return a.id < b.id
  end)
  return list
end

--- Addresses of members, "host:port,host:port" or a list of them.
-- @return a list of strings, or nil and a message
function address.list(value)
  local list = {}
  if type(value) == "string" then
    for item in (value .. ","):gmatch("([^,]*),") do
      list[#list + 1] = item:match("^%s*(.-)%s*$")
    end
  elseif type(value) == "table" then
    local count, last = 0, 0
    for key in pairs(value) do
      if type(key) == "number" then
        if key < 1 or key % 1 ~= 0 then
          return expected("addresses numbered from 1", key)
        end
        count, last = count + 1, math.max(last, key)
      end
    end
    if count ~= last then
      return nil, ("expected addresses without holes, got %d up to number"
        .. " %.0f"):format(count, last)
    end
    for i = 1, count do
      list[i] = value[i]
    end
  else
    return expected('addresses such as "host:port,host:port"', value)
  end
  if #list > address.LIST_MAX then
    return nil, ("expected at most %d addresses, got %d"):format(
      address.LIST_MAX, #list)
  elseif #list == 0 then
    return nil, 'expected addresses such as "host:port,host:port", got none'
  end
  for i = 1, #list do
    local ok, message = address.parse(list[i])
    if not ok then
      return nil, message
    end
  end
  return list
end

return address
