-- SPDX-License-Identifier: MIT
--
-- demo.lua DIR - three members, a data set, three killed leaders.
--
-- Story:  concurrent clients write, for each path that one Debian package
--         alone has, which package that is; and go round again with another
--         value until 10 seconds and three kills are over. Three times the
--         leader gets SIGKILL while writes are in flight, and is started
--         again. At the end all three have applied the same index, and the
--         last acknowledged write of each path is read back by a linear read
--         and compared. Each write answers the value before it: so a lost one
--         and one that was applied twice are seen on the way, too.
-- Ends:   "demo: ok", or an error and code 1.

local Cluster = require("cluster")

local now = Cluster.now

local LISTS = "/var/lib/dpkg/info"
local CLIENTS = 4
local EACH = 64 -- calls under way of each client
local LEAST_WRITES, LEAST_SECONDS = 10000, 10
local MOST_SECONDS = 45
local KILLS = { 2, 5, 8 } -- seconds after the first write

-- ---- the data set ---------------------------------------------------------

local function fail(format, ...)
  error(format:format(...), 0)
end

-- Path -> package, of the paths that occur once; and the paths.
local function read_data()
  local owner, paths = {}, {}
  local names = assert(io.popen("ls " .. LISTS .. " 2> /dev/null"))
  for name in names:lines() do
    local package = name:match("^(.*)%.list$")
    if package then
      package = package:gsub(":.*", "")
      for path in io.lines(LISTS .. "/" .. name) do
        if owner[path] == nil then
          paths[#paths + 1] = path
          owner[path] = package
        else
          owner[path] = false
        end
      end
    end
  end
  names:close()
  local unique = {}
  for _, path in ipairs(paths) do
    if owner[path] then
      unique[#unique + 1] = path
    end
  end
  if #unique < 1000 then
    fail("expected the lists of installed packages in %s/*.list, as every"
      .. " Debian has them, got %d paths", LISTS, #unique)
  end
  return unique, owner
end

-- ---- load -----------------------------------------------------------------

local Load = {}
Load.__index = Load

function Load.new(cluster, paths, owner)
  local self = setmetatable({
    paths = paths, owner = owner, next = 1, round = 1, count = 0, wrong = 0,
    unknown = 0, refused = 0, under_way = 0, clients = {}, is_on = true,
    acknowledged = {}, -- path -> the value of the last acknowledged write
    possible = {},     -- path -> a value that may be there, too
    acknowledged_at = 0,
  }, Load)
  for i = 1, CLIENTS do
    self.clients[i] = cluster:client("15s")
  end
  return self
end

function Load:value(path)
  local package = self.owner[path]
  return self.round == 1 and package or package .. " #" .. self.round
end

function Load:on_answer(path, value, ok, old, code)
  self.under_way = self.under_way - 1
  if ok then
    if old ~= self.acknowledged[path] and old ~= self.possible[path] then
      self.wrong = self.wrong + 1
    end
    self.count = self.count + 1
    self.acknowledged[path], self.possible[path] = value, nil
    self.acknowledged_at = now()
  elseif code == "timeout" or code == "unknown" then
    self.unknown = self.unknown + 1
    self.possible[path] = value
  else
    self.refused = self.refused + 1
    self.last_refusal = tostring(old)
  end
end

-- The next path to be written. A round begins when the last one is over, so
-- that no two writes of a path are under way at once.
function Load:next_path()
  if self.next > #self.paths then
    if self.under_way > 0 then
      return nil
    end
    self.next, self.round = 1, self.round + 1
  end
  self.next = self.next + 1
  return self.paths[self.next - 1]
end

function Load:fill(client)
  while self.is_on and client:outstanding() < EACH do
    local path = self:next_path()
    if not path then
      return
    end
    local value = self:value(path)
    self.under_way = self.under_way + 1
    client:propose({ "set", path, value }, function(...)
      self:on_answer(path, value, ...)
    end)
  end
end

-- One turn of every client.
function Load:turn()
  for i, client in ipairs(self.clients) do
    self:fill(client)
    client:step(i == 1 and "1ms" or nil)
  end
end

-- ---- progress -------------------------------------------------------------

local is_terminal = os.execute("test -t 1")
is_terminal = is_terminal == true or is_terminal == 0

local shown_at = 0

local function show(text, is_last)
  if is_terminal then
    io.write("\r\27[K", text, is_last and "\n" or "")
  elseif is_last or now() - shown_at >= 1 then
    io.write(text, "\n")
  else
    return
  end
  shown_at = now()
  io.flush()
end

local function progress(load, started, kills, is_last)
  show(("demo: %5.1f s  %6d writes acknowledged (round %d)  %3d in flight"
    .. "  %d leaders killed"):format(now() - started, load.count, load.round,
    load.under_way, #kills), is_last)
end

-- ---- killing --------------------------------------------------------------

-- Kills the leader; ends when another leads and writes go on, and the killed
-- one is back.
local function kill_leader(cluster, load, turn)
  local id = cluster:wait_leader(turn)
  cluster:wait("writes in flight", function()
    return load.under_way > 0
  end, turn)
  id = cluster:leader() or id
  local kill = { id = id, term = cluster.rows[id].term,
    in_flight = load.under_way, count = load.count, at = now() }
  cluster:kill(id)
  cluster:wait("another leader", function()
    local leader = cluster:leader()
    if leader and cluster.rows[leader].term > kill.term then
      kill.leader, kill.leaderless = leader, now() - kill.at
      return true
    end
  end, turn)
  -- What was in flight may still have come out of the dead leader's socket.
  local mark = now()
  cluster:wait("a write after the kill", function()
    return load.acknowledged_at > mark
  end, turn)
  kill.next_write = load.acknowledged_at - kill.at
  cluster:restart(id, turn)
  return kill
end

local function run_load(cluster, load)
  local kills, started = {}, now()
  local function turn()
    load:turn()
    progress(load, started, kills)
  end
  local function is_enough()
    local seconds = now() - started
    return #kills == #KILLS and load.count >= LEAST_WRITES
      and seconds >= LEAST_SECONDS
      and (load.round > 1 or seconds >= MOST_SECONDS)
  end
  while not is_enough() do
    cluster:look()
    turn()
    local at = KILLS[#kills + 1]
    if at and now() - started >= at then
      kills[#kills + 1] = kill_leader(cluster, load, turn)
    elseif now() - started > 3 * MOST_SECONDS then
      fail("only %d writes in %d s", load.count, 3 * MOST_SECONDS)
    end
  end
  load.is_on = false
  cluster:wait("the writes in flight", function()
    return load.under_way == 0
  end, turn)
  progress(load, started, kills, true)
  return kills, now() - started
end

-- ---- reading back ---------------------------------------------------------

-- How many acknowledged writes are not there, or are another value.
local function count_lost(load)
  local expected, lost, read, failed = {}, 0, 0, nil
  for path in pairs(load.acknowledged) do
    expected[#expected + 1] = path
  end
  local started, at = now(), 1
  while read < #expected and not failed do
    for i, client in ipairs(load.clients) do
      while client:outstanding() < EACH and at <= #expected do
        local path = expected[at]
        at = at + 1
        client:query({ "get", path }, function(ok, value, code)
          read = read + 1
          if not ok then
            failed = ("%s (%s)"):format(tostring(value), tostring(code))
          elseif value ~= load.acknowledged[path]
                 and (value == nil or value ~= load.possible[path]) then
            lost = lost + 1
          end
        end)
      end
      client:step(i == 1 and "1ms" or nil)
    end
    show(("demo: %6d of %d keys read back"):format(read, #expected))
  end
  if failed then
    fail("a linear read failed: %s", failed)
  end
  show(("demo: %6d of %d keys read back in %.1f s"):format(read, #expected,
    now() - started), true)
  return lost
end

-- ---- the table ------------------------------------------------------------

local function row(name, format, ...)
  print(("  %-28s %s"):format(name, format:format(...)))
end

local function print_table(load, kills, seconds, lost, index, rows)
  print()
  row("writes acknowledged", "%d", load.count)
  row("lost", "%d", lost)
  row("answered a wrong old value", "%d", load.wrong)
  row("unknown outcome, refused", "%d, %d", load.unknown, load.refused)
  row("writes per second", "%.0f", load.count / seconds)
  for i, kill in ipairs(kills) do
    row(("kill %d: member %d"):format(i, kill.id),
      "%d in flight; %.0f ms without a leader; next write after %.0f ms",
      kill.in_flight, kill.leaderless * 1000, kill.next_write * 1000)
  end
  for id, status in ipairs(rows) do
    row(("member %d at index %d"):format(id, status.state_hash_index),
      "state hash %s; log %.1f MiB; %d syncs; term %d", status.state_hash,
      status.log_bytes / 2 ^ 20, status.syncs, status.term)
  end
  row("same index", "%d", index)
  print()
end

local function check(load, kills, lost, rows)
  if lost > 0 then
    fail("%d acknowledged writes are lost", lost)
  elseif load.wrong > 0 then
    fail("%d writes found another value than the one before", load.wrong)
  elseif #kills ~= #KILLS then
    fail("only %d leaders were killed", #kills)
  elseif load.count < LEAST_WRITES then
    fail("only %d writes were acknowledged; the last refusal: %s",
      load.count, tostring(load.last_refusal))
  end
  for id, status in ipairs(rows) do
    if status.state_hash ~= rows[1].state_hash then
      fail("member %d has another state hash", id)
    end
  end
end

local function main(dir)
  local paths, owner = read_data()
  local cluster = Cluster.new { dir = dir, machine = "raft.kv" }
  print(("demo: %d paths of one package each; members at %s"):format(#paths,
    table.concat(cluster.addresses, " ")))
  for id in ipairs(cluster.addresses) do
    cluster:start(id)
  end
  for id in ipairs(cluster.addresses) do
    cluster:restart(id)
  end
  local load = Load.new(cluster, paths, owner)
  cluster:wait_leader()
  local kills, seconds = run_load(cluster, load)
  local index, rows = cluster:settle()
  local lost = count_lost(load)
  print_table(load, kills, seconds, lost, index, rows)
  check(load, kills, lost, rows)
  cluster:stop()
end

local ok, message = xpcall(main, function(message)
  return type(message) == "string" and message or debug.traceback(message)
end, arg[1])
if not ok then
  io.stderr:write("demo: ", tostring(message), "\n")
  os.exit(1)
end
print("demo: ok")
