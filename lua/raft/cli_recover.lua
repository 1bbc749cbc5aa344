-- SPDX-License-Identifier: MIT
--
-- cli_recover.lua - the subcommand luaraft recover.
--
-- Holds:     its arguments, and what people must read before and after.
-- Knows not: what is allowed: that is raft.recover.
-- Rule:      without --into nothing is changed. What was made goes to stdout
--            as JSON, what it costs to stderr, always.
-- Rule:      Ctrl-C ends it between two steps: nothing was made then, and the
--            exit code is 130. Who comes too late for that is told all.

local address = require "raft.address"
local core = require "raft.core"
local json = require "raft.json"
local wording = require "raft.wording"

local cli_recover = {}

local INTERRUPTED = 130 -- as shells tell it of who SIGINT has ended

local function id_list(text)
  local list = {}
  for word in (text .. ","):gmatch "([^,]*)," do
    local id, message = address.id(word)
    if not id then
      return nil, message
    end
    list[#list + 1] = id
  end
  return list
end

--- Adds it to a parser; readers are those of raft.cli_arguments.
function cli_recover.add(parser, read)
  local command = parser:command("recover", "When a majority is lost for ever:"
    .. " show what is left; or make a new cluster of it, offline.")
  command:option("--dir", "The directory of a member that is left, and does"
    .. " not run; more than one are compared."):args(1):count("+")
    :argname("DIR"):convert(read.directory)
  command:option("--into", "Make this directory, the first member of a new"
    .. " cluster, out of the one with the latest entries.")
    :args(1):argname("NEW"):convert(read.directory)
  command:option("--lost", "All voters that are gone for ever: 2,3.")
    :args(1):argname("IDS"):convert(read.named("--lost", id_list))
  command:flag("--accept-loss", "Writes may be lost that were acknowledged.")
  command:flag("--accept-second", "Another of the members was recovered"
    .. " already: make a second cluster.")
  command:flag("--json", "Show JSON.")
end

-- ---- words -----------------------------------------------------------------

local function number(value)
  return ("%.0f"):format(value)
end

local function joined(ids)
  local words = {}
  for i, id in ipairs(ids) do
    words[i] = number(id)
  end
  return table.concat(words, ",")
end

local function survivor_text(one)
  return ("%s: member %s of cluster %s (%s), entries up to %s, the last one of"
    .. " term %s\n"):format(one.dir, number(one.member), one.cluster,
    one.name, number(one.last), number(one.last_term))
end

local function member_text(member, here)
  return ("%-4s %-22s %-8s %s\n"):format(number(member.id), member.address,
    member.voter and "voter" or member.outgoing and "leaves" or "learner",
    here and "here" or "missing")
end

local LOSS = [[
What may be lost: writes that were acknowledged by a majority in which none of
these directories was. What is here and was never acknowledged comes into force.
]]

local MAJORITY = [[
A majority is here: serve it. What was acknowledged is there, unless one of
these directories was made anew since, or is an older copy. Who is gone is
removed with luaraft members.
]]

local function advice(found)
  if found.majority then
    return MAJORITY
  end
  local dirs = {}
  for i, one in ipairs(found.survivors) do
    dirs[i] = "--dir " .. wording.quoted(one.dir)
  end
  local best = found.best
  return ("%s has the latest entries.\nMissing: %s. While one of them may come"
    .. " back, wait. If all are lost for ever:\n\n"
    .. "  luaraft recover %s --into %s --lost %s --accept-loss\n\n%s")
    :format(best.dir, joined(found.missing), table.concat(dirs, " "),
      wording.quoted(best.dir:gsub("(.)/+$", "%1") .. ".new"),
      joined(found.missing), LOSS)
end

local function show(world, found)
  local here = {}
  for _, one in ipairs(found.survivors) do
    here[one.member] = true
    world.out(survivor_text(one))
  end
  world.out(("configuration %s\n"):format(
    number(found.best.configuration_index)))
  for _, member in ipairs(found.best.members) do
    world.out(member_text(member, here[member.id]))
  end
  world.out(advice(found))
end

local DONE = [[
luaraft recover: %s is made of %s.
  Member %s is the only voter of a NEW cluster, %s.
  LOST is all that was acknowledged and is not in it: it ended with entry %s
  of term %s. What it had beyond that is committed from now on.
  Next: luaraft serve it, then luaraft join others, with ids above %s.
  Never serve %s again, nor another old directory: they are
  of the old cluster, and are refused (wrong_cluster).
]]

local function tell(world, found)
  local best, made = found.best, found.made
  world.err(DONE:format(made.dir, best.dir, number(made.member), made.cluster,
    number(best.last), number(best.last_term), number(made.used), best.dir))
  world.out(json.encode { dir = made.dir, id = made.member,
    cluster = made.cluster, last = made.last, term = made.term } .. "\n")
end

-- ---- what it does ----------------------------------------------------------

-- raft.recover, which Ctrl-C ends.
local function recover(raft, given)
  core.sim_interrupt(true)
  local ran, ok, found, code = pcall(raft.recover, { dir = given.dir,
    into = given.into, lost = given.lost, accept_loss = given.accept_loss,
    accept_second = given.accept_second })
  core.sim_interrupt(false)
  if not ran then
    error(ok, 0)
  end
  return ok, found, code
end

--- Runs it. @param failed(world, what, message, code) -> exit code
function cli_recover.run(raft, world, given, failed)
  if not given.into
     and (given.lost or given.accept_loss or given.accept_second) then
    world.err("luaraft: recover: --lost, --accept-loss and --accept-second"
      .. " are for --into\n")
    return 2
  elseif given.into and not (given.lost and given.accept_loss) then
    world.err("luaraft: recover: --into needs --lost, all voters that are"
      .. " gone for ever, and --accept-loss\n")
    return 2
  end
  local ok, found, code = recover(raft, given)
  if not ok and code == "cancelled" then
    world.err("luaraft recover: " .. found .. "\n")
    return INTERRUPTED
  elseif not ok then
    return failed(world, "recover", found, code)
  elseif given.into then
    tell(world, found)
  elseif given.json then
    world.out(json.encode(found) .. "\n")
  else
    show(world, found)
  end
  return 0
end

return cli_recover
