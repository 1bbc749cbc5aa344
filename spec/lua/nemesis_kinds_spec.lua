-- SPDX-License-Identifier: MIT
--
-- What each kind of fault does to a cluster, and how it takes it back: the
-- verbs, in their order, against a cluster that only notes them.

local fake = require("spec.fake_cluster")
local kinds = require("raft.nemesis_kinds")
local nemesis = require("raft.nemesis")

-- Name, options, the verbs at its begin, the verbs at its end. "?" is any
-- number that chance gives. The target is member 2 of three, 1 leads.
local ROWS = {
  { "partition", { kind = "isolate" }, { "cut 2 1", "cut 1 2", "cut 2 3",
    "cut 3 2" }, { "mend 2 1", "mend 1 2", "mend 2 3", "mend 3 2" } },
  { "partition", { kind = "deaf" }, { "cut 1 2", "cut 3 2" },
    { "mend 1 2", "mend 3 2" } },
  { "partition", { kind = "one_way" }, { "cut 2 ?" }, { "mend 2 ?" } },
  { "reset", { kind = "member" }, { "reset 2 ?" }, {} },
  { "reset", { kind = "clients" }, { "reset clients 2" }, {} },
  { "network", { kind = "loss" }, { "network loss=5%" },
    { "network loss=false" } },
  { "network", { kind = "duplicate" }, { "network duplicate=5%" },
    { "network duplicate=false" } },
  { "network", { kind = "reorder" }, { "network reorder=10%" },
    { "network reorder=false" } },
  { "network", { kind = "corrupt" }, { "network corrupt=1%" },
    { "network corrupt=false" } },
  { "network", { kind = "delay" }, { "network delay=1us 50ms" },
    { "network delay=false" } },
  { "network", { kind = "tail", amount = "3%" }, { "network tail=3%" },
    { "network tail=false" } },
  { "slow_link", {}, { "slow_link 2 ? 100000us" },
    { "slow_link 2 ? false" } },
  { "kill", {}, { "kill 2" }, { "restart 2" } },
  { "crash", {}, { "crash 2" }, { "restart 2" } },
  { "lose_names", {}, { "lose_names 2" }, { "restart 2" } },
  { "crash_all", {}, { "crash 1", "crash 2", "crash 3" },
    { "restart 1", "restart 2", "restart 3" } },
  { "pause", {}, { "pause 2" }, { "resume 2" } },
  { "clock", { kind = "jump" }, { "clock 2 jump=?us" }, {} },
  { "clock", { kind = "skew" }, { "clock 2 skew=?us" },
    { "clock 2 skew=0s" } },
  { "clock", { kind = "drift" }, { "clock 2 drift=?%" },
    { "clock 2 drift=false" } },
  { "clock", { kind = "strobe", lasts = "20ms" },
    { "clock 2 jump=?us" }, { "clock 2 jump=-?us" } },
  { "disk", { kind = "slow" }, { "disk 2 slow=100000us" },
    { "disk 2 slow=false" } },
  { "disk", { kind = "full" }, { "disk 2 full=4096" },
    { "disk 2 full=false", "restart 2" } },
  { "disk", { kind = "fail_sync" }, { "disk 2 fail=?" },
    { "disk 2 fail=false", "restart 2" } },
  { "disk", { kind = "rot" }, { "rot 2" }, { "restart 2" } },
  { "wipe", {}, { "wipe 2" }, { "restart 2" } },
  { "membership", { kind = "vote" }, { "set_members 1 3 | 2" },
    { "set_members 1 2 3 | " } },
  { "membership", { kind = "replace" }, { "set_members 1 3 4 | " }, {} },
  { "transfer", {}, { "transfer 2" }, {} },
  { "snapshot", {}, { "snapshot 2" }, {} },
}

-- One fault of a kind. @return its verbs at 1 s, and those after
local function verbs_of(row)
  local given = { target = 2, lasts = "500ms" }
  for name, value in pairs(row[2]) do
    given[name] = value
  end
  local one = nemesis.limit(1, nemesis[row[1]](given))
  local spares = row[2].kind == "replace" and 1 or 0
  local log = fake.attack(one, { nodes = 3 + spares, spares = spares,
    leader = 1, lasts = "3s" })
  local first, last = {}, {}
  for _, line in ipairs(log) do
    local list = line:find "^1%.000" and first or last
    list[#list + 1] = line:match "^%S+ (.*)$"
  end
  return first, last
end

-- Fails unless these are the verbs; "?" stands for any number.
local function assert_verbs(wanted, got, name)
  local text = table.concat(wanted, ", ")
  local pattern = text:gsub("%p", "%%%0"):gsub("%%%?", "%%-?%%d+")
  local told = table.concat(got, ", ")
  assert.is_truthy(told:find("^" .. pattern .. "$"),
    ("%s: expected %s, got %s"):format(name, text, told))
end

describe("nemesis: a fault of the kind", function ()
  for _, row in ipairs(ROWS) do
    local name = row[1] .. (row[2].kind and " " .. row[2].kind or "")
    it(name .. " does this, and takes it back", function ()
      local first, last = verbs_of(row)
      assert_verbs(row[3], first, name)
      assert_verbs(row[4], last, name)
    end)
  end

  it("rot starts again who was ended, and had nothing to damage", function ()
    assert.same({ "1.000 rot 2", "1.000 restart 2", "2.000 rot 2",
                  "2.000 restart 2" },
      (fake.attack(nemesis.disk { kind = "rot", target = 2 },
        { nodes = 3, lasts = "2500ms", refuses = { rot = true } })))
  end)

  it("is one of these: no kind is forgotten here", function ()
    local shown = {}
    for _, row in ipairs(ROWS) do
      shown[row[1]] = true
      shown[row[1] .. " " .. tostring(row[2].kind)] = true
    end
    local partitions = { halves = true, majority = true, isolate = true,
      one_way = true, deaf = true, bridge = true, ring = true,
      random = true } -- their shapes: nemesis_spec.lua
    for name, kind in pairs(kinds) do
      if type(kind) == "table" then
        assert.is_true(shown[name], name)
        for _, word in ipairs((kind.schema.kind or {}).words or {}) do
          assert.is_true(shown[name .. " " .. word]
            or name == "partition" and partitions[word], name .. " " .. word)
        end
      end
    end
  end)
end)
