-- SPDX-License-Identifier: MIT
--
-- Metrics of pretended statuses, read back by a naive reader of the format.

local exposition = require "spec.exposition"
local metrics = require "raft.metrics"

local function status(id, more)
  local row = { id = id, name = "shop", cluster = "0123456789abcdef",
    machine_hash = "fedcba9876543210", vm = "Lua 5.4", protocol = 1,
    role = "follower", leader = 1, term = 7, commit = 12, applied = 11,
    disk_full = false, elections = 3, snapshot_age_ms = 1500,
    sync_us = { 0, 2, 1, 0, 4 }, sync_total_us = 2500000, members = {} }
  for key, value in pairs(more or {}) do
    row[key] = value
  end
  return row
end

describe("raft.metrics", function ()
  it("is what the format allows, members side by side", function ()
    local text = metrics.text({ status(1, { role = "leader", members = {
      { id = 1 }, { id = 2, match = 9, lag = 3, inflight_messages = 1,
        inflight_bytes = 80, heard_ms_ago = 250 } } }), status(2) },
      { { "a:1", true }, { "b:2", false } })
    local read = exposition.read(text)
    local function value(name, labels)
      return exposition.value(read, name, labels)
    end
    assert.equal(7, value("raft_term", { member = "1", cluster = "shop" }))
    assert.equal(12, value("raft_commit_index", { member = "2" }))
    assert.equal(3, value("raft_elections_total", { member = "2" }))
    assert.equal(0, value("raft_disk_full", { member = "1" }))
    assert.equal(1.5, value("raft_snapshot_age_seconds", { member = "1" }))
    assert.equal(1, value("raft_role", { member = "1", role = "leader" }))
    assert.equal(0, value("raft_role", { member = "2", role = "leader" }))
    assert.equal(1, value("raft_up", { address = "a:1" }))
    assert.equal(0, value("raft_up", { address = "b:2" }))
    assert.equal(3, value("raft_peer_lag_entries", { member = "1",
      peer = "2" }))
    assert.equal(0.25, value("raft_peer_silence_seconds", { peer = "2" }))
    assert.is_nil(value("raft_peer_lag_entries", { member = "2" }))
    assert.is_nil(read.raft_links_up, "what is not said is no metric")
  end)

  it("a histogram adds up: seconds, inclusive bounds", function ()
    local read = exposition.read(metrics.text { status(1) })
    local name = "raft_sync_duration_seconds"
    local function below(bound)
      return exposition.value(read, name .. "_bucket", { le = bound })
    end
    assert.same({ 0, 2, 3, 3, 7 }, { below "1e-06", below "2e-06",
      below "4e-06", below "8e-06", below "+Inf" })
    assert.is_nil(below "1.6e-05", "the last bucket has no bound")
    assert.equal(2.5, exposition.value(read, name .. "_sum"))
    assert.equal(7, exposition.value(read, name .. "_count"))
  end)

  it("escapes what labels cannot hold", function ()
    local name = 'a"b\\c\nd'
    local read = exposition.read(metrics.text { status(1, { name = name }) })
    assert.equal(7, exposition.value(read, "raft_term", { cluster = name }))
  end)

  it("keeps numbers of 16 digits", function ()
    local read = exposition.read(metrics.text { status(1,
      { commit = 9007199254740991 }) })
    assert.equal(9007199254740991, exposition.value(read,
      "raft_commit_index"))
  end)

  it("says who answered even if nobody did", function ()
    local read = exposition.read(metrics.text({}, { { "a:1", false } }))
    assert.equal(0, exposition.value(read, "raft_up"))
    assert.is_nil(read.raft_term)
  end)

  it("the reader sees what is wrong", function ()
    for _, text in ipairs {
      "raft_term{} 1\n", "# HELP a b\n# TYPE a gauge\n",
      "# HELP a_total b\n# TYPE a_total gauge\na_total{} 1\n",
      "# HELP a b\n# TYPE a counter\na{} 1\n",
      "# HELP a b\n# TYPE a gauge\na{} 1\na{} 2\n",
      "# HELP a b\n# TYPE a gauge\na{b=c} 1\n",
      "# HELP a b\n# TYPE a gauge\na{} one\n", "x",
      '# HELP a_seconds b\n# TYPE a_seconds histogram\na_seconds_bucket{'
        .. 'member="1",le="1"} 2\na_seconds_bucket{member="1",le="+Inf"} 1\n'
        .. 'a_seconds_count{member="1"} 1\n',
    } do
      assert.has_error(function ()
        exposition.read(text)
      end)
    end
  end)
end)
