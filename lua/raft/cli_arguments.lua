-- SPDX-License-Identifier: MIT
--
-- cli_arguments.lua - the arguments of the command luaraft.
--
-- Holds:  the subcommands' options, what --help says.
-- Rule:   argparse prints and ends nothing: its parser is asked with pparse,
--         and --help and --version end the parsing by an error.

local address = require("raft.address")
local quantity = require("raft.quantity")
local readers = require("raft.cli_readers")

local arguments = {}

local READS = { "linear", "lease", "follower", "stale" }
local FORMS = { "text", "json" }

local a_number = readers.number()
local a_cluster = readers.number(address.MEMBERS_MAX)
local a_port = readers.number(65000) -- the members' are after it
local directory, one_of = readers.directory, readers.one_of
local one_address, one_duration = readers.address, readers.duration
local reader, seeds, whole_json = readers.named, readers.seeds, readers.json

local function add_init(parser)
  local command = parser:command("init",
    "Make the directory of a member; done once, before the first serve.")
  command:option("--id", "The member's id, from 1.")
    :args(1):count(1):argname("N"):convert(reader("--id", address.id))
  command:option("--dir", "A directory that is empty or not there.")
    :args(1):count(1):argname("DIR"):convert(reader("--dir", directory))
  command:option("--members", "All members: 1=host:port,2=host:port,...")
    :args(1):count(1):argname("MEMBERS")
    :convert(reader("--members", address.members))
  command:option("--name", "A name of the cluster, the same on all members.")
    :args(1):argname("NAME"):convert(reader("--name", readers.cluster_name))
end

local function add_serve(parser)
  local command = parser:command("serve", "Run a member until it is told to"
    .. " end by a signal.")
  command:argument("machine", "A module name (raft.kv) or a Lua file.")
  command:option("--dir", "The directory that init made.")
    :args(1):count(1):argname("DIR"):convert(reader("--dir", directory))
  command:option("--listen", "Listen here, not at the member's address.")
    :args(1):argname("HOST:PORT"):convert(reader("--listen", one_address))
  command:flag("--insecure", "Listen beyond this computer, without"
    .. " authentication.")
  command:option("--memory", "The most memory the machine may take, 64MiB.")
    :args(1):argname("SIZE"):convert(reader("--memory", quantity.size))
  command:option("--log", "What is logged to stderr looks like this.")
    :args(1):argname("FORM"):convert(reader("--log", one_of(FORMS)))
    :default("text")
  command:flag("--no-sandbox", "Give the machine the plain libraries.")
  command:option("--options", "What the machine's new() gets, as JSON.")
    :args(1):argname("JSON"):convert(reader("--options", whole_json))
end

local function add_to(command)
  command:option("--to", "Members of the cluster: host:port,host:port,...")
    :args(1):count(1):argname("ADDRESSES")
    :convert(reader("--to", address.list))
  command:option("--timeout", "Give up after this time.")
    :args(1):argname("TIME"):convert(reader("--timeout", one_duration))
end

local function add_clients(parser)
  local propose = parser:command("propose",
    "Apply one command; prints what the machine answered.")
  add_to(propose)
  propose:argument("json", "The command; - reads it from stdin.")
    :convert(reader("json", whole_json))
  local query = parser:command("query",
    "Ask one question; prints what the machine answered.")
  add_to(query)
  query:argument("json", "The question; - reads it from stdin.")
    :convert(reader("json", whole_json))
  query:option("--read", "How fresh the answer must be.")
    :args(1):argname("HOW"):convert(reader("--read", one_of(READS)))
    :default("linear")
  query:option("--max-age", "With --read stale: no older than this.")
    :args(1):argname("TIME"):convert(reader("--max-age", one_duration))
  query:option("--index", "With --read stale: at least this is applied.")
    :args(1):argname("INDEX"):convert(reader("--index", a_number))
end

local function add_check(parser)
  local command = parser:command("check",
    "Say whether recorded histories are linearizable.")
  command:argument("files", "Histories: JSON lines, EDN, Jepsen's logs.")
    :args("+"):argname("FILE")
  command:option("--model", "A model by name, or a Lua file with one.")
    :args(1):argname("MODEL")
  command:option("--limit-states", "Visit at most so many configurations.")
    :args(1):argname("N"):convert(reader("--limit-states", a_number))
    :default("20000000")
  command:option("--limit-memory", "Take at most so much memory, 1GiB.")
    :args(1):argname("SIZE"):convert(reader("--limit-memory", quantity.size))
    :default("1GiB")
  command:option("--time", "Give up a file after so much processor time.")
    :args(1):argname("TIME"):convert(reader("--time", quantity.duration))
  command:flag("--no-partition", "Search all keys at once.")
  command:flag("--json", "Print JSON, one line per file.")
end

