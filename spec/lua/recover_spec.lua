-- SPDX-License-Identifier: MIT
--
-- raft.recover: what is found, and what must be said and not be so before it
-- is done. It is asked with survivors that are only told of.

local core = require "raft.core"
local raft = require "raft"

local VOTER, LEARNER, OUTGOING = 1, 2, 4

-- What a directory says, for raft.recover to look at.
local function told(member, last_term, last, roles)
  local members = {}
  for id, role in ipairs(roles or { VOTER, VOTER, VOTER }) do
    members[id] = { id, "127.0.0.1:" .. 7000 + id, role }
  end
  return { member = member, cluster = "c1", last_term = last_term,
    last = last, configuration_index = 1, configuration = select(2,
      assert(core.encode { name = "told", lease_us = 0,
        members = members })) }
end

-- Runs fn while core.directory_look gives these, by directory.
local function with_survivors(survivors, fn)
  local real = core.directory_look
  core.directory_look = function (given)
    local copy = {}
    for key, value in pairs(survivors[given.dir]) do
      copy[key] = value
    end
    return copy
  end
  local ok, message = pcall(fn)
  core.directory_look = real
  assert(ok, message)
end

describe("raft.recover: looking", function ()
  it("finds the latest entries: first by term, then by index", function ()
    with_survivors({ a = told(1, 3, 90), b = told(2, 4, 50),
      c = told(3, 4, 51) }, function ()
        local function best(...)
          return select(2, assert(raft.recover { dir = { ... } })).best.dir
        end
        assert.equal("a", best "a")
        assert.equal("b", best("a", "b"))
        assert.equal("b", best("b", "a"))
        assert.equal("c", best("b", "c"))
        assert.equal("c", best("c", "b", "a"))
      end)
  end)

  it("says who is missing, and whether a majority is here", function ()
    local roles = { VOTER, VOTER, VOTER, LEARNER }
    with_survivors({ a = told(1, 1, 1, roles), b = told(2, 1, 1, roles),
      d = told(4, 1, 1, roles) }, function ()
        local _, found = assert(raft.recover { dir = "a" })
        assert.same({ 2, 3 }, found.missing)
        assert.is_false(found.majority)
        _, found = assert(raft.recover { dir = { "a", "b" } })
        assert.is_true(found.majority)
        _, found = assert(raft.recover { dir = { "a", "d" } })
        assert.same({ 2, 3 }, found.missing)
        assert.is_false(found.majority)
      end)
  end)

  it("§4.3 wants a majority of both sets of a joint configuration",
    function ()
      local roles = { OUTGOING, OUTGOING + VOTER, OUTGOING, VOTER, VOTER }
      local dirs = {}
      for id = 1, 5 do
        dirs["d" .. id] = told(id, 1, 1, roles)
      end
      with_survivors(dirs, function ()
        local function majority(...)
          local list = {}
          for i, id in ipairs { ... } do
            list[i] = "d" .. id
          end
          return select(2, assert(raft.recover { dir = list })).majority
        end
        assert.is_false(majority(1, 3))
        assert.is_false(majority(4, 5))
        assert.is_false(majority(1, 3, 4))
        assert.is_true(majority(1, 2, 4))
        assert.is_true(majority(2, 3, 5))
        local _, found = assert(raft.recover { dir = "d2" })
        assert.same({ 1, 3, 4, 5 }, found.missing)
      end)
    end)

  it("refuses directories that do not belong together", function ()
    local other = told(2, 1, 1)
    other.cluster = "c2"
    with_survivors({ a = told(1, 1, 1), b = other, again = told(1, 1, 1) },
      function ()
        assert.same({ nil, "a is of cluster c1, b of cluster c2",
          "wrong_cluster" }, { raft.recover { dir = { "a", "b" } } })
        assert.same({ nil, "a and again are both of member 1", "invalid" },
          { raft.recover { dir = { "a", "again" } } })
      end)
  end)

  it("raises when it is called wrongly", function ()
    for text, given in pairs {
      ["option dir: expected a directory, or a list of them, got nothing"]
        = { dir = {} },
      ["got the number 7"] = { dir = 7 },
      ["option lost: expected ids of members, got the string \"2\""]
        = { dir = "a", lost = { "2" } },
      ["unknown option \"accept\""] = { dir = "a", accept = true },
      ["limits"] = { dir = "a", limits = { nothing = 1 } },
    } do
      local ok, message = pcall(raft.recover, given)
      assert.is_false(ok)
      assert.matches(text, message, 1, true)
    end
  end)
end)

