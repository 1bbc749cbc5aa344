-- SPDX-License-Identifier: MIT
--
-- lint_commands.lua - commands for a machine that nobody has described.
--
-- Holds:  what the machine's own commands(random) gives; else values made of
--         the words in its source, in the shape in which apply looks at them.
-- Rule:   few keys and small numbers: commands have to meet each other.

local core = require "raft.core"
local dice = require "raft.dice"
local lint_source = require "raft.lint_source"

local Commands = {}
Commands.__index = Commands

local KEYS = { "a", "b", "c", "d" }

local function read_file(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

-- The machine's file, and those beside it (or of the toolkit) that it names.
local function texts_of(path)
  local texts = { read_file(path) }
  local folder = path:match("^(.*/)[^/]*$") or "./"
  local _, strings = lint_source.read(texts[1])
  for _, name in ipairs(strings) do
    if name:find("^[%a_][%w_.]*$") then
      local inner = name:gsub("%.", "/")
      local beside = read_file(folder .. inner .. ".lua")
        or name == "raft.kv" and read_file(
          (require("raft.machine").find(name, package.path)))
      texts[#texts + 1] = beside or nil
    end
  end
  return texts
end

--- @param path of the machine's file
-- @param options { seed, sandbox } ; machine options for its own commands
function Commands.new(path, options)
  local texts = texts_of(path)
  local self = setmetatable({
    chance = dice.new(options.seed), text = texts[1],
    vocabulary = lint_source.vocabulary(texts), given = 0,
  }, Commands)
  local source = core.machine_open {
    machine = path, sandbox = options.sandbox, commands = true,
    instructions = 10000000,
  }
  local status, has_commands
  if source then
    status, has_commands = source:query(true)
  end
  if status == "ok" and has_commands then
    self.source = source
  elseif source then
    source:close()
  end
  return self
end

function Commands:pick(list)
  return list[self.chance:number(#list)]
end

function Commands:random_bits()
  return ("%08x%08x"):format(self.chance:draw(), self.chance:draw())
end

local function scalar(self)
  local kind = self.chance:number(8)
  if kind <= 4 then
    return self:pick(KEYS)
  elseif kind <= 6 then
    return self.chance:number(5)
  elseif kind == 7 and #self.vocabulary.words > 0 then
    return self:pick(self.vocabulary.words)
  end
  return self.chance:number(2) == 1
end

local function list(self, depth)
  local words = self.vocabulary.words
  local made = { #words > 0 and self:pick(words) or scalar(self) }
  for at = 2, self.chance:number(4) do
    made[at] = depth == 0 and self.chance:number(3) == 1
      and list(self, 1) or scalar(self)
  end
  return made
end

local function map(self)
  local made = {}
  for _, field in ipairs(self.vocabulary.fields) do
    if self.chance:number(4) > 1 then
      local words = self.vocabulary.words
      made[field] = self.chance:number(2) == 1 and #words > 0
        and self:pick(words) or scalar(self)
    end
  end
  return made
end

local function made_up(self)
  local kind = self.chance:number(12)
  local vocabulary = self.vocabulary
  if vocabulary.is_list and kind > 1 then
    return list(self, 0)
  elseif #vocabulary.fields > 0 and kind > 1 then
    return map(self)
  elseif kind > 4 then
    return scalar(self)
  end
  return list(self, 0)
end

--- The next command. @return a value; nil and a message where the machine's
-- own commands(random) raises
function Commands:next()
  self.given = self.given + 1
  if not self.source then
    return made_up(self)
  end
  local results, message = self.source:apply {
    { index = self.given, random = self:random_bits(), command = true },
  }
  local result = results and results[1]
  if not result or result.status ~= "ok" then
    return nil, result and tostring(result.value) or message
  end
  return result.value[1]
end

--- A question: as likely one that is asked with the same words.
function Commands:question()
  return made_up(self)
end

function Commands:close()
  if self.source then
    self.source:close()
    self.source = nil
  end
end

return Commands
