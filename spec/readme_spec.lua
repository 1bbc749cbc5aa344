-- SPDX-License-Identifier: MIT
--
-- Every block of README.md does what it says: commands end well, Lua prints
-- what stands behind "-->". So does the Lua of the pages on simulation and
-- reading.

-- scripts/test itself runs this spec; setup and demo are its own stages.
local ELSEWHERE = { ["scripts/setup"] = true, ["scripts/demo"] = true,
  ["scripts/test"] = true }

-- The rock too, in another folder: with SPEC_TREE it is there.
local ROCK = "scripts/rock 5.4 build/rock"
local TREE = os.getenv "SPEC_TREE"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- { { language = "sh", line = 60, text = "…" } }
local function blocks_of(text)
  local blocks, open, number = {}, nil, 0
  for line in text:gmatch("([^\n]*)\n") do
    number = number + 1
    local fence = line:match("^```(%w*)$")
    if fence and open then
      open.text = table.concat(open, "\n") .. "\n"
      blocks[#blocks + 1] = open
      open = nil
    elseif fence then
      open = { language = fence, line = number }
    elseif open then
      open[#open + 1] = line
    end
  end
  assert(not open, "README.md ends inside a block")
  return blocks
end

local function run_commands(text)
  local kept = {}
  for line in text:gmatch("[^\n]+") do
    local script = line:match("^scripts/%w+")
    if ELSEWHERE[line] then
      assert(io.open(script)):close()
    elseif line == ROCK and TREE then
      kept[#kept + 1] = "rm -rf build/rock"
      kept[#kept + 1] = ("ln -s '%s' build/rock"):format(
        assert(TREE:match "^(.*)/tree$"))
    else
      kept[#kept + 1] = line
    end
  end
  local script = "unset LD_PRELOAD SPEC_TREE SPEC_BUILD LUA_PATH LUA_CPATH\n"
    .. "set -e\n" .. table.concat(kept, "\n")
  local pipe = assert(io.popen("exec 2>&1; sh -c '"
    .. script:gsub("'", "'\\''") .. "'; echo status=$?"))
  local output = pipe:read("*a")
  pipe:close()
  return output:match("status=(%d+)%s*$"), output
end

-- What a chunk prints, and what its comments say it prints.
local function run_lua(text)
  local printed, promised = {}, {}
  for line in text:gmatch("[^\n]+") do
    promised[#promised + 1] = line:match("%-%->%s*(.-)%s*$")
  end
  local real = print
  _G.print = function (...) -- luacheck: ignore 122
    local words = {}
    for i = 1, select("#", ...) do
      words[i] = tostring((select(i, ...)))
    end
    printed[#printed + 1] = table.concat(words, " ")
  end
  local chunk = assert((loadstring or load)(text)) -- luacheck: ignore 113
  local ok, problem = pcall(chunk)
  _G.print = real -- luacheck: ignore 122
  assert(ok, problem)
  return printed, promised
end

for _, page in ipairs { "docs/histories.md", "docs/scenarios.md",
  "docs/nemeses.md", "docs/simulator.md", "docs/learning.md", "docs/reading.md",
  "docs/reading_a_failure.md" } do
  describe(page .. " #once", function ()
    for _, block in ipairs(blocks_of(read(page))) do
      if block.language == "lua" then
        it("line " .. block.line .. ": the Lua runs", function ()
          local printed, promised = run_lua(block.text)
          if #promised > 0 then
            assert.same(promised, printed)
          end
        end)
      end
    end
  end)
end

describe("README.md #once", function ()
  local blocks = blocks_of(read "README.md")

  it("has blocks of both kinds", function ()
    local seen = {}
    for _, block in ipairs(blocks) do
      seen[block.language] = true
    end
    assert.is_true(seen.sh and seen.lua)
  end)

  for _, block in ipairs(blocks) do
    if block.language == "sh" then
      it("line " .. block.line .. ": the commands end well", function ()
        local status, output = run_commands(block.text)
        assert.equal("0", status, output)
      end)
    elseif block.language == "lua" then
      it("line " .. block.line .. ": the Lua prints what it says", function ()
        local printed, promised = run_lua(block.text)
        assert.is_true(#promised > 0)
        assert.same(promised, printed)
      end)
    end
  end

  it("names only scripts that are there", function ()
    for script in read("README.md"):gmatch("`(scripts/%w+)`") do
      local file = io.open(script)
      assert(file, script)
      file:close()
    end
  end)
end)
