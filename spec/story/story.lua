-- SPDX-License-Identifier: MIT

--- story.lua: a world whose conversation is the test.
--
-- A story is told in the words of raft.sim and ends with what was said, to
-- the microsecond: the same on every Lua and every compiler. When a change of
-- the engine is meant to change the talk, RAFT_RECORD=1 writes it anew into the
-- spec file.

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

-- Puts what was said in the place of what was expected.
local function record(path, expected, said)
  local file = assert(io.open(path))
  local source = file:read("*a")
  file:close()
  local first, last = source:find(expected, 1, true)
  local margin = expected:match("^ *")
  local text = margin .. said:gsub("\n", "\n" .. margin)
    .. expected:match("%s*$")
  file = assert(io.open(path, "w"))
  file:write(source:sub(1, first - 1), text, source:sub(last + 1))
  file:close()
end

--- Asserts that the records of a pattern were these, one a line.
function story.told(world, pattern, expected)
  local lines = {}
  for _, line in ipairs(world:conversation(pattern)) do
    lines[#lines + 1] = fold((line:gsub("raft%.", "")))
  end
  local said = table.concat(lines, "\n")
  if os.getenv("RAFT_RECORD") == "1" then
    return record(debug.getinfo(2, "S").source:sub(2), expected, said)
  end
  local wanted = expected:gsub("^%s+", ""):gsub("\n%s+", "\n")
    :gsub("%s+$", "")
  assert(said == wanted, "expected the talk\n" .. wanted .. "\ngot\n" .. said)
end

return story
