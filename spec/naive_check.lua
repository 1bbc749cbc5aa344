-- SPDX-License-Identifier: MIT
--
-- naive_check.lua - linearizability by trying every order, for small histories.
--
-- Holds:  models that have nothing in common with lua/raft/check_models.lua,
--         and a search without any thought.

local naive = { models = {} }

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  elseif #a ~= #b then
    return false
  end
  for i, item in ipairs(a) do
    if item ~= b[i] then
      return false
    end
  end
  return true
end

local function with(list, item)
  local copy = {}
  for i, one in ipairs(list) do
    copy[i] = one
  end
  copy[#copy + 1] = item
  return copy
end

local function sorted(list)
  local has, result = {}, {}
  for _, item in ipairs(list) do
    if not has[item] then
      has[item], result[#result + 1] = true, item
    end
  end
  table.sort(result)
  return result
end

-- step(state, f, value) -> whether it can be, next state, what is seen.

local function register(none)
  return function (state, f, value)
    if f == "read" or f == "get" then
      return true, state, state
    elseif f == "write" or f == "put" then
      return true, value
    elseif f == "append" then
      return true, state .. value
    elseif state == (value[1] or none) then
      return true, value[2], true
    end
    return true, state, false
  end
end

local function number()
  return 0
end

local function list()
  return {}
end

naive.models.register = { init = function () end, step = register() }
naive.models["cas-register"] = naive.models.register
naive.models.kv = {
  init = function ()
    return ""
  end,
  step = register(""),
}
naive.models.counter = { init = number, step = function (state, f, value)
  if f == "read" then
    return true, state, state
  end
  return true, state + value
end }
naive.models.append = { init = list, step = function (state, f, value)
  if f == "read" then
    return true, state, state
  end
  return true, with(state, value)
end }
naive.models.set = { init = list, step = function (state, f, value)
  if f == "read" then
    return true, state, state
  end
  return true, sorted(with(state, value))
end, seen = sorted }
naive.models.queue = { init = list, step = function (state, f, value)
  if f == "enqueue" then
    return true, with(state, value)
  end
  local rest = {}
  for i = 2, #state do
    rest[i - 1] = state[i]
  end
  return true, rest, state[1]
end }

local LOOKS = { read = true, get = true, dequeue = true, cas = true }

-- Whether an operation, done in 'state', answers what it answered.
local function explains(model, operation, state)
  local _, next, seen = model.step(state, operation.f, operation.input)
  if operation.outcome ~= "ok" or not LOOKS[operation.f] then
    return true, next
  elseif operation.f == "cas" then
    return seen == (operation.output ~= false), next
  end
  local output = operation.output
  if model.seen and output ~= nil then
    output = model.seen(output)
  end
  return same(seen, output), next
end

local function search(model, left, state, done)
  local open = false
  for _, one in ipairs(left) do
    open = open or (one.outcome == "ok" and not done[one])
  end
  if not open then
    return true
  end
  for _, one in ipairs(left) do
    local first = not done[one]
    for _, other in ipairs(left) do
      if other.outcome == "ok" and not done[other]
         and other.finish < one.call then
        first = false
      end
    end
    if first then
      local ok, next = explains(model, one, state)
      if ok then
        done[one] = true
        if search(model, left, next, done) then
          return true
        end
        done[one] = nil
      end
    end
  end
  return false
end

--- "linearizable" or "not": one key after the other, every order of each.
function naive.check(history, model)
  local keys, by_key = {}, {}
  for _, operation in ipairs(history.operations) do
    local key = operation.key
    if operation.outcome ~= "fail" then
      if not by_key[key] then
        by_key[key], keys[#keys + 1] = {}, key
      end
      table.insert(by_key[key], operation)
    end
  end
  for _, key in ipairs(keys) do
    if not search(model, by_key[key], model.init(), {}) then
      return "not"
    end
  end
  return "linearizable"
end

--- The same model as a user would write it for history:check.
function naive.as_user_model(name)
  local model = naive.models[name]
  return {
    init = function ()
      return { model.init() }
    end,
    step = function (state, input, output)
      local ok, next = explains(model, {
        f = input.f, input = input.value, outcome = output and "ok",
        output = output and output.value,
      }, state[1])
      return ok, { next }
    end,
    key = function (input)
      return input.key
    end,
  }
end

return naive
