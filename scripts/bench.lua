-- SPDX-License-Identifier: MIT
--
-- bench.lua DIR [failover] - what three members on this computer do, measured
-- from a process of its own.
--
-- Measures: puts of 256 bytes into raft.kv, applied on all three, every batch
--           synced, with 1, 64 and 256 under way on one connection; and the
--           time to the next acknowledged write from SIGKILL of the leader,
--           from SIGSTOP, and, as root, from the moment at which its host is
--           cut off: packets are dropped, no connection is reset. With
--           'failover' only these.
-- Knows not: what would be good.

local Cluster = require("cluster")
local chaos_hosts = require("raft.chaos_hosts")

local now = Cluster.now

local WARM, SECONDS = 1, 3
local OUTSTANDING = { 1, 64, 256 }
local KILLS = 20
local BYTES = 256 -- of key and value
local KEYS = 10000

local function percentile(sorted, share)
  return sorted[math.max(1, math.ceil(#sorted * share))] or 0
end

local function sync_counts(cluster)
  local counts = {}
  for id in ipairs(cluster.addresses) do
    local ok, row = assert(cluster.watcher:status(id))
    counts[id] = ok and row.syncs
  end
  return counts
end

local function command(number)
  local key = ("key-%08d"):format(number % KEYS)
  return { "set", key, ("x"):rep(BYTES - #key) }
end

-- Keeps 'count' puts under way for some seconds; gives the latencies.
local function put_for(client, count, seconds)
  local latencies, number, failed = {}, 0, nil
  local started = now()
  local ends = started + seconds
  local function put()
    local at = now()
    number = number + 1
    client:propose(command(number), function(ok, message, code)
      if not ok then
        failed = ("%s (%s)"):format(tostring(message), tostring(code))
        return
      end
      latencies[#latencies + 1] = now() - at
      if now() < ends then
        put()
      end
    end)
  end
  for _ = 1, count do
    put()
  end
  client:run()
  if failed then
    error("a put failed: " .. failed, 0)
  end
  return latencies, now() - started
end

local function bench_puts(cluster, count)
  local client = cluster:client("10s")
  put_for(client, count, WARM)
  local before = sync_counts(cluster)
  local latencies, seconds = put_for(client, count, SECONDS)
  local after = sync_counts(cluster)
  client:close()
  table.sort(latencies)
  local syncs = {}
  for id in ipairs(after) do
    syncs[id] = after[id] - before[id]
  end
  print(("  %11d  %9.0f  %8.2f  %8.2f  %9d  %s"):format(count,
    #latencies / seconds, percentile(latencies, 0.5) * 1000,
    percentile(latencies, 0.99) * 1000, #latencies,
    table.concat(syncs, " ")))
  io.flush()
end

local function bench_all_puts(cluster)
  print(("puts of %d bytes into raft.kv, 3 members, 1 connection, %d s each")
    :format(BYTES, SECONDS))
  print("  outstanding     puts/s    p50 ms    p99 ms       puts"
    .. "  syncs of member 1 2 3")
  for _, count in ipairs(OUTSTANDING) do
    bench_puts(cluster, count)
  end
end

-- The time from the fault to the first write that was asked for after it.
local function one_failover(cluster, client, fault, mend)
  local id = cluster:wait_leader()
  assert(client:propose(command(1)))
  fault(cluster, id)
  local from = now()
  assert(client:propose(command(2)))
  local took = now() - from
  mend(cluster, id)
  cluster:settle()
  return took
end

local function bench_failover(cluster, title, fault, mend)
  local client = cluster:client()
  local times = {}
  for i = 1, KILLS do
    times[i] = one_failover(cluster, client, fault, mend)
  end
  client:close()
  table.sort(times)
  print(title .. " to the next acknowledged write, ms")
  print("        times       best    median       p90      worst")
  print(("  %11d  %9.0f  %8.0f  %8.0f  %9.0f"):format(#times,
    times[1] * 1000, percentile(times, 0.5) * 1000,
    percentile(times, 0.9) * 1000, times[#times] * 1000))
  io.flush()
end

local function new_cluster(dir, hosts)
  local cluster = Cluster.new { dir = dir, machine = "raft.kv",
    hosts = hosts }
  for id in ipairs(cluster.addresses) do
    cluster:start(id)
  end
  for id in ipairs(cluster.addresses) do
    cluster:restart(id)
  end
  cluster:wait_leader()
  return cluster
end

-- Members in networks of their own, where there can be some.
local function bench_cut(dir)
  os.execute("mkdir -p '" .. dir .. "'")
  local ok, hosts = pcall(chaos_hosts.new, { nodes = 3, dir = dir })
  if not ok then
    print("cut off, not measured: " .. tostring(hosts))
    return
  end
  local cluster
  ok, cluster = pcall(new_cluster, dir, hosts)
  local problem = not ok and cluster
  if ok then
    ok, problem = pcall(bench_failover, cluster,
      "the leader's host cut off", cluster.cut_off, cluster.mend)
    cluster:stop()
  end
  hosts:close()
  if not ok then
    error(problem, 0)
  end
end

local function main(dir, what)
  local cluster = new_cluster(dir)
  if what ~= "failover" then
    bench_all_puts(cluster)
  end
  bench_failover(cluster, "SIGKILL of the leader", cluster.kill,
    cluster.restart)
  bench_failover(cluster, "SIGSTOP of the leader", cluster.pause,
    cluster.resume)
  cluster:stop()
  bench_cut(dir .. "/hosts")
end

local ok, message = xpcall(main, function(message)
  return type(message) == "string" and message or debug.traceback(message)
end, arg[1], arg[2])
if not ok then
  io.stderr:write("bench: ", tostring(message), "\n")
  os.exit(1)
end
