-- SPDX-License-Identifier: MIT
--
-- nemesis_members.lua - who votes: members that lose their vote and regain
-- it, and spares that take the place of members.
--
-- Holds:     for each board who shall be a member, and who shall vote.
-- Knows not: who does: a leader may refuse, or be cut off. So each request
--            names all members, and the last one that is granted counts.
-- Invariant: fewer than half of the members are without a vote; who has gone
--            never comes back (ids are never used again).

local members = {}

members.KINDS = { "vote", "replace" }

local PATIENCE = 20      -- requests, where nobody leads
local PAUSE = "100ms"    -- between two of them

-- Who shall be a member: those of the beginning, without who has gone.
local function plan_of(cluster, board)
  if not board.plan then
    local plan = { is_in = {}, spares = cluster:spares() }
    for _, id in ipairs(cluster:members()) do
      plan.is_in[id] = true
    end
    for _, id in ipairs(plan.spares) do
      plan.is_in[id] = nil
    end
    board.plan = plan
  end
  return board.plan
end

-- Asks for all that is planned. @return whether anybody could be asked
local function ask(cluster, board)
  local plan, voters, learners = plan_of(cluster, board), {}, {}
  for _, id in ipairs(cluster:members()) do
    if plan.is_in[id] then
      local list = board:is_held("vote", id) and learners or voters
      list[#list + 1] = id
    end
  end
  return cluster:set_members(voters, learners[1] and learners or nil)
end

local function count_of(cluster, board)
  local members_now, without = 0, 0
  for _, id in ipairs(cluster:members()) do
    if plan_of(cluster, board).is_in[id] then
      members_now = members_now + 1
      without = without + (board:is_held("vote", id) and 1 or 0)
    end
  end
  return members_now, without
end

-- It becomes a learner, and at the end a voter again.
local function vote(cluster, board, id)
  local all, without = count_of(cluster, board)
  if (without + 1) * 2 >= all then
    return nil
  end
  board:hold("vote", id)
  if not ask(cluster, board) then
    board:release("vote", id)
    return nil
  end
  return {
    targets = { id }, what = "vote", name = "membership vote",
    finish = function ()
      for _ = 1, PATIENCE do
        if ask(cluster, board) or not cluster:is_running() then
          return
        end
        cluster:sleep(PAUSE)
      end
    end,
  }
end

-- It goes for good, and the next spare comes.
local function replace(cluster, board, id)
  local plan = plan_of(cluster, board)
  local spare = plan.spares[1]
  if not spare then
    return nil
  end
  plan.is_in[id], plan.is_in[spare] = nil, true
  if not ask(cluster, board) then
    plan.is_in[id], plan.is_in[spare] = true, nil
    return nil
  end
  table.remove(plan.spares, 1)
  return { targets = { id, spare }, is_momentary = true,
           name = "membership replace" }
end

--- Begins a change. How much loss can be survived depends on who votes: a run
-- has lost disks or other members, not both.
-- @return as nemesis_kinds.lua says; nil where nobody can be asked
function members.begin(cluster, board, o)
  local id = board:pick(cluster, o.target, "vote")
  if not id or board.lost_count > 0 or not plan_of(cluster, board).is_in[id]
  then
    return nil
  end
  local change = o.kind == "replace" and replace or vote
  local fault = change(cluster, board, id)
  board.has_changed = board.has_changed or fault ~= nil
  return fault
end

return members
