-- SPDX-License-Identifier: MIT

--- story.lua: a world whose conversation is the test.
--
-- A story is told in the words of raft.sim and ends with what was said, to
-- the microsecond: the same on every Lua and every compiler. When a change of
-- the engine is meant to change the talk, RAFT_RECORD=1 prints it anew.

local sim = require("raft.sim")

local story = {}

--- A world that has a leader: world, leader, client.
function story.begin(options)
  local world = sim.new(options)
  world:start_all()
  return world, assert(world:await_leader(), "no leader"), world:client()
end

--- Proposes and waits. @return the machine's result
function story.propose(client, value)
  assert(client:propose(value))
  local done = assert(client:wait())
  assert(done.ok, done.code)
  return done.result
end

--- Reads linearly and waits. @return the machine's result
function story.query(client, value)
  assert(client:query(value))
  local done = assert(client:wait())
  assert(done.ok, done.code)
  return done.result
end

-- Long records go on in the next line, after a plus.
local function fold(line)
  local folded, width = "", 0
  for word in line:gmatch("%S+") do
    if width > 0 and width + #word > 64 then
      folded, width = folded .. "\n+ " .. word, #word
    else
      folded = folded .. (width > 0 and " " or "") .. word
      width = width + #word + 1
    end
  end
  return folded
end

--- Asserts that the records of a pattern were these, one a line.
function story.told(world, pattern, expected)
  local lines = {}
  for _, line in ipairs(world:conversation(pattern)) do
    lines[#lines + 1] = fold((line:gsub("raft%.", "")))
  end
  local said = table.concat(lines, "\n")
  if os.getenv("RAFT_RECORD") == "1" then print("\n" .. said) end
  local wanted = expected:gsub("^%s+", ""):gsub("\n%s+", "\n")
    :gsub("%s+$", "")
  assert(said == wanted, "expected the talk\n" .. wanted .. "\ngot\n" .. said)
end

return story
