-- SPDX-License-Identifier: MIT
--
-- driver_etcd.lua - etcd, by the JSON gateway of its API v3.
--
-- Holds:  HTTP as far as it is needed, and the commands of raft.kv as etcd has
--         them. Reads are linear, as etcd's are unless it is asked otherwise.

local json = require "raft.json"

local PEER_PORT = 1000 -- above that of clients

local etcd = { name = "etcd", binaries = { "etcd" }, cuts = "doors",
               peer_port = PEER_PORT }

local function url(host, port)
  return ("http://%s:%d"):format(host, port)
end

--- One process: where others find it is part of its identity, the same for
-- all of them.
function etcd.start(place)
  local cluster = {}
  for id = 1, place.nodes do
    cluster[id] = ("m%d=%s"):format(id, url(place.host_of(id),
      place.door_of(id)))
  end
  local own = url(place.host, place.port)
  return { "etcd", "--name", "m" .. place.id, "--data-dir",
    place.dir .. "/etcd", "--listen-client-urls", own,
    "--advertise-client-urls", own, "--listen-peer-urls",
    url(place.host, place.port + PEER_PORT), "--initial-advertise-peer-urls",
    url(place.host, place.door_of(place.id)), "--initial-cluster",
    table.concat(cluster, ","), "--initial-cluster-state", "new",
    "--heartbeat-interval", "50", "--election-timeout", "500" }
end

-- ---- base 64 ---------------------------------------------------------------

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  .. "0123456789+/"

local function to_base64(text)
  local out = {}
  for at = 1, #text, 3 do
    local a, b, c = text:byte(at, at + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    local group = {}
    for i = 1, 4 do
      local digit = math.floor(bits / 64 ^ (4 - i)) % 64
      group[i] = DIGITS:sub(digit + 1, digit + 1)
    end
    group[3] = b and group[3] or "="
    group[4] = c and group[4] or "="
    out[#out + 1] = table.concat(group)
  end
  return table.concat(out)
end

local function from_base64(text)
  local out = {}
  for group in text:gmatch("....") do
    local bits, count = 0, 3
    for i = 1, 4 do
      local digit = DIGITS:find(group:sub(i, i), 1, true)
      count = digit and count or count - 1
      bits = bits * 64 + (digit or 1) - 1
    end
    out[#out + 1] = string.char(math.floor(bits / 65536),
      math.floor(bits / 256) % 256, bits % 256):sub(1, count)
  end
  return table.concat(out)
end

-- ---- requests --------------------------------------------------------------

local function key(command)
  return to_base64(tostring(command[2]))
end

local function text_of(value)
  return to_base64(type(value) == "number" and ("%.0f"):format(value)
    or tostring(value))
end

local REQUESTS = {
  get = function(command)
    return "range", { key = key(command) }
  end,
  set = function(command)
    return "put", { key = key(command), value = text_of(command[3]),
                    prev_kv = true }
  end,
  cas = function(command)
    return "txn", {
      compare = { { key = key(command), target = "VALUE",
                    value = text_of(command[3]) } },
      success = { { requestPut = { key = key(command),
                                   value = text_of(command[4]) } } },
    }
  end,
}

function etcd.encode(command)
  local request = REQUESTS[command[1]]
  if not request then
    error({ not_applicable = ("the driver of etcd has no %s"):format(
      tostring(command[1])) }, 0)
  end
  local method, body = request(command)
  local text = json.encode(body)
  return ("POST /v3/kv/%s HTTP/1.1\r\nHost: etcd\r\nContent-Type:"
    .. " application/json\r\nContent-Length: %d\r\n\r\n%s"):format(method,
    #text, text)
end

-- ---- answers ---------------------------------------------------------------

-- @return the body and what comes after it; nil: there is more to come
local function body_of(bytes)
  local head, at = bytes:match("^(.-\r\n\r\n)()")
  local size = head and tonumber(head:match("[Cc]ontent%-[Ll]ength: (%d+)"))
  if size then
    if #bytes >= at + size - 1 then
      return bytes:sub(at, at + size - 1), bytes:sub(at + size)
    end
  elseif head then
    local parts = {}
    while true do
      local hex, from = bytes:match("^(%x+)\r\n()", at)
      local length = tonumber(hex or "", 16)
      if not length or #bytes < from + length + 1 then
        return nil
      elseif length == 0 then
        return table.concat(parts), bytes:sub(from + 2)
      end
      parts[#parts + 1] = bytes:sub(from, from + length - 1)
      at = from + length + 2
    end
  end
end

local function value_of(kv)
  local text = kv and from_base64(kv.value or "")
  return text and (tonumber(text) or text)
end

function etcd.decode(bytes, command)
  local body, rest = body_of(bytes)
  if not body then
    return "more"
  end
  local ok, answer = json.decode(body)
  if not ok or type(answer) ~= "table" or answer.error or answer.code
     or not bytes:find("^HTTP/1%.1 200") then
    return "failed", body
  elseif command[1] == "get" then
    return "ok", value_of(answer.kvs and answer.kvs[1]), rest
  elseif command[1] == "cas" then
    return "ok", answer.succeeded == true, rest
  end
  return "ok", value_of(answer.prev_kv), rest
end

return etcd
