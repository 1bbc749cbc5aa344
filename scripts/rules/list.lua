-- SPDX-License-Identifier: MIT
--
-- list.lua - the lists of sources: on disk, in CMakeLists.txt, in the
-- rockspec. The three are equal; CMakeLists.txt is written by hand, and
-- `scripts/tidy --sync` copies it into the rockspec.

local list = {}

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function is_probe(path)
  return path:find("^bindings/probe[%w_]*%.c$") ~= nil
end

--- What raft.core is made of, from paths: C of core/ and bindings/ without
-- the probe, which is for specs only.
function list.on_disk(paths)
  local set = {}
  for _, path in ipairs(paths) do
    if (path:find("^core/.+%.c$") or path:find("^bindings/.+%.c$"))
       and not is_probe(path) then
      set[path] = true
    end
  end
  return sorted(set)
end

--- The same, as CMakeLists.txt says it. module.c stands beside its lists.
function list.in_cmake(text)
  local set = {}
  for line in text:gmatch("[^\n]+") do
    local path = line:match("^%s+(core/%S+%.c)$")
      or line:match("^%s+(bindings/%S+%.c)$")
    if path then
      set[path] = true
    end
  end
  if text:find("core bindings/module.c", 1, true) then
    set["bindings/module.c"] = true
  end
  return sorted(set)
end

--- The rockspec as a table; it is a chunk that sets globals.
function list.rockspec(text)
  local values = {}
  local chunk
  if setfenv then -- luacheck: ignore 113
    chunk = assert(loadstring(text, "=rockspec")) -- luacheck: ignore 113
    setfenv(chunk, values) -- luacheck: ignore 113
  else
    chunk = assert(load(text, "=rockspec", "t", values))
  end
  chunk()
  return values
end

function list.in_rockspec(rockspec)
  local set = {}
  for _, path in ipairs(rockspec.build.modules["raft.core"].sources) do
    set[path] = true
  end
  return sorted(set)
end

--- Complaints about what is in one list and not in the other.
function list.compare(here, there, here_name, there_name)
  local found, in_here, in_there = {}, {}, {}
  for _, path in ipairs(here) do
    in_here[path] = true
  end
  for _, path in ipairs(there) do
    in_there[path] = true
    if not in_here[path] then
      found[#found + 1] = { path = path, text = ("is in %s, not in %s")
        :format(there_name, here_name) }
    end
  end
  for _, path in ipairs(here) do
    if not in_there[path] then
      found[#found + 1] = { path = path, text = ("is in %s, not in %s")
        :format(here_name, there_name) }
    end
  end
  return found
end

--- The module of a file of lua/: "lua/raft/init.lua" -> "raft".
function list.module_of(path)
  local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", ".")
  return (name:gsub("%.init$", ""))
end

--- Complaints about modules of lua/ that the rock does not install, or
-- installs from elsewhere.
function list.modules(paths, rockspec)
  local found, seen = {}, {}
  for _, path in ipairs(paths) do
    if path:find("^lua/.+%.lua$") then
      local name = list.module_of(path)
      seen[name] = true
      if rockspec.build.modules[name] ~= path then
        found[#found + 1] = { path = path,
          text = "is not installed by the rockspec as " .. name }
      end
    end
  end
  for name in pairs(rockspec.build.modules) do
    if not seen[name] and name ~= "raft.core" then
      found[#found + 1] = { path = name,
        text = "is in the rockspec, not in lua/" }
    end
  end
  return found
end

--- The command stands in scripts/luaraft; the rock installs it by its name.
function list.command(paths, rockspec)
  local install = rockspec.build.install or {}
  local installed = (install.bin or {}).luaraft
  for _, path in ipairs(paths) do
    if path == "scripts/luaraft" and installed ~= path then
      return { { path = path,
        text = "is not installed by the rockspec as luaraft" } }
    elseif path == installed then
      return {}
    end
  end
  if installed then
    return { { path = installed, text = "is in the rockspec, not there" } }
  end
  return {}
end

-- Text between two marks of the rockspec, replaced.
local function between(text, name, lines)
  local first, last = "-- begin " .. name .. "\n", "-- end " .. name .. "\n"
  local _, from = text:find(first, 1, true)
  local to = text:find("[ ]*" .. last:gsub("%-", "%%-"), from)
  assert(from and to, "the rockspec has lost its marks for " .. name)
  return text:sub(1, from) .. table.concat(lines) .. text:sub(to)
end

--- The rockspec's text with both lists as they should be.
function list.sync(text, sources, paths)
  local lines, modules = {}, {}
  for i, path in ipairs(sources) do
    lines[i] = ('        "%s",\n'):format(path)
  end
  for _, path in ipairs(paths) do
    if path:find("^lua/.+%.lua$") then
      local name = list.module_of(path)
      local key = name:find(".", 1, true) and '["' .. name .. '"]' or name
      modules[#modules + 1] = ('    %s = "%s",\n'):format(key, path)
    end
  end
  return between(between(text, "sources", lines), "modules", modules)
end

return list