describe("raft.recover: what must be said before", function ()
  local function refused(given)
    local ok, message, code = raft.recover(given)
    assert.is_nil(ok)
    assert.equal("invalid", code)
    return message
  end

  it("is who is lost, all of them and nobody else", function ()
    with_survivors({ a = told(1, 1, 1, { 1, 1, 1, 1, 1 }),
      b = told(2, 1, 1, { 1, 1, 1, 1, 1 }) }, function ()
        local given = { dir = "a", into = "new", accept_loss = true }
        local function of(dir, ...)
          given.dir, given.lost = dir, { ... }
          return refused(given)
        end
        assert.matches("what became of 4, 5?", of("a", 2, 3), 1, true)
        assert.matches("what became of 2, 3, 4, 5?", of "a", 1, true)
        assert.matches("what became of 5?", of({ "a", "b" }, 3, 4), 1, true)
        assert.equal("member 1 is here, in a, and is not lost",
          of("a", 1, 2, 3, 4, 5))
        assert.equal("expected members of configuration 1 as the lost ones, "
          .. "got 6", of("a", 2, 3, 4, 5, 6))
        given.lost, given.accept_loss = { 2, 3, 4, 5 }, nil
        assert.matches("expected accept_loss", refused(given))
      end)
  end)

  it("is not asked where a majority is left", function ()
    with_survivors({ a = told(1, 1, 1, { 1 }) }, function ()
      assert.matches("a majority is here: serve it", refused { dir = "a",
        into = "new", accept_loss = true })
    end)
  end)
end)

describe("raft.recover: who answers", function ()
  local real_ask, real_recover = core.ask, core.directory_recover
  local answers, asked

  before_each(function ()
    answers, asked = {}, {}
    core.ask = function (address, method)
      asked[#asked + 1] = address:sub(-1) .. " " .. method
      return (answers[address:sub(-1)] or {})[method]
    end
    core.directory_recover = function ()
      return told(1, 1, 1)
    end
  end)

  after_each(function ()
    core.ask, core.directory_recover = real_ask, real_recover
  end)

  -- Entry 1 behind its envelope.
  local function first_entry(recovered)
    return ("x"):rep(80) .. select(2, assert(core.encode { name = "told",
      lease_us = 0, members = {}, recovered = recovered }))
  end

  local function recover(more)
    local given = { dir = "a", into = "new", lost = { 2, 3 },
      accept_loss = true }
    for key, value in pairs(more or {}) do
      given[key] = value
    end
    local result
    with_survivors({ a = told(1, 1, 1) }, function ()
      result = { raft.recover(given) }
    end)
    return result
  end

  it("is asked: all members, whatever became of them", function ()
    assert.is_true(recover()[1])
    assert.same({ "1 status", "2 status", "3 status" }, asked)
  end)

  it("is not lost when it is of the same cluster", function ()
    answers["3"] = { status = { cluster = "c1", name = "told" } }
    assert.same({ nil, "member 3 answers at 127.0.0.1:7003: it is not lost",
      "exists" }, recover())
  end)

  it("may be of a cluster that was recovered already: that is refused once",
    function ()
      for _, id in ipairs { "1", "2" } do -- itself, or another survivor
        answers = { [id] = { status = { cluster = "c9", name = "told" },
          first_entry = first_entry(77) } }
        assert.same({ nil, ("at 127.0.0.1:700%s a cluster answers, c9, that "
          .. "was recovered from one named told: join that one, unless a "
          .. "second one is meant (accept_second)"):format(id), "exists" },
          recover())
        assert.is_true(recover { accept_second = true }[1])
      end
    end)

  it("may be somebody else, who has the address now", function ()
    answers["2"] = { status = { cluster = "c9", name = "other" },
      first_entry = first_entry(77) }
    assert.is_true(recover()[1])
    answers["2"] = { status = { cluster = "c9", name = "told" },
      first_entry = first_entry(nil) }
    assert.is_true(recover()[1])
    answers["2"] = { status = { cluster = "c9", name = "told" } }
    assert.is_true(recover()[1])
  end)
end)
