-- SPDX-License-Identifier: MIT
--
-- nemesis_kinds.lua - single faults: how each begins and ends.
--
-- Holds:     one row per fault: its options, and its begin.
-- Knows not: when a fault begins and how long it lasts (nemesis.lua).
-- Rule:      only the verbs of a cluster are used, so that a fault is the
--            same in the simulator and on real processes.
--
-- A begin(cluster, board, options) gives nothing where there is nobody to
-- break, else { targets = { 2 }, name = "disk full", what = "disk",
-- finish = function, hold = function (length) }: 'what' is held of the
-- targets until the end; 'hold' is what happens in between, if not sleep.

local members = require "raft.nemesis_members"
local partition = require "raft.nemesis_partition"
local round = require "raft.nemesis_round"

local kinds = {}

local TARGET = { "any", default = "any" }

local function text_of(us)
  return ("%.0fus"):format(us)
end

kinds.text_of = text_of

local function add(name, schema, begin)
  schema.target = schema.target or TARGET
  kinds[name] = { name = name, schema = schema, begin = begin }
end

-- What ended its process starts again, unless another fault holds it down.
local function start_again(cluster, board, id)
  if not board:is_held("process", id) then
    cluster:restart(id)
  end
end

local function draw_from(cluster)
  return function (n)
    return cluster:random(n)
  end
end

-- ---- network ---------------------------------------------------------------

add("partition", {
  kind = { "one_of", words = partition.KINDS, default = "halves" },
}, function (cluster, board, o)
  local member = board:pick(cluster, o.target, "nothing")
  if not member then
    return nil
  end
  local cuts = partition.cuts(o.kind, cluster:members(), draw_from(cluster),
    member)
  for _, pair in ipairs(cuts) do
    cluster:cut(pair[1], pair[2])
  end
  return {
    targets = { member }, name = "partition " .. o.kind,
    finish = function ()
      for _, pair in ipairs(cuts) do
        cluster:mend(pair[1], pair[2])
      end
    end,
  }
end)

