-- SPDX-License-Identifier: MIT
--
-- cli.lua - the command luaraft.
--
-- Holds:     the subcommands and what they print.
-- Knows not: how anything is done: that is require "raft".
-- Rule:      results go to stdout as JSON, everything else to stderr, one line
--            per mistake. Exit codes of every subcommand: 0 done, 1 refused or
--            failed, 2 used wrongly, 3 outcome unknown, 4 an error of ours;
--            serve also 5: removed from the cluster; 130: Ctrl-C, which
--            serve, sim and chaos take as their end, and have codes of theirs.

local arguments = require("raft.cli_arguments")
local json = require("raft.json")
local log = require("raft.log")

local cli = {}

cli.OK, cli.FAILED, cli.USAGE, cli.UNKNOWN, cli.INTERNAL = 0, 1, 2, 3, 4
cli.REMOVED = 5 -- of serve: this member is none any more
cli.INTERRUPTED = 130

-- Codes that leave open whether a command was done. A question changes
-- nothing: one without an answer has failed, and no more.
local UNKNOWN_CODES = { cancelled = true, timeout = true, unknown = true }

-- The arguments; or nil and an exit code, after everything was said.
local function parse(raft, world, words)
  local given, message, shown = arguments.read(raft._VERSION, words)
  if shown then
    world.out(shown .. "\n")
    return nil, cli.OK
  elseif not given then
    world.err("luaraft: " .. message .. "\n")
    return nil, cli.USAGE
  end
  return given
end

-- ---- what they do --------------------------------------------------------

local commands = {}

-- Says why something was not done; returns the exit code.
local function failed(world, what, message, code)
  world.err(("luaraft %s: %s%s\n"):format(what, tostring(message),
    code and " (" .. tostring(code) .. ")" or ""))
  if code == "panic" then
    return cli.INTERNAL
  elseif code == "removed" then
    return cli.REMOVED
  end
  return what == "propose" and UNKNOWN_CODES[code] and cli.UNKNOWN
    or cli.FAILED
end

local function answered(world, what, ok, result, code)
  if not ok then
    return failed(world, what, result, code)
  end
  world.out(json.encode(result) .. "\n")
  return cli.OK
end

local function members_by_id(list)
  local members = {}
  for _, member in ipairs(list) do
    members[member.id] = member.address
  end
  return members
end

function commands.init(raft, world, given)
  local ok, message, code = raft.init {
    id = given.id, dir = given.dir, members = members_by_id(given.members),
    name = given.name,
  }
  if not ok then
    return failed(world, "init", message, code)
  end
  world.out(json.encode { dir = given.dir, id = given.id } .. "\n")
  return cli.OK
end

function commands.serve(raft, world, given)
  local node, message, code = raft.node {
    dir = given.dir, machine = given.machine, listen = given.listen,
    insecure = given.insecure or nil, memory = given.memory,
    sandbox = not given.no_sandbox,
    options = given.options and given.options.value,
    on_log = log.writer(given.log, world.err),
  }
  if not node then
    return failed(world, "serve", message, code)
  end
  if given.log == "json" then
    world.err(json.encode { kind = "serve.listening",
      address = node:address() } .. "\n")
  else
    world.err(("luaraft serve: listening at %s\n"):format(node:address()))
  end
  local ok
  ok, message, code = node:run()
  if not ok then
    return failed(world, "serve", message, code)
  end
  return cli.OK
end

-- Runs fn(client) with a client that is closed whatever happens.
local function with_client(raft, world, given, fn)
  local client, message, code = raft.client(given.to)
  if not client then
    return failed(world, given.command, message, code)
  end
  local ok, result = pcall(fn, client)
  client:close()
  if not ok then
    error(result, 0)
  end
  return result
end

function commands.propose(raft, world, given)
  return with_client(raft, world, given, function(client)
    return answered(world, "propose",
      client:propose(given.json.value, { deadline = given.timeout }))
  end)
end

