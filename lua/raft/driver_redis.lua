-- SPDX-License-Identifier: MIT
--
-- driver_redis.lua - Redis with one primary and replicas, and an operator who
-- fails over: cluster:transfer(id).
--
-- Holds:  RESP, and the commands of raft.kv as Redis has them.
-- Rule:   clients ask the primary alone, as Sentinel would tell them to. What
--         it acknowledges, its replicas may not have.

local redis = { name = "redis", binaries = { "redis-server" },
                has_leader = true, cuts = true }

local function resp(words)
  local parts = { ("*%d\r\n"):format(#words) }
  for _, word in ipairs(words) do
    local text = type(word) == "number" and ("%.0f"):format(word)
      or tostring(word)
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#text, text)
  end
  return table.concat(parts)
end

--- One process; one that is not the primary follows it.
function redis.start(place)
  local words = { "redis-server", "--bind", place.host, "--port",
    tostring(place.port), "--dir", place.dir, "--appendonly", "yes",
    "--appendfsync", "always", "--save", "", "--protected-mode", "no",
    "--repl-diskless-sync-delay", "0", "--repl-timeout", "5" }
  if place.id ~= place.leader then
    words[#words + 1] = "--replicaof"
    words[#words + 1] = place.host_of(place.leader)
    words[#words + 1] = tostring(place.port_of(place.leader))
  end
  return words
end

--- What members are told when one of them is to lead.
function redis.promote(place)
  local orders = { { id = place.leader,
    bytes = resp { "REPLICAOF", "NO", "ONE" } } }
  for id = 1, place.nodes do
    if id ~= place.leader then
      orders[#orders + 1] = { id = id, bytes = resp { "REPLICAOF",
        place.host_of(place.leader), place.port_of(place.leader, id) } }
    end
  end
  return orders
end

local COMMANDS = {
  get = function(command)
    return { "GET", command[2] }
  end,
  set = function(command)
    return { "SET", command[2], command[3], "GET" }
  end,
  add = function(command)
    return { "INCRBY", command[2], command[3] }
  end,
}

function redis.encode(command)
  local words = COMMANDS[command[1]]
  if not words then
    error({ not_applicable = ("the driver of Redis has no %s"):format(
      tostring(command[1])) }, 0)
  end
  return resp(words(command))
end

-- Refusals that say: nothing was done.
local REFUSED = { READONLY = true, LOADING = true, MASTERDOWN = true,
                  NOREPLICAS = true }

function redis.decode(bytes)
  local kind, line, at = bytes:match("^([-+:$])([^\r]*)\r\n()")
  if not kind then
    return "more"
  elseif kind == "-" then
    return REFUSED[line:match("^%u+")] and "refused" or "failed", line
  elseif kind ~= "$" then
    return "ok", tonumber(line) or line, bytes:sub(at)
  end
  local size = tonumber(line)
  if size < 0 then
    return "ok", nil, bytes:sub(at)
  elseif #bytes < at + size + 1 then
    return "more"
  end
  local text = bytes:sub(at, at + size - 1)
  return "ok", tonumber(text) or text, bytes:sub(at + size + 2)
end

return redis