add("reset", {
  kind = { "one_of", words = { "member", "clients" }, default = "member" },
}, function (cluster, board, o)
  local from = board:pick(cluster, o.target, "nothing")
  local others = from and cluster:others(from) or {}
  if from and o.kind == "clients" then
    cluster:reset("clients", from)
    return { targets = { from }, is_momentary = true,
             name = "reset clients" }
  end
  if not others[1] then
    return nil
  end
  local to = others[cluster:random(#others)]
  cluster:reset(from, to)
  return { targets = { from, to }, is_momentary = true }
end)

-- What each kind does to all messages; 'amount' is a share or a time.
local NETWORKS = {
  loss = { "loss", "5%" }, duplicate = { "duplicate", "5%" },
  reorder = { "reorder", "10%" }, corrupt = { "corrupt", "1%" },
  delay = { "delay", "50ms" }, tail = { "tail", "2%" },
}

-- A setting has one value: of one option one fault at a time.
add("network", {
  kind = { "one_of", default = "loss",
           words = { "loss", "duplicate", "reorder", "corrupt", "delay",
                     "tail" } },
  amount = { "string" },
}, function (cluster, board, o)
  local option, usual = NETWORKS[o.kind][1], NETWORKS[o.kind][2]
  local amount = o.amount or usual
  if board:is_held("network", option) then
    return nil
  end
  cluster:network {
    [option] = option == "delay" and { "1us", amount } or amount,
  }
  return {
    targets = {}, held = { option }, what = "network",
    name = "network " .. o.kind,
    finish = function ()
      cluster:network { [option] = false }
    end,
  }
end)

add("slow_link", {
  by = { "duration", default = "100ms", min = 1 },
}, function (cluster, board, o)
  local from = board:pick(cluster, o.target, "link")
  local others = from and cluster:others(from) or {}
  if not others[1] then
    return nil
  end
  local to = others[cluster:random(#others)]
  cluster:slow_link(from, to, text_of(o.by))
  return {
    targets = { from, to }, held = { from }, what = "link",
    finish = function ()
      cluster:slow_link(from, to, false)
    end,
  }
end)

-- ---- processes -------------------------------------------------------------

-- A fault that ends a process by 'verb', and starts it again at its end.
local function add_death(name, verb)
  add(name, {}, function (cluster, board, o)
    local id = board:pick(cluster, o.target, "process")
    if not id then
      return nil
    end
    cluster[verb](cluster, id)
    return {
      targets = { id }, what = "process",
      finish = function ()
        cluster:restart(id)
      end,
    }
  end)
end

add_death("kill", "kill")
add_death("crash", "crash")
add_death("lose_names", "lose_names")

-- The lights go out everywhere but where a process is down already.
add("crash_all", {}, function (cluster, board)
  local down = {}
  for _, id in ipairs(cluster:members()) do
    if not board:is_held("process", id) and not board.lost[id] then
      cluster:crash(id)
      down[#down + 1] = id
    end
  end
  return down[1] and {
    targets = down, what = "process",
    finish = function ()
      for _, id in ipairs(down) do
        cluster:restart(id)
      end
    end,
  }
end)

add("pause", {}, function (cluster, board, o)
  local id = board:pick(cluster, o.target, "process")
  if not id then
    return nil
  end
  cluster:pause(id)
  return {
    targets = { id }, what = "process",
    finish = function ()
      cluster:resume(id)
    end,
  }
end)

-- ---- clocks ----------------------------------------------------------------

local function signed(cluster, us)
  return (cluster:random(2) == 1 and "-" or "") .. text_of(us)
end

local FLICKER = 20 * 1000 -- microseconds between two jumps of a strobe

local function strobe(cluster, id, by)
  return function (length)
    local ends, sign = cluster:now() + length, ""
    while cluster:now() < ends and cluster:is_running() do
      cluster:clock(id, { jump = sign .. by })
      sign = sign == "" and "-" or ""
      local left = math.max(ends - cluster:now(), 1) -- real clocks go on
      cluster:sleep(text_of(math.min(FLICKER, left)))
    end
    if sign == "-" then
      cluster:clock(id, { jump = "-" .. by })
    end
  end
end

add("clock", {
  kind = { "one_of", words = { "skew", "jump", "strobe", "drift" },
           default = "jump" },
  by = { "duration", default = "2s", min = 1 },
}, function (cluster, board, o)
  local id = board:pick(cluster, o.target, "clock")
  if not id then
    return nil
  end
  local by = round.draw(cluster, { 1, o.by })
  local fault = { targets = { id }, what = "clock",
                  name = "clock " .. o.kind, finish = function () end }
  if o.kind == "jump" then
    cluster:clock(id, { jump = signed(cluster, by) })
    fault.is_momentary = true
  elseif o.kind == "skew" then
    cluster:clock(id, { skew = signed(cluster, by) })
    fault.finish = function ()
      cluster:clock(id, { skew = "0s" })
    end
  elseif o.kind == "drift" then
    cluster:clock(id, { drift = ("%d%%"):format(cluster:random(11) - 6) })
    fault.finish = function ()
      cluster:clock(id, { drift = false })
    end
  else
    fault.hold = strobe(cluster, id, text_of(by))
  end
  return fault
end)

-- ---- disks -----------------------------------------------------------------

local disks = {}

function disks.slow(cluster, id, o)
  cluster:disk(id, { slow = text_of(o.by) })
  return "disk", function ()
    cluster:disk(id, { slow = false })
  end
end

-- A full or failing disk may end the process: it starts again at the end.
function disks.full(cluster, id, o, board)
  cluster:disk(id, { full = o.left })
  return "disk", function ()
    cluster:disk(id, { full = false })
    start_again(cluster, board, id)
  end
end

function disks.fail_sync(cluster, id, _, board)
  cluster:disk(id, { fail = cluster:random(8) })
  return "disk", function ()
    cluster:disk(id, { fail = false })
    start_again(cluster, board, id)
  end
end

-- Takes the disk of a member, if that can be survived, by a verb. One that
-- was wiped knows nobody: two of them would not know each other again
-- (DESIGN.md, identity), so that there is one at most.
local function lose(cluster, board, id, verb)
  if not board:may_lose(cluster, id) or board:is_held("process", id)
     or verb == "wipe" and not board:take("wipe", 1) then
    return nil
  elseif not cluster[verb](cluster, id) then
    cluster:restart(id) -- the verb may have come so far as to end it
    return nil
  end
  board:lose(id)
  return "process", function ()
    cluster:restart(id)
  end
end

function disks.rot(cluster, id, _, board)
  return lose(cluster, board, id, "rot")
end

add("disk", {
  kind = { "one_of", words = { "slow", "full", "fail_sync", "rot" },
           default = "slow" },
  by = { "duration", default = "100ms", min = 1 },
  left = { "size", default = "4KiB" },
}, function (cluster, board, o)
  local id = board:pick(cluster, o.target, "disk")
  if not id or (o.kind ~= "slow" and board:is_held("process", id)) then
    return nil
  end
  local what, finish = disks[o.kind](cluster, id, o, board)
  return what and { targets = { id }, what = what, finish = finish,
                    name = "disk " .. o.kind }
end)

add("wipe", {}, function (cluster, board, o)
  local id = board:pick(cluster, o.target, "process")
  local what, finish
  if id then
    what, finish = lose(cluster, board, id, "wipe")
  end
  return what and { targets = { id }, what = what, finish = finish }
end)

-- ---- membership ------------------------------------------------------------

add("membership", {
  kind = { "one_of", words = members.KINDS, default = "vote" },
}, members.begin)

add("transfer", { target = { "any", default = "follower" } },
function (cluster, board, o)
  local id = board:pick(cluster, o.target, "process")
  if not id then
    return nil
  end
  cluster:transfer(id)
  return { targets = { id }, is_momentary = true }
end)

-- ---- snapshots -------------------------------------------------------------

add("snapshot", {}, function (cluster, board, o)
  local id = board:pick(cluster, o.target, "process")
  if not id then
    return nil
  end
  cluster:snapshot(id)
  return { targets = { id }, is_momentary = true }
end)

return kinds
