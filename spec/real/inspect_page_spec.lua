-- SPDX-License-Identifier: MIT
--
-- docs/inspect.md: its commands, run one after another in one shell.

local Cluster = require "spec.real.cluster"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

local function blocks_of(path)
  local blocks, open = {}, nil
  for line in io.lines(path) do
    if line == "```sh" then
      open = {}
    elseif line == "```" and open then
      blocks[#blocks + 1] = table.concat(open, "\n")
      open = nil
    elseif open then
      open[#open + 1] = line
    end
  end
  return blocks
end

local function checkout()
  local pipe = assert(io.popen "pwd")
  local path = pipe:read "*l"
  pipe:close()
  return path
end

-- The command is a program, so that a job's number is the member's own; what
-- runs is ended whatever happens.
local HEAD = [[
cd %s
mkdir bin
cat > bin/luaraft <<'END'
#!/bin/sh
RAFT_BUILD=%s/$RAFT_BUILD exec %s %s/scripts/luaraft "$@"
END
chmod +x bin/luaraft
PATH=$PWD/bin:$PATH
trap 'kill -9 $(jobs -p) 2>/dev/null' EXIT
set -e -o pipefail
]]

describe("docs/inspect.md #once", function ()
  it("does what it says, command for command", function ()
    local folder, root = Cluster.folder(), checkout()
    local blocks = blocks_of "docs/inspect.md"
    local script = HEAD:format(folder, root, LUA, root)
    for i, block in ipairs(blocks) do
      block = block:gsub("127%.83%.2%.3", Cluster.host())
      script = script .. ("echo '== %d'\n"):format(i) .. block .. "\n"
    end
    local file = assert(io.open(folder .. "/page.sh", "w"))
    file:write(script)
    file:close()
    local code, text = Cluster.sh(
      ("timeout 100 bash -m %s/page.sh </dev/null"):format(folder))
    os.execute("rm -rf " .. folder)
    assert.equal(0, code, text)
    local parts = {}
    for part in (text .. "== "):gmatch "%d\n(.-)\n?== " do
      parts[#parts + 1] = part
    end
    assert.equal(#blocks, #parts)
    assert.truthy(parts[2]:find "\n  sync +p50 ", parts[2])
    assert.truthy(parts[2]:find '"sync_us":%[')
    assert.truthy(parts[2]:find "configuration 1")
    assert.truthy(parts[3]:find 'raft_term{[^\n]+} %d+', parts[3])
    assert.truthy(parts[4]:find "all sound\n")
    assert.truthy(parts[4]:find '"value":%["set","milk",1%]')
    assert.truthy(parts[5]:find("log-0000000001: damaged at offset 1024", 1,
      true), parts[5])
    assert.truthy(parts[5]:find "1 damaged\n.*code 1\n.*code 1", parts[5])
    assert.truthy(parts[5]:find('"kind":"configuration"', 1, true))
  end)
end)
