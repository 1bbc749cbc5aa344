-- SPDX-License-Identifier: MIT
--
-- Who refuses whom: told once, and no reason to stop for whoever is asked by
-- strangers.

local canonical = require "spec.canonical"
local core = require "raft.core"
local desk = require "spec.desk"
local probe = require "raft.probe"

local OTHER = "00000000000000ff" -- a cluster

-- A number of 64 bits, as MessagePack.
local function wide(hex)
  return "\207" .. (hex:gsub("%x%x", function (pair)
    return string.char(tonumber(pair, 16))
  end))
end

-- [2, "refused", [code, cluster, member, why]]
local function refusal(code, cluster, member, why)
  return "\147\2\167refused\148"
    .. canonical.encode(core.errors[code].number) .. wide(cluster)
    .. canonical.encode(member) .. canonical.encode(why or "because")
end

local function greeting(given)
  local whole = { role = "member", protocol = 1, features = 0, group = 0,
    machine_hash = 0, vm = "C", bulk = false, member = 2, incarnation = 255,
    cluster = OTHER }
  for key, value in pairs(given) do
    whole[key] = value
  end
  return probe.greeting_encode(whole)
end

local function count_of(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

describe("replica: a refusal", function ()
  -- Member 1 of three, alone and traced.
  local made, own

  before_each(function ()
    made = probe.desk { members = 3, traces = true }
    assert(made:init())
    made:start(1)
    made:run(1e5)
    own = desk.client(made, 1):ask("status", {}).result.cluster
    made:traces()
  end)

  local function hear(bytes, dialled)
    local _, _, code = made:hear(1, bytes, dialled)
    made:settle()
    return code
  end

  local function state()
    local now, code, text = made:state(1)
    return now, code, text
  end

  it("is told with what was expected, what came and from where", function ()
    assert.equal("wrong_cluster", hear(greeting {}))
    assert.equal(('replica.refused peer=2 code=wrong_cluster why="expected '
      .. 'cluster %s (desk) group 0, got %s group 0, of member 2 from the '
      .. 'desk"\n'):format(own, OTHER), made:traces())
    assert.equal("not_found", hear(greeting { cluster = own, member = 2 }, 3))
    assert.equal('replica.refused peer=3 code=not_found why="expected '
      .. 'member 3, of member 2 at the desk"\n', made:traces())
  end)

  it("is the last error of the status page, with its age", function ()
    assert.is_nil(desk.client(made, 1):ask("status", {}).result.last_error)
    hear(greeting {})
    made:run(3e6)
    local status = desk.client(made, 1):ask("status", {}).result
    assert.equal(made:traces():match "^[^\n]*", status.last_error)
    assert.is_true(status.last_error_ms_ago >= 3000)
    assert.is_true(status.last_error_ms_ago < 4000)
  end)

  it("names both virtual machines, and what allows them", function ()
    assert.equal("unsupported", hear(greeting { cluster = own,
      vm = "Lua 5.1" }))
    assert.matches('why="expected the VM C, got Lua 5.1 (mixed_vm = true on '
      .. "all members allows it)", made:traces(), 1, true)
  end)

  it("is told once, however often it is repeated, and counted", function ()
    for _ = 1, 50 do
      hear(greeting {})
      made:run(1e6)
    end
    assert.equal(1, count_of(made:traces(), "replica.refused "))
    local status = desk.client(made, 1):ask("status", {}).result
    assert.equal(50, status.greetings_refused)
  end)

  it("is told again when its reason is another", function ()
    hear(greeting {})
    made:run(6e6)
    hear(greeting { cluster = own, vm = "Lua 5.1" })
    made:run(6e6)
    hear(greeting { cluster = own, vm = "Lua 5.1" })
    assert.equal(2, count_of(made:traces(), "replica.refused "))
  end)

  it("of strangers is told once for all of them", function ()
    for id = 100, 200 do
      hear(greeting { member = id })
    end
    assert.equal(1, count_of(made:traces(), "replica.refused "))
  end)

  it("by another is told, and stops a member whom nobody is left for",
    function ()
      hear(refusal("wrong_cluster", OTHER, 2, "expected another"), 2)
      assert.equal('replica.refused_by peer=2 code=wrong_cluster '
        .. 'why="expected another"\n', made:traces())
      assert.equal("up", (state()))
      hear(refusal("wrong_cluster", OTHER, 2), 2)
      assert.equal("", made:traces())
      assert.equal("up", (state()))
      hear(refusal("wrong_cluster", OTHER, 3), 3)
      local now, code, text = state()
      assert.same({ "stopped", "wrong_cluster" }, { now, code })
      assert.matches("member 3 at the desk refuses this one for good: is "
        .. "--dir the right directory", text, 1, true)
    end)

  it("by another as wiped stops at once", function ()
    hear(refusal("wiped", own, 2), 2)
    assert.same({ "stopped", "wiped" }, { (select(1, state())),
      (select(2, state())) })
  end)

  it("as wiped is not believed of another cluster, nor of another member",
    function ()
      hear(refusal("wiped", OTHER, 2), 2)
      hear(refusal("wiped", own, 3), 2)
      assert.equal("up", (state()))
    end)

  it("stops nobody when a stranger sends it", function ()
    for id = 0, 9 do
      hear(refusal("wiped", own, id), id > 3 and id or 0)
      hear(refusal("wrong_cluster", OTHER, id), id > 3 and id or 0)
    end
    assert.equal("up", (state()))
  end)

  it("stops nobody when it comes of who has accepted this process",
    function ()
      made:start(2)
      made:start(3)
      made:run(2e6)
      for id = 2, 3 do
        hear(refusal("wrong_cluster", OTHER, id), id)
        hear(refusal("wiped", own, id), id)
      end
      assert.equal("up", (state()))
    end)

  it("of a temporary kind stops nobody", function ()
    for id = 2, 3 do
      hear(refusal("not_found", own, id), id)
      hear(refusal("exists", own, id), id)
    end
    assert.equal("up", (state()))
  end)

  it("that says anything at all is shown as one line", function ()
    hear(refusal("not_found", own, 2, 'a "line"\n\27[31m\\'), 2)
    assert.equal('replica.refused_by peer=2 code=not_found '
      .. 'why="a \\"line\\"??[31m\\\\"\n', made:traces())
    assert.equal("malformed", hear("\147\2\167refused\144", 2))
    assert.equal("malformed", hear("\147\2\167refused\148\1\1\1\1", 2))
  end)

  it("is none for another machine, which is told once", function ()
    for _, hash in ipairs { 77, 77, 78, 78 } do
      assert.is_nil(hear(greeting { cluster = own, machine_hash = hash }))
    end
    local traces = made:traces()
    assert.equal(2, count_of(traces, "replica.machine "))
    assert.matches("replica.machine peer=2 expected=%x+ "
      .. "got=000000000000004d\n", traces)
  end)
end)
