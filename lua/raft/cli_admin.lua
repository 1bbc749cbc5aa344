-- SPDX-License-Identifier: MIT
--
-- cli_admin.lua - the subcommands members, transfer, step-down, snapshot and
-- join.
--
-- Holds:     their arguments and what they print.
-- Knows not: how anything is done: that is raft.admin.

local address = require "raft.address"
local core = require "raft.core"
local json = require "raft.json"
local quantity = require "raft.quantity"

local cli_admin = {}

local LOOK_US = 50 * 1000 -- between two looks whether a change has ended

-- ---- arguments -------------------------------------------------------------

-- "1,2,4=host:port" -> { 1, 2, { 4, "host:port" } }
local function member_list(text)
  local list = {}
  for word in (text .. ","):gmatch "([^,]*)," do
    local number, at = word:match "^(%d+)=?(.*)$"
    local id, message = address.id(number or word)
    if not id then
      return nil, message
    end
    if word:find("=", 1, true) then
      local ok, why = address.parse(at)
      if not ok then
        return nil, why
      end
      list[#list + 1] = { id, at }
    else
      list[#list + 1] = id
    end
  end
  return list
end

local function none_or_list(text)
  if text == "none" then
    return {}
  end
  return member_list(text)
end

-- "on", "off", "200ms" -> a duration; 0 is off.
local function one_lease(text)
  text = text == "on" and "200ms" or text == "off" and "0ms" or text
  local us, message = quantity.duration(text)
  return us and text, message
end

-- "1=200,3=0" -> { { 1, 200 }, { 3, 0 } }
local function priority_list(text)
  local list = {}
  for word in (text .. ","):gmatch "([^,]*)," do
    local number, value = word:match "^(%d+)=(%d+)$"
    local id, message = address.id(number or word)
    if not id then
      return nil, message
    elseif not value or tonumber(value) > 1000 then
      return nil, ("expected a priority from 0 to 1000 such as 1=200, got %s")
        :format(word)
    end
    list[#list + 1] = { id, tonumber(value) }
  end
  return list
end

--- Adds them to a parser; readers are those of raft.cli_arguments.
function cli_admin.add(parser, read)
  local function with_dir(command)
    command:option("--dir", "The directory of a member that runs here.")
      :args(1):count(1):argname("DIR"):convert(read.directory)
  end
  local members = parser:command("members",
    "Show who the members are; or, at the leader, change that.")
  with_dir(members)
  members:option("--voters", "From now on these: 1,2,4=host:port.")
    :args(1):argname("MEMBERS"):convert(read.named("--voters", none_or_list))
  members:option("--learners", "Beside them these, without a vote; or none.")
    :args(1):argname("MEMBERS")
    :convert(read.named("--learners", none_or_list))
  members:option("--priorities", "Who should lead, and who not: 1=200,3=0.")
    :args(1):argname("PRIORITIES")
    :convert(read.named("--priorities", priority_list))
  members:option("--expected", "Only if this is the configuration's index.")
    :args(1):argname("INDEX"):convert(read.named("--expected", read.number))
  members:option("--lease", "Leaders may answer reads for so long without"
    .. " asking: 200ms; on is that, off ends it.")
    :args(1):argname("TIME"):convert(read.named("--lease", one_lease))
  members:option("--drift", "With --lease: clocks are at most so wrong, in"
    .. " parts per million.")
    :args(1):argname("PPM"):convert(read.named("--drift", read.number))
  members:option("--timeout", "Do not wait longer for the change.")
    :args(1):argname("TIME"):convert(read.duration)
  members:flag("--json", "Print JSON.")
  local transfer = parser:command("transfer",
    "At the leader: hand leadership over.")
  with_dir(transfer)
  transfer:option("--to", "To this member.")
    :args(1):argname("N"):convert(read.named("--to", address.id))
  with_dir(parser:command("step-down",
    "At the leader: lead no more, whoever follows."))
  parser:command("snapshot",
    "Let the member that runs in a directory take a snapshot now.")
    :argument("dir", "Its directory."):argname("DIR"):convert(read.directory)
  local join = parser:command("join",
    "Make the directory of a member that is to be added.")
  with_dir(join)
  join:option("--id", "Its id, which nobody ever had.")
    :args(1):count(1):argname("N"):convert(read.named("--id", address.id))
  join:option("--to", "Members of the cluster: host:port,host:port,...")
    :args(1):count(1):argname("ADDRESSES")
    :convert(read.named("--to", address.list))
  join:option("--admin", "Add it, too: the leader's directory.")
    :args(1):argname("DIR"):convert(read.directory)
  join:option("--listen", "With --admin: where it will listen.")
    :args(1):argname("HOST:PORT"):convert(read.address)
  join:flag("--learner", "With --admin: without a vote.")
  join:option("--timeout", "With --admin: do not wait longer until it is one.")
    :args(1):argname("TIME"):convert(read.duration):default("10min")
end

-- ---- what they do ----------------------------------------------------------

local function kind_of(member)
  return member.learner and "learner" or member.voter and "voter" or "leaves"
end

local function show(world, now)
  world.out(("configuration %s%s%s%s\n"):format(now.index,
    now.joint and ", joint" or "",
    now.committed and "" or ", not committed",
    now.lease_us > 0 and (", leases of %d ms"):format(now.lease_us / 1000)
      or ""))
  for _, member in ipairs(now.members) do
    local words = { ("%-4d %-22s %-8s"):format(member.id, member.address,
      kind_of(member)) }
    if member.priority ~= 100 then
      words[#words + 1] = ("priority %d"):format(member.priority)
    end
    if member.id == now.leader then
      words[#words + 1] = "leader"
    elseif member.lag then
      words[#words + 1] = ("lag %d"):format(member.lag)
    end
    world.out((table.concat(words, " "):gsub("%s+$", "")) .. "\n")
  end
  for _, round in ipairs(now.catching_up) do
    world.out(("member %d catches up: round %d, %d of %d entries\n"):format(
      round.id, round.round, round.match, round.target))
  end
end

-- Prints a result as JSON, or says why there is none. The rest is what raft
-- returned.
local function told(world, failed, what, ...)
  local ok, result, code, detail = ...
  if ok then
    world.out(json.encode(result) .. "\n")
    return 0
  end
  local leader = code == "not_leader" and type(detail) == "table"
    and detail.leader
  return failed(world, what, result .. (leader
    and (": member %d at %s leads"):format(leader, detail.address or "?")
    or ""), code)
end

local function members(raft, world, given, failed)
  local operator = raft.admin(given.dir)
  if given.voters or given.lease or given.drift or given.priorities then
    return told(world, failed, "members", operator:set {
      voters = given.voters, learners = given.learners,
      lease = given.lease, drift = given.drift,
      priorities = given.priorities,
      expected = given.expected, timeout = given.timeout })
  end
  local ok, now, code = operator:members()
  if not ok then
    return failed(world, "members", now, code)
  end
  if given.json then
    world.out(json.encode(now) .. "\n")
  else
    show(world, now)
  end
  return 0
end

-- Who shall be a member: those that are, and the new one.
local function with_new(now, given)
  local sets = { voters = {}, learners = {} }
  for _, member in ipairs(now.members) do
    local set = member.learner and sets.learners or sets.voters
    set[#set + 1] = member.id
  end
  local set = given.learner and sets.learners or sets.voters
  set[#set + 1] = { given.id, given.listen }
  return sets
end

-- Another change is under way, or was when the members were asked.
local PASSES = { busy = true, conflict = true }

-- Adds the new member; while that cannot be, it looks again who they are.
local function add(raft, world, given, failed)
  local operator = raft.admin(given.admin)
  local ends = core.now() + quantity.duration(given.timeout)
  while true do
    local ok, now, code = operator:members()
    if not ok then
      return failed(world, "join", now, code)
    end
    local sets = with_new(now, given)
    local left = math.max(ends - core.now(), 1)
    local added, result, why, detail = operator:set {
      voters = sets.voters, learners = sets.learners, expected = now.index,
      timeout = ("%.0fus"):format(left) }
    if added or not PASSES[why] or core.now() + LOOK_US > ends then
      return told(world, failed, "join", added, result, why, detail)
    end
    core.poll({}, {}, LOOK_US)
  end
end

--- Runs one of them. @param failed(world, what, message, code) -> exit code
function cli_admin.run(raft, world, given, failed)
  if given.command == "members" then
    return members(raft, world, given, failed)
  elseif given.command == "transfer" then
    return told(world, failed, "transfer",
      raft.admin(given.dir):transfer(given.to))
  elseif given.command == "step-down" then
    return told(world, failed, "step-down",
      raft.admin(given.dir):step_down())
  end
  if given.command == "snapshot" then
    return told(world, failed, "snapshot", raft.admin(given.dir):snapshot())
  end
  if given.admin and not given.listen then
    world.err("luaraft: join: --admin needs --listen, the new address\n")
    return 2
  end
  local ok, message, code = raft.join { id = given.id, dir = given.dir,
    to = given.to }
  if not ok then
    return failed(world, "join", message, code)
  elseif given.admin then
    return add(raft, world, given, failed)
  end
  world.out(json.encode { dir = given.dir, id = given.id } .. "\n")
  return 0
end

return cli_admin