local function add_sim(parser)
  local command = parser:command("sim", "Run scenarios in the simulator.")
  command:argument("files", "Lua files that return raft.scenario { ... } or"
    .. " options of raft.sim.run."):args("*"):argname("FILE")
  command:option("--profile", "A built-in one instead of files: everything.")
    :args(1):argname("NAME")
  command:option("--seeds", "Run all of these, 1..1000.")
    :args(1):argname("A..B"):convert(reader("--seeds", seeds))
  command:option("--seed", "Run this one; 1 is the default.")
    :args(1):argname("N"):convert(reader("--seed", seeds))
  command:option("--jobs", "Share the seeds between so many processes.")
    :args(1):argname("N"):convert(reader("--jobs", a_number))
  command:option("--time", "Go on with further seeds until this time is over.")
    :args(1):argname("TIME"):convert(reader("--time", readers.time))
  command:option("--nodes", "Members, instead of what the file says.")
    :args(1):argname("N"):convert(reader("--nodes", a_cluster))
  command:option("--bug", "In the build with bugs: have this one.")
    :args(1):argname("NAME")
  command:option("--trace", "Print what happened: text or json.")
    :args(1):argname("FORM"):convert(reader("--trace", one_of(FORMS)))
  command:option("--view", "Draw what happened, as a page of HTML.")
    :args("?"):argname("PAGE")
  command:option("--record", "Write the run as a schedule that replays it.")
    :args(1):argname("FILE")
  command:option("--history", "Write what clients did and saw: .jsonl, .edn.")
    :args(1):argname("FILE")
  command:flag("--twice", "Run each seed twice and compare.")
  command:flag("--no-shrink", "Do not make a failure smaller.")
  command:flag("--traceback", "Show where in the toolkit an error was.")
  command:flag("--lines", "Print one line of JSON (as --jobs reads it).")
end

local function add_chaos(parser)
  local command = parser:command("chaos",
    "Run scenarios on processes of this computer.")
  command:argument("files", "Lua files that return raft.scenario { ... }.")
    :args("+"):argname("FILE")
  command:option("--time", "How long a workload lasts; a story is told again"
    .. " until then."):args(1):argname("TIME")
    :convert(reader("--time", readers.time))
  command:option("--seed", "What the nemesis draws from; 1 is the default.")
    :args(1):argname("N"):convert(reader("--seed", seeds))
  command:option("--nodes", "Members, instead of what the file says.")
    :args(1):argname("N"):convert(reader("--nodes", a_cluster))
  command:option("--keep", "Keep everything in this folder; else only a"
    .. " failure is kept."):args(1):argname("DIR")
    :convert(reader("--keep", directory))
  command:option("--bug", "In the build with bugs: have this one.")
    :args(1):argname("NAME")
  command:option("--level", "What members tell: wire, debug or info.")
    :args(1):argname("LEVEL"):convert(reader("--level",
      one_of { "info", "debug", "wire" }))
  command:option("--port", "Members listen at 127.0.0.1, after this port.")
    :args(1):argname("N"):convert(reader("--port", a_port))
  command:flag("--namespaces", "Each member has a network of its own (root,"
    .. " nft): real TCP is cut.")
  command:flag("--traceback", "Show where in the toolkit an error was.")
end

local function add_lint(parser)
  local command = parser:command("lint",
    "Say whether a machine stays equal on every member.")
  command:argument("machine", "A module name (raft.kv) or a Lua file.")
  command:option("--commands", "Give it so many commands.")
    :args(1):argname("N"):convert(reader("--commands", a_number))
    :default("500")
  command:option("--seed", "Of the commands and of what differs.")
    :args(1):argname("N"):convert(reader("--seed", a_number)):default("1")
  command:option("--time", "Go on to other trials after this time.")
    :args(1):argname("TIME"):convert(reader("--time", one_duration))
    :default("10s")
  command:flag("--no-sandbox", "Give the machine the plain libraries.")
  command:flag("--json", "Print JSON.")
end

-- The parser; and a table whose 'text' is what --help or --version shows, once
-- one of them has ended the parsing.
local function parser_of(version)
  local argparse = require("argparse")
  local shown = {}
  local function show(text)
    shown.text = text
    error("shown", 0)
  end
  local parser = argparse("luaraft", "Replicated state machines in Lua.")
  parser:flag("--version", "Show the version and end.")
    :action(function()
      show(version or "")
    end)
  parser:require_command(true):command_target("command")
  add_init(parser)
  add_serve(parser)
  add_clients(parser)
  add_check(parser)
  add_sim(parser)
  add_chaos(parser)
  local read = {
    address = reader("--listen", one_address),
    directory = reader("directory", directory),
    duration = reader("--timeout", one_duration),
    file = reader("file", directory),
    time = quantity.duration,
    to = add_to,
    named = reader,
    number = a_number,
    one_of = one_of,
  }
  require("raft.cli_status").add(parser, read)
  require("raft.cli_admin").add(parser, read)
  require("raft.cli_wal").add(parser, read)
  require("raft.cli_recover").add(parser, read)
  add_lint(parser)
  local function with_help(one)
    for _, option in ipairs(one._options) do
      option:overwrite(false) -- given twice is refused
    end
    one:add_help { action = function()
      show(one:get_help())
    end }
    for _, inner in ipairs(one._commands or {}) do
      with_help(inner)
    end
  end
  with_help(parser)
  return parser, shown
end

--- Reads the words of a command line.
-- @param version what --version shows
-- @return a table of what was given, 'command' is the subcommand; or nil and a
-- line that says what is wrong; or nil, nil and what --help or --version shows
function arguments.read(version, words)
  local parser, shown = parser_of(version)
  local ran, ok, result = pcall(parser.pparse, parser, readers.marked(words))
  if shown.text then
    return nil, nil, shown.text
  elseif not ran then
    error(ok, 0)
  elseif not ok then
    return nil, readers.message(result)
  end
  return readers.unmarked(result)
end

return arguments
