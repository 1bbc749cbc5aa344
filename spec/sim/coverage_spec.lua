-- SPDX-License-Identifier: MIT
--
-- scripts/seeds --coverage lists what no run has taken, and docs/coverage.md
-- says why. What is named there is there.

local PAGE = "docs/coverage.md"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function said(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo status=$?"))
  local text = pipe:read "*a"
  pipe:close()
  return text:match "^(.*)status=(%d+)%s*$"
end

-- As gcov writes them: one line in part, one of an assertion, one wholly.
local GCOV = [[
        -:    0:Source:/there/core/raft/b.c
        5:    7:  if (both && never) {
branch  0 taken 5 (fallthrough)
branch  1 taken 0
        5:    8:  raft_assert (holds);
branch  0 taken 5
branch  1 taken 0
        -:    0:Source:/there/core/raft/a.c
    #####:   20:  if (unseen) {
branch  0 never executed
branch  1 never executed
        2:    9:  while (seen) {
branch  0 taken 1
branch  1 taken 1
        -:    0:Source:/there/core/base/c.c
        2:    9:  if (elsewhere) {
branch  0 taken 0
branch  1 taken 2
]]

describe("scripts/seeds: coverage #once", function ()
  it("lists lines of which a branch was not taken, and counts", function ()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(GCOV)
    file:close()
    local text = said("lua5.4 scripts/seeds.lua branches < " .. path)
    os.remove(path)
    assert.equal("core/raft/a.c:20: 2 of 2: if (unseen) {\n"
      .. "core/raft/b.c:7: 1 of 2: if (both && never) {\n"
      .. "core/raft: 3 of 6 branches taken, 50.0 %\n", text)
  end)

  it("is explained for functions that are there", function ()
    local count = 0
    for line in read(PAGE):gmatch "\n(| `%w+%.c`[^\n]*)" do
      local source = read("core/raft/" .. line:match "`(%w+%.c)`")
      for name in line:match "^|[^|]*|([^|]*)|":gmatch "`([%w_]+)`" do
        count = count + 1
        assert(source:find(name .. " (", 1, true), name)
      end
    end
    assert.is_true(count > 20)
  end)

  it("#full does what the page says, for a few seeds", function ()
    local command = read(PAGE):match "\n```sh\n(.-)\n```"
    local text, status = said((command:gsub("%-%-to %d+", "--to 2")))
    assert.equal("0", status, text)
    assert.matches("core/raft: %d+ of %d+ branches taken", text)
  end)
end)
