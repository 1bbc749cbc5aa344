-- SPDX-License-Identifier: MIT
--
-- workload_kinds.lua - what clients do: the operations of each workload.
--
-- Holds:     one row per workload: its model, its machine, its words, what is
--            read at the end, and what must hold then.
-- Knows not: who does it when (workload.lua).
--
-- A word(draw, run, options) gives an operation: { f = "read", key = 1,
-- value = 7, command = {…} or question = {…} }. seen[f], a function of the
-- answer, says what the history takes of it; without one: nothing.

local kinds = {}

local function result_itself(result)
  return result
end

local function write(f, key, value, command)
  return { f = f, key = key, value = value, command = command }
end

local function read(key, question)
  return { f = "read", key = key, question = question }
end

-- Values that no two operations of a run share.
local function unique(run)
  run.last = run.last + 1
  return run.last
end

local function any_key(draw, run, o)
  local key = draw(o.keys)
  run:note_key(key)
  return key
end

-- A key that is left for a new one after some writes, so that no list grows
-- for the whole run, and a search has few operations of unknown outcome.
local function fresh_key(draw, run, o, is_write)
  local slot = draw(o.keys)
  local writes = run.writes[slot] or 0
  if is_write then
    run.writes[slot] = writes + 1
  end
  local key = slot + math.floor(writes / o.per_key) * o.keys
  run:note_key(key)
  return key
end

local function kv_read(run, key)
  return read(key, { "get", run:name(key) })
end

-- Reads of every key that was used.
local function final_reads(word)
  return function (run)
    local list = {}
    for i, key in ipairs(run.keys) do
      list[i] = word(run, key)
    end
    return list
  end
end

-- ---- register, cas_register ------------------------------------------------

kinds.register = {
  machine = "raft.kv", room = "kv", model = "register",
  words = { "read", "write" }, mix = { read = 1, write = 1 },
  seen = { read = result_itself },
  read = function (draw, run, o)
    return kv_read(run, any_key(draw, run, o))
  end,
  write = function (draw, run, o)
    local key, value = any_key(draw, run, o), unique(run)
    return write("write", key, value, { "set", run:name(key), value })
  end,
  final = final_reads(kv_read),
}

local VALUES = 5 -- so few that a comparison often holds

kinds.cas_register = {
  machine = "raft.kv", room = "kv", model = "cas-register",
  words = { "cas", "read", "write" }, mix = { cas = 2, read = 2, write = 1 },
  seen = { cas = result_itself, read = result_itself },
  read = kinds.register.read,
  write = function (draw, run, o)
    local key, value = any_key(draw, run, o), draw(VALUES)
    return write("write", key, value, { "set", run:name(key), value })
  end,
  cas = function (draw, run, o)
    local key, old, new = any_key(draw, run, o), draw(VALUES), draw(VALUES)
    return write("cas", key, { old, new },
      { "cas", run:name(key), old, new })
  end,
  final = final_reads(kv_read),
}

-- ---- counter ---------------------------------------------------------------

local function counter_read(run, key)
  return read(key, { "get", run:name(key) })
end

kinds.counter = {
  machine = "raft.kv", room = "kv", model = "counter", per_key = 16,
  words = { "add", "read" }, mix = { add = 2, read = 1 },
  seen = { read = function (result)
    return result or 0
  end },
  read = function (draw, run, o)
    return counter_read(run, fresh_key(draw, run, o))
  end,
  add = function (draw, run, o)
    local key, number = fresh_key(draw, run, o, true), draw(9)
    return write("add", key, number, { "add", run:name(key), number })
  end,
  final = final_reads(counter_read),
}

-- ---- append ----------------------------------------------------------------

