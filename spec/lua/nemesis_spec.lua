-- SPDX-License-Identifier: MIT
--
-- Nemeses against a cluster that only notes what is done to it.

local boards = require("raft.nemesis_board")
local fake = require("spec.fake_cluster")
local nemesis = require("raft.nemesis")
local partition = require("raft.nemesis_partition")

local function attack(one, given)
  return fake.attack(one, given or { lasts = "4s" })
end

-- "0.500 kill 2" -> "0.500 kill".
local function without_targets(log)
  local list = {}
  for i, line in ipairs(log) do
    list[i] = line:match("^%S+ %S+")
  end
  return list
end

local function refusal(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return message
end

describe("nemesis: single faults", function ()
  it("begin every so often, last so long, and end", function ()
    assert.same({ "1.000 kill 2", "1.250 restart 2", "2.000 kill 2",
                  "2.250 restart 2" },
      (attack(nemesis.kill { target = 2, every = "1s", lasts = "250ms" },
        { lasts = "2500ms" })))
  end)

  it("wait for the end of one that lasts longer than the pause", function ()
    assert.same({ "1.000 pause 1", "2.500 resume 1", "2.501 pause 1" },
      (attack(nemesis.pause { target = 1, every = "1s", lasts = "1500ms" },
        { lasts = "3500ms" })))
  end)

  it("undo nothing once the run is over: all is healed at once", function ()
    assert.same({ "1.000 crash 3" },
      (attack(nemesis.crash { target = 3, lasts = "9s" })))
  end)

  it("hit the leader, and nobody where there is none", function ()
    local log = attack(nemesis.kill { target = "leader" },
      { leader = 4, lasts = "1100ms" })
    assert.same({ "1.000 kill 4" }, log)
    assert.same({}, (attack(nemesis.kill { target = "leader" })))
    log = attack(nemesis.kill { target = "follower", every = "10ms",
      lasts = "1ms" }, { nodes = 2, leader = 1 })
    for _, line in ipairs(log) do
      assert.matches(" 2$", line)
    end
  end)

  it("leave a process alone that another fault holds", function ()
    local log = attack(nemesis.all {
      nemesis.pause { target = 2, every = "1s", lasts = "1500ms" },
      nemesis.kill { target = 2, every = "1200ms", lasts = "1s" },
      nemesis.disk { kind = "full", target = 2, every = "1100ms",
                     lasts = "200ms" },
    }, { lasts = "2600ms" })
    assert.same({ "1.000 pause 2", "2.500 resume 2", "2.501 pause 2" }, log)
  end)

  it("cut power everywhere but where a process is down", function ()
    local log = attack(nemesis.all {
      nemesis.kill { target = 2, lasts = "3s" },
      nemesis.crash_all { every = "2s" },
    }, { nodes = 3, lasts = "2600ms" })
    assert.same({ "1.000 kill 2", "2.000 crash 1", "2.000 crash 3",
                  "2.500 restart 1", "2.500 restart 3" }, log)
  end)

  it("a flickering clock comes back to where it was", function ()
    local log = attack(nemesis.clock { kind = "strobe", target = 1,
      lasts = "100ms" }, { lasts = "1500ms" })
    local sum = 0
    for _, line in ipairs(log) do
      sum = sum + tonumber(line:match("jump=(%-?%d+)us"))
    end
    assert.equal(6, #log)
    assert.equal(0, sum)
  end)

  it("a flickering clock also ends where time goes on meanwhile", function ()
    local log = attack(nemesis.clock { kind = "strobe", target = 1,
      lasts = "100ms" }, { lasts = "1500ms", verb_us = 12000 })
    assert.equal(4, #log)
  end)

  it("have a network fault of one kind once at a time", function ()
    local loss = nemesis.network { kind = "loss", lasts = "1500ms" }
    assert.same({ "1.000 network loss=5%", "2.500 network loss=false" },
      (attack(nemesis.all { loss, loss }, { lasts = "2501ms" })))
  end)
end)

describe("nemesis: the same fault in other ways", function ()
  it("of clients' connections, of links, clocks and names", function ()
    local function first(one)
      return (attack(one, { lasts = "1800ms" }))
    end
    assert.same({ "1.000 reset clients 2" },
      first(nemesis.reset { kind = "clients", target = 2 }))
    local log = first(nemesis.slow_link { target = 2, by = "7ms" })
    assert.matches("^1.000 slow_link 2 %d 7000us$", log[1])
    assert.matches("^1.500 slow_link 2 %d false$", log[2])
    log = first(nemesis.clock { kind = "drift", target = 2 })
    assert.matches("^1.000 clock 2 drift=%-?%d%%$", log[1])
    assert.equal("1.500 clock 2 drift=false", log[2])
    assert.same({ "1.000 lose_names 2", "1.500 restart 2" },
      first(nemesis.lose_names { target = 2 }))
    assert.same({ "1.000 network tail=2%", "1.500 network tail=false" },
      first(nemesis.network { kind = "tail" }))
  end)
end)

describe("nemesis: composition", function ()
  local kill = nemesis.kill { target = 1, every = "1s", lasts = "100ms" }
  local crash = nemesis.crash { target = 2, every = "2s", lasts = "100ms" }

  it("mix: by weight, one at a time", function ()
    local log = attack(nemesis.mix { kill, crash, weights = { 3, 1 },
      every = "200ms" }, { lasts = "200s" })
    local counts = { kill = 0, crash = 0, restart = 0 }
    for i, line in ipairs(log) do
      local verb = line:match("^%S+ (%S+)")
      counts[verb] = counts[verb] + 1
      assert.equal(i % 2 == 0, verb == "restart")
    end
    assert.is_true(counts.kill > 2.4 * counts.crash
      and counts.kill < 3.6 * counts.crash)
  end)

  it("sequence: each after its own pause, and again", function ()
    assert.same({ "1.001 kill", "1.101 restart", "3.101 crash",
                  "3.201 restart", "4.202 kill", "4.302 restart" },
      without_targets(attack(nemesis.sequence { kill, crash },
        { lasts = "5s" })))
  end)

  it("all: side by side", function ()
    assert.same({ "1.000 kill", "1.100 restart", "2.000 crash", "2.000 kill",
                  "2.100 restart", "2.100 restart" },
      without_targets(attack(nemesis.all { kill, crash },
        { lasts = "2500ms" })))
  end)

  it("all: over when each is over", function ()
    local log = attack(nemesis.sequence {
      nemesis.all { nemesis.kill { target = 1, lasts = "3s" } }, crash,
    }, { lasts = "7s" })
    assert.matches("kill 1,%S+ restart 1,%S+ crash 2", table.concat(log, ","))
  end)

  it("stagger: pauses of that length in the mean", function ()
    local log = attack(nemesis.stagger("1s", kill), { lasts = "500s" })
    assert.is_true(#log / 2 > 425 and #log / 2 < 550)
    local early = tonumber(log[1]:match("^%S+"))
    assert.are_not.equal(1, early)
  end)

  it("at_random: once in each span", function ()
    local log = attack(nemesis.at_random("2s", nemesis.limit(100, kill)),
      { lasts = "20s" })
    local spans = {}
    for _, line in ipairs(log) do
      if line:find "kill" then
        local time = tonumber(line:match("^%S+"))
        local span = math.floor(time / 2.2)
        spans[#spans + 1] = span
      end
    end
    assert.is_true(#spans >= 8 and #spans <= 10)
    for i = 2, #spans do
      assert.is_true(spans[i] - spans[i - 1] <= 2)
    end
  end)

  it("during: from one time to another", function ()
    assert.same({ "2.500 kill", "2.600 restart", "3.500 kill",
                  "3.600 restart" },
      without_targets(attack(nemesis.during("1500ms", "4s", kill),
        { lasts = "10s" })))
    local log = attack(nemesis.mix { every = "500ms",
      nemesis.during("1s", "2s", kill) }, { lasts = "9s" })
    assert.same({ "1.000 kill", "1.100 restart", "1.500 kill",
                  "1.600 restart" }, without_targets(log))
  end)

  it("limit: so many times in each run", function ()
    local twice = nemesis.limit(2, kill)
    for _ = 1, 2 do
      assert.same({ "1.000 kill", "1.100 restart", "2.000 kill",
                    "2.100 restart" },
        without_targets(attack(twice, { lasts = "10s" })))
    end
  end)

  it("everything: every fault, and the same for the same seed", function ()
    local everything = nemesis.everything { every = "100ms",
                                            lasts = "50ms" }
    local log = attack(everything, { leader = 1, lasts = "60s" })
    local again = attack(everything, { leader = 1, lasts = "60s" })
    local other = attack(everything, { leader = 1, lasts = "60s", seed = 2 })
    assert.same(log, again)
    assert.are_not.same(log, other)
    local seen, kinds = {}, 0
    for seed = 1, 9 do
      local _, cluster = attack(everything, { leader = 1, lasts = "60s",
        seed = seed })
      for _, row in ipairs(nemesis.counts(cluster)) do
        kinds = kinds + (seen[row.name] and 0 or 1)
        seen[row.name] = true
      end
    end
    assert.equal(34, kinds)
    local without = nemesis.everything { without = { "clock", "wipe" } }
    log = attack(without, { leader = 1, lasts = "300s" })
    assert.falsy(table.concat(log, "\n"):find("clock"))
  end)
end)

describe("nemesis: bands", function ()
  it("say what was done to whom, from when to when", function ()
    local _, cluster = attack(nemesis.all {
      nemesis.kill { target = 2, lasts = "250ms" },
      nemesis.partition { kind = "isolate", target = 1, every = "1500ms",
                          lasts = "9s" },
    }, { lasts = "1600ms" })
    assert.same({
      { name = "kill", targets = { 2 }, from = 1000000, to = 1250000 },
      { name = "partition isolate", targets = { 1 }, from = 1500000,
        to = 10500000 },
    }, nemesis.bands(cluster))
    assert.same({ { name = "kill", count = 1 },
                  { name = "partition isolate", count = 1 } },
      nemesis.counts(cluster))
  end)

  it("one that has not ended ends now", function ()
    local cluster = fake.new {}
    boards.of(cluster):open(cluster, "kill", { 1 })
    cluster.time = 700
    assert.equal(700, nemesis.bands(cluster)[1].to)
  end)
end)

describe("nemesis: partitions", function ()
  local helper = require("spec.helper")

  -- How many members each hears, itself included.
  local function hearing(kind, count, member)
    local random, members, hears = helper.random(count), {}, {}
    for id = 1, count do
      members[id], hears[id] = id, count
    end
    local cuts = partition.cuts(kind, members, function (n)
      return random:choose(n) + 1
    end, member)
    local seen = {}
    for _, pair in ipairs(cuts) do
      local name = pair[1] .. ">" .. pair[2]
      assert.is_nil(seen[name])
      assert.are_not.equal(pair[1], pair[2])
      seen[name] = true
      hears[pair[2]] = hears[pair[2]] - 1
    end
    return hears, cuts
  end

  it("have the shape of their kind", function ()
    for count = 2, 7 do
      local member = count - 1
      local half = math.floor(count / 2)
      assert.equal(half, hearing("halves", count, member)[member])
      assert.equal(half + 1, hearing("majority", count, member)[member])
      assert.equal(1, hearing("isolate", count, member)[member])
      local hears, cuts = hearing("deaf", count, member)
      assert.equal(1, hears[member])
      assert.equal(count - 1, #cuts)
      assert.equal(1, #select(2, hearing("one_way", count, member)))
      assert.equal(member, select(2, hearing("one_way", count, member))[1][1])
      assert.equal(count, hearing("bridge", count, member)[member])
      for _, heard in ipairs((hearing("ring", count, member))) do
        assert.equal(math.min(3, count), heard)
      end
    end
    assert.same({ 3, 3, 5, 3, 3 }, (hearing("bridge", 5, 3)))
  end)
end)

describe("nemesis: mistakes", function ()
  local NAME = "nemesis_spec.lua:%d+: "

  it("are told at the user's line", function ()
    assert.matches(NAME .. 'nemesis.kill: unknown option "evry", did you mean'
      .. ' "every"%?', refusal(function ()
        nemesis.kill { evry = "1s" }
      end))
    assert.matches(NAME .. "nemesis.kill: option every: expected a duration",
      refusal(function ()
        nemesis.kill { every = 7 }
      end))
    assert.matches(NAME .. 'nemesis.kill: option target: .* did you mean'
      .. ' "leader"%?', refusal(function ()
        nemesis.kill { target = "leadr" }
      end))
    assert.matches(NAME .. "nemesis.partition: option kind: expected one of"
      .. " halves", refusal(function ()
        nemesis.partition { kind = "thirds" }
      end))
    assert.matches(NAME .. "nemesis.mix: expected a nemesis, such as"
      .. " nemesis.kill {}, got the string \"kill\"", refusal(function ()
        nemesis.mix { "kill" }
      end))
    assert.matches(NAME .. "nemesis.mix: option weights: expected 2 whole",
      refusal(function ()
        nemesis.mix { nemesis.kill {}, nemesis.kill {}, weights = { 1 } }
      end))
    assert.matches(NAME .. "nemesis.mix: option weights: expected 1 whole"
      .. " numbers, one for each nemesis, got weights%[2%]",
      refusal(function ()
        nemesis.mix { nemesis.kill {}, weights = { 1, 2 } }
      end))
    assert.matches(NAME .. "nemesis.limit: expected a whole number from 1",
      refusal(function ()
        nemesis.limit(0, nemesis.kill {})
      end))
    assert.matches(NAME .. "nemesis.stagger: the mean pause: expected a dur",
      refusal(function ()
        nemesis.stagger(1, nemesis.kill {})
      end))
    assert.matches(NAME .. "nemesis.everything: option without: expected"
      .. " names of faults", refusal(function ()
        nemesis.everything { without = { "kil" } }
      end))
    assert.matches(NAME .. "nemesis.kill: option lasts: expected the shorter",
      refusal(function ()
        nemesis.kill { lasts = { "2s", "1s" } }
      end))
  end)
end)
