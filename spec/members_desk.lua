-- SPDX-License-Identifier: MIT
--
-- members_desk.lua - a desk whose cluster changes: what an operator asks, and
-- who the members are then.

local desk = require "spec.desk"

local members_desk = {}

function members_desk.address(id)
  return "desk:" .. id
end

-- { 1, 2 } as an operator names members: those above 'known' with addresses.
function members_desk.members(ids, known)
  local list = {}
  for i, id in ipairs(ids) do
    list[i] = id <= (known or 3) and id or { id, members_desk.address(id) }
  end
  return list
end

-- A desk of 'count' computers whose first 'voters' make a cluster that has a
-- leader; the others have joined and are not members yet.
function members_desk.new(count, voters, limits)
  local made = desk.new { members = count, voters = voters or 3,
    traces = true, limits = limits }
  local leader = desk.leader(made, voters or 3)
  return made, leader, desk.client(made, leader, 100)
end

-- { index = , voters = { … }, learners = { … }, outgoing = { … } } as a
-- member has it.
function members_desk.configuration(made, id)
  local found = desk.client(made, id, 500):order("members", {}).result
  local sets = { index = found.index, voters = {}, learners = {},
    outgoing = {} }
  for _, member in ipairs(found.members) do
    for word, set in pairs { voter = sets.voters, learner = sets.learners,
      outgoing = sets.outgoing } do
      set[#set + 1] = member[word] and member.id or nil
    end
  end
  return sets, found
end

function members_desk.voters(made, id)
  return (members_desk.configuration(made, id)).voters
end

-- Waits for the answer to an order.
function members_desk.await(made, operator, request, time)
  for _ = 1, (time or 5e6) / 50000 do
    for _, answer in ipairs(desk.answers(made)) do
      if answer.id == request and answer.connection == operator.connection
      then
        return answer
      end
    end
    made:run(50000)
  end
end

function members_desk.set(made, operator, wanted, time)
  return members_desk.await(made, operator, operator:administer("set_members",
    { wanted }), time)
end

-- The steps that leaders took: how many voters/outgoing/learners.
function members_desk.steps(made)
  local list = {}
  for v, o, l in made:traces():gmatch(
    "raft.configure index=%d+ voters=(%d+) outgoing=(%d+) learners=(%d+)")
  do
    list[#list + 1] = ("%d/%d/%d"):format(v, o, l)
  end
  return list
end

return members_desk