local function list_of(text)
  local list = {}
  for number in (text or ""):gmatch("%d+") do
    list[#list + 1] = tonumber(number)
  end
  return list
end

local function append_read(run, key)
  return read(key, { "get", run:name(key) })
end

kinds.append = {
  machine = "raft.kv", room = "kv", model = "append", per_key = 32,
  words = { "append", "read" }, mix = { append = 1, read = 1 },
  seen = { read = list_of },
  read = function (draw, run, o)
    return append_read(run, fresh_key(draw, run, o))
  end,
  append = function (draw, run, o)
    local key, value = fresh_key(draw, run, o, true), unique(run)
    return write("append", key, value,
      { "append", run:name(key), ("%.0f,"):format(value) })
  end,
  final = final_reads(append_read),
}

-- ---- set -------------------------------------------------------------------

local function set_read(run, key)
  return read(key, { "read", run:name(key) })
end

kinds.set = {
  machine = "raft.machines.set", room = "set", model = "set", per_key = 64,
  words = { "add", "read" }, mix = { add = 3, read = 1 },
  seen = { read = result_itself },
  read = function (draw, run, o)
    return set_read(run, fresh_key(draw, run, o))
  end,
  add = function (draw, run, o)
    local key, value = fresh_key(draw, run, o, true), unique(run)
    return write("add", key, value, { "add", run:name(key), value })
  end,
  final = final_reads(set_read),
}

-- ---- queue -----------------------------------------------------------------

local function dequeue(run, key)
  return write("dequeue", key, nil, { "dequeue", run:name(key) })
end

kinds.queue = {
  machine = "raft.machines.queue", room = "queue", model = "queue",
  per_key = 16,
  words = { "dequeue", "enqueue" }, mix = { dequeue = 1, enqueue = 1 },
  seen = { dequeue = result_itself },
  enqueue = function (draw, run, o)
    local key, value = fresh_key(draw, run, o, true), unique(run)
    return write("enqueue", key, value, { "enqueue", run:name(key), value })
  end,
  dequeue = function (draw, run, o)
    return dequeue(run, fresh_key(draw, run, o))
  end,
  final = final_reads(dequeue),
  drains = true, -- a final operation is repeated until it sees nothing
}

-- ---- bank ------------------------------------------------------------------

local ACCOUNTS, BALANCE = 5, 10 -- as in machines/bank.lua

-- One bank at a time; it is left for a new one as keys are.
local function bank_of(run, o, is_write)
  local writes = run.writes[1] or 0
  run.writes[1] = writes + (is_write and 1 or 0)
  local bank = 1 + math.floor(writes / o.per_key)
  run:note_key(bank)
  return bank
end

local function bank_read(_, bank)
  return read(bank, { "read", bank })
end

local function same(one, other)
  for i = 1, ACCOUNTS do
    if one[i] ~= other[i] then
      return false
    end
  end
  return #other == ACCOUNTS
end

kinds.bank = {
  machine = "raft.machines.bank", room = "bank", per_key = 256,
  words = { "read", "transfer" }, mix = { read = 1, transfer = 2 },
  seen = { read = result_itself, transfer = result_itself },
  read = function (_, run, o)
    return bank_read(run, bank_of(run, o))
  end,
  transfer = function (draw, run, o)
    local bank = bank_of(run, o, true)
    local from, to = draw(ACCOUNTS), draw(ACCOUNTS - 1)
    to = to < from and to or to + 1
    local amount = draw(BALANCE)
    return write("transfer", bank, { from, to, amount },
      { "transfer", from, to, amount, bank })
  end,
  final = final_reads(bank_read),
  model = {
    name = "bank", looks = { read = true },
    key = function (input)
      return input.key
    end,
    init = function ()
      local balances = {}
      for i = 1, ACCOUNTS do
        balances[i] = BALANCE
      end
      return balances
    end,
    step = function (state, input, output)
      if input.f == "read" then
        return same(state, output.value), state
      end
      local from, to = input.value[1], input.value[2]
      local amount = input.value[3]
      local is_enough = state[from] >= amount
      if output and output.value ~= is_enough then
        return false
      elseif is_enough then
        state[from], state[to] = state[from] - amount, state[to] + amount
      end
      return true, state
    end,
  },
  total = ACCOUNTS * BALANCE,
  is_single = true, -- it has no keys to tell two of them apart by
}

return kinds
