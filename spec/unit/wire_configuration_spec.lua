-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local probe = require "raft.probe"

local pack = canonical.encode
local MEMBERS_MAX = 15

local function member(id, roles, address)
  return { id = id, roles = roles or 1, address = address or "host:70" }
end

local function configuration(...)
  return { name = "blue", lease_us = 0, members = { ... } }
end

-- As a Lua value, with members as triples.
local function refusal(value)
  local ok, message, code = probe.configuration_decode(
    type(value) == "string" and value or pack(value))
  assert.is_nil(ok)
  assert.equal("malformed", code)
  return message
end

local function value_of(...)
  return { name = "blue", lease_us = 0, members = { ... } }
end

describe("wire_configuration", function ()
  it("is the canonical value that is written down", function ()
    local bytes = probe.configuration_encode(configuration(
      member(1, 1, "a:1"), member(2, 2, "[::1]:7102")))
    assert.equal(pack(value_of({ 1, "a:1", 1 }, { 2, "[::1]:7102", 2 })),
      bytes)
    assert.is_true(probe.value_check(bytes))
  end)

  it("is read back, and seen by the engine as three sets", function ()
    local value = configuration(member(1, 1), member(2, 4), member(3, 2),
      member(5, 5), member(2 ^ 53 - 1, 6))
    value.lease_us, value.drift_ppm = 2 ^ 53 - 1, 500000
    value.used = 2 ^ 53 - 1
    local read = probe.configuration_decode(probe.configuration_encode(value))
    assert.same({ voters = { 1, 5 }, outgoing = { 2, 5, 2 ^ 53 - 1 },
      learners = { 3, 2 ^ 53 - 1 }, lease_us = 2 ^ 53 - 1,
      drift_ppm = 500000 }, read.sets)
    read.sets = nil
    assert.same(value, read)
  end)

  it("writes priorities that are not the default, of voters", function ()
    local first, second = member(1, 1, "a:1"), member(2, 2, "b:1")
    first.priority, second.priority = 0, 1000
    local value = configuration(first, second, member(3, 1, "c:1"))
    local bytes = probe.configuration_encode(value)
    assert.equal(pack(value_of({ 1, "a:1", 1, 0 }, { 2, "b:1", 2, 1000 },
      { 3, "c:1", 1 })), bytes)
    local read = probe.configuration_decode(bytes)
    assert.same({ { id = 1, value = 0 } }, read.sets.priorities)
    read.sets, read.used = nil, nil
    assert.same(value, read)
  end)

  it("remembers the highest id that has gone, and only that", function ()
    local value = configuration(member(2, 1, "a:1"))
    local plain = pack(value_of({ 2, "a:1", 1 }))
    assert.equal(plain, probe.configuration_encode(value))
    value.used = 2
    assert.equal(plain, probe.configuration_encode(value))
    assert.equal(2, probe.configuration_decode(plain).used)
    value.used = 7
    local bytes = probe.configuration_encode(value)
    local written = value_of({ 2, "a:1", 1 })
    written.used = 7
    assert.equal(pack(written), bytes)
    assert.equal(7, probe.configuration_decode(bytes).used)
    for _, used in ipairs { 0, 1, 2, "7" } do
      written.used = used
      assert.matches("used must be an id above those of the members",
        refusal(written), 1, true)
    end
  end)

  it("says that it was recovered, with a number of its own", function ()
    local value = configuration(member(2, 1, "a:1"))
    value.recovered, value.used = 2 ^ 53 - 1, 7
    local written = value_of({ 2, "a:1", 1 })
    written.recovered, written.used = value.recovered, 7
    local bytes = probe.configuration_encode(value)
    assert.equal(pack(written), bytes)
    local read = probe.configuration_decode(bytes)
    read.sets = nil
    assert.same(value, read)
    written.used, value.used = nil, 2
    bytes = probe.configuration_encode(value)
    assert.equal(pack(written), bytes)
    assert.equal(2 ^ 53 - 1, probe.configuration_decode(bytes).recovered)
  end)

  it("holds as many members of each role as the engine can", function ()
    local members = {}
    for i = 1, MEMBERS_MAX * 3 do
      members[i] = member(i, ({ 1, 2, 4 })[i % 3 + 1])
    end
    local value = configuration()
    value.members = members
    local bytes = probe.configuration_encode(value)
    assert.equal(MEMBERS_MAX,
      #probe.configuration_decode(bytes).sets.voters)
    for _, roles in ipairs { 1, 2, 4 } do
      local other = ({ [1] = 2, [2] = 4, [4] = 1 })[roles]
      for _, one in ipairs(members) do
        if one.roles == other then
          one.roles = roles
          break
        end
      end
      assert.matches("more than 15 members of one role",
        refusal(probe.configuration_encode(value)))
      for i = 1, MEMBERS_MAX * 3 do
        members[i].roles = ({ 1, 2, 4 })[i % 3 + 1]
      end
    end
    local triples = {}
    for i = 1, MEMBERS_MAX * 3 + 1 do
      triples[i] = { i, "a:1", 1 }
    end
    assert.matches("46 members, at most 45 can be",
      refusal { name = "", lease_us = 0, members = triples })
  end)
end)

describe("wire_configuration: what is refused", function ()
  it("names what is wrong with a member", function ()
    for what, triple in pairs {
      ["its id from 1"] = { 0, "a:1", 1 },
      ["a member must be [id"] = { 1, "a:1" },
      ["member must be [id, \"host"] = { 1, "a:1", 1, 1, 1 },
      ["must be [id, \"host:port\", role]"] = { "1", "a:1", 1 },
      ["member 2: not a role"] = { 2, "a:1", 0 },
      ["member 3: not a role"] = { 3, "a:1", 3 },
      ["member 4: not a role"] = { 4, "a:1", 7 },
      ["member 5: not a role"] = { 5, "a:1", 8 },
      ["member 6: not a role"] = { 6, "a:1", "voter" },
      ["member 7: expected an address"] = { 7, 70, 1 },
      ["member 8: not a priority"] = { 8, "a:1", 1, 100 }, -- is not written
      ["member 9: not a priority"] = { 9, "a:1", 1, 1001 },
      ["member 10: not a priority"] = { 10, "a:1", 1, "high" },
    } do
      assert.matches(what, refusal(value_of(triple)), 1, true)
    end
  end)

  it("wants ids that ascend, each once", function ()
    assert.matches("member 1 after member 2: ids must ascend",
      refusal(value_of({ 2, "a:1", 1 }, { 1, "a:1", 1 })))
    assert.matches("member 2 after member 2",
      refusal(value_of({ 2, "a:1", 1 }, { 2, "b:1", 1 })))
  end)

  it("wants someone who votes", function ()
    assert.equal("configuration: no voter", refusal(value_of()))
    assert.equal("configuration: no voter",
      refusal(value_of({ 1, "a:1", 2 }, { 2, "a:2", 4 })))
  end)

  it("wants addresses with host and port", function ()
    for _, address in ipairs { "", "host", ":70", "host:", "host:0",
      "host:65536", "host:700000", "host:7x", "host:-1", "a b:70", "a\0:70",
      "a\n:70", "\255:70", ("h"):rep(125) .. ":70", "host:070000" } do
      assert.matches("member 1: expected an address",
        refusal(value_of({ 1, address, 1 })))
    end
    for _, address in ipairs { "h:1", "h:65535", "h:9090", "[::1]:70", "a:b:1",
      ("h"):rep(124) .. ":70" } do
      local read = probe.configuration_decode(pack(
        value_of({ 1, address, 1 })))
      assert.equal(address, read.members[1].address)
    end
  end)

  it("wants its three keys, and none but recovered and used beside them",
    function ()
    local function value(changes)
      local copy = value_of({ 1, "a:1", 1 })
      for key, new in pairs(changes) do
        copy[key] = new ~= "none" and new or nil
      end
      return copy
    end
    assert.is_table((probe.configuration_decode(pack(value {}))))
    for _, changes in ipairs { { name = "none" }, { members = "none" },
      { lease_us = "none" }, { extra = 1, recovered = 1, used = 2 } } do
      assert.matches("expected a map of lease_us, members and name",
        refusal(value(changes)))
    end
    assert.matches("lease_us must be",
      refusal(value { lease_us = "none", aa = 1 }))
    assert.matches("lease_us must be", refusal(value { extra = 1 }))
    assert.matches("used must be", refusal(value { zone = 1 }))
    assert.matches("no other key than recovered and used",
      refusal(value { used = 2, zone = 1 }))
    for _, number in ipairs { 0, "x" } do
      assert.matches("recovered must be a number",
        refusal(value { recovered = number }))
    end
    for _, ppm in ipairs { 0, 500001, "x" } do
      assert.matches("drift_ppm must be", refusal(value { drift_ppm = ppm }))
    end
    assert.matches("lease_us must be", refusal(value { lease_us = 0.5 }))
    assert.matches("members must be an array",
      refusal(value { members = { x = 1 } }))
    assert.matches("name must be a text", refusal(value { name = 5 }))
    assert.matches("name must be a text",
      refusal(value { name = ("n"):rep(64) }))
    assert.matches("name must be a text", refusal(value { name = "a\0" }))
    assert.equal(("n"):rep(63), probe.configuration_decode(
      pack(value { name = ("n"):rep(63) })).name)
  end)

  it("wants the canonical form", function ()
    local bytes = pack(value_of({ 1, "a:1", 1 }))
    assert.matches("^value: at byte ",
      refusal((bytes:gsub("\168lease_us\0", "\168lease_us\204\0"))))
    assert.matches("^value: at byte ", refusal(bytes .. "\0"))
    for size = 0, #bytes - 1 do
      assert.matches("^value: ", refusal(bytes:sub(1, size)))
    end
  end)
end)

describe("wire_first_entry", function ()
  local value = configuration(member(1), member(2), member(3))

  it("is the same bytes wherever it is made", function ()
    local bytes, cluster = probe.first_entry(7, value)
    local again, same = probe.first_entry(7, value)
    assert.equal(bytes, again)
    assert.equal(cluster, same)
    local read = probe.entry_decode(bytes)
    assert.equal("configuration", read.kind)
    assert.equal(1, read.index)
    assert.equal(1, read.term)
    assert.equal(0, read.time)
    assert.equal(0, read.random)
    assert.equal(7, read.group)
    assert.is_true(read.intact)
    assert.equal(probe.configuration_encode(value), read.payload)
  end)

  it("names the cluster by all that is in it", function ()
    local _, cluster = probe.first_entry(7, value)
    local seen = { [cluster] = true }
    local renamed = configuration(member(1), member(2), member(3))
    renamed.name = "red"
    local moved = configuration(member(1), member(2), member(3, 1, "h:71"))
    local leased = configuration(member(1), member(2), member(3))
    leased.lease_us = 1
    local recovered = configuration(member(1), member(2), member(3))
    recovered.recovered = 1
    for _, other in ipairs { renamed, moved, leased, recovered,
      configuration(member(1), member(2)) } do
      local _, id = probe.first_entry(7, other)
      assert.is_nil(seen[id])
      seen[id] = true
    end
    local _, id = probe.first_entry(8, value)
    assert.is_nil(seen[id])
  end)

  it("refuses what could not be read again", function ()
    for what, wrong in pairs {
      ["no voter"] = configuration(member(1, 2)),
      ["ids must ascend"] = configuration(member(2), member(1)),
      ["expected an address"] = configuration(member(1, 1, "host")),
      ["its id from 1"] = configuration(member(0)),
    } do
      local ok, message, code = probe.first_entry(7, wrong)
      assert.is_nil(ok)
      assert.equal("invalid", code)
      assert.matches(what, message, 1, true)
    end
  end)
end)