function commands.query(raft, world, given)
  if given.read ~= "stale" and (given.max_age or given.index) then
    world.err(("luaraft: query: %s needs --read stale\n"):format(
      given.max_age and "--max-age" or "--index"))
    return cli.USAGE
  end
  return with_client(raft, world, given, function(client)
    return answered(world, "query", client:query(given.json.value,
      { deadline = given.timeout, read = given.read,
        max_age = given.max_age, index = given.index }))
  end)
end

for _, name in ipairs { "status", "metrics" } do
  commands[name] = function(raft, world, given)
    return with_client(raft, world, given, function(client)
      return require("raft.cli_status")[name](world, client, given, failed)
    end)
  end
end

function commands.sim(_, world, given)
  return require("raft.cli_sim").run(world, given)
end

function commands.chaos(_, world, given)
  return require("raft.cli_chaos").run(world, given)
end

function commands.check(_, world, given)
  return require("raft.cli_check").run(world, given)
end

function commands.lint(_, world, given)
  return require("raft.cli_lint").run(world, given)
end

for _, name in ipairs { "members", "transfer", "step-down", "snapshot",
  "join" } do
  commands[name] = function(raft, world, given)
    return require("raft.cli_admin").run(raft, world, given, failed)
  end
end

function commands.wal(raft, world, given)
  return require("raft.cli_wal").run(raft, world, given, failed)
end

function commands.recover(raft, world, given)
  return require("raft.cli_recover").run(raft, world, given, failed)
end

-- ---- the door ------------------------------------------------------------

local CLEAR = "\27[K" -- to the end of the line

local function is_terminal()
  local status = os.execute("test -t 2")
  return status == true or status == 0
end

local terminal -- nil: nobody has asked yet
local is_shown = false

local STANDARD = {
  -- One line on a terminal that the next one takes the place of; nil: it goes.
  progress = function(text)
    if terminal == nil then
      terminal = is_terminal()
    end
    if terminal and (text or is_shown) then
      io.stderr:write("\r", text and text:sub(1, 78) or "", CLEAR)
      io.stderr:flush()
      is_shown = text ~= nil
    end
  end,
  out = function(text)
    local ok, message = io.stdout:write(text)
    if ok then
      ok, message = io.stdout:flush()
    end
    return ok, message
  end,
  err = function(text)
    io.stderr:write(text)
  end,
}

-- What lua itself raises after Ctrl-C, in the middle of anything.
local INTERRUPT = {}

local function is_interrupt(message)
  return type(message) == "string" and message:find "interrupted!$" ~= nil
end

--- Runs one command line.
-- @param words a list of strings
-- @param raft what does it; default: require "raft"
-- @param world { out = function(text), err = function(text), progress =
-- function(text or nil), which may be missing }; nil and a message from out:
-- it could not be written
-- @return the exit code
function cli.run(words, raft, world)
  raft, world = raft or require("raft"), world or STANDARD
  local unwritten
  local door = world
  world = { err = door.err, progress = door.progress, out = function(text)
    local _, message = door.out(text)
    unwritten = unwritten or message
  end }
  local command
  local ok, result = xpcall(function()
    local given, code = parse(raft, world, words)
    if not given then
      return code
    end
    command = given.command
    return commands[command](raft, world, given)
  end, function(message)
    return is_interrupt(message) and INTERRUPT
      or debug.traceback("luaraft: internal error: " .. tostring(message))
  end)
  if not ok and result == INTERRUPT then
    world.err(("luaraft%s: interrupted%s\n"):format(
      command and " " .. command or "",
      command == "propose" and ", whether it was done is unknown" or ""))
    return cli.INTERRUPTED
  elseif not ok then
    world.err(tostring(result) .. "\n")
    return cli.INTERNAL
  elseif unwritten then
    world.err("luaraft: stdout cannot be written: " .. tostring(unwritten)
      .. "\n")
    return result == cli.OK and cli.FAILED or result
  end
  return result
end

return cli
