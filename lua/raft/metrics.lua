-- SPDX-License-Identifier: MIT
--
-- metrics.lua - the status of members as metrics that Prometheus reads.
--
-- Holds:     the table of metrics, and the text exposition format.
-- Knows not: where a status comes from, where the text goes.
-- Rule:      names end with their unit, counters with _total; times are
--            seconds, sizes bytes. A name is never given to another meaning.
-- Source:    Prometheus, "Exposition formats" and "Metric and label naming".

local metrics = {}

-- name, type, the key of the status, help, what the number is multiplied by
local PLAIN = {
  { "raft_term", "gauge", "term", "Current term." },
  { "raft_commit_index", "gauge", "commit",
    "Last entry known to be committed." },
  { "raft_applied_index", "gauge", "applied",
    "Last entry applied to the machine." },
  { "raft_last_index", "gauge", "last", "Last entry of the log." },
  { "raft_durable_index", "gauge", "stable",
    "Last entry that is durable on the member's own disk." },
  { "raft_configuration_index", "gauge", "configuration",
    "Entry of the current configuration." },
  { "raft_features_agreed", "gauge", "features_agreed",
    "Features that are on in the whole cluster, as a sum of bits." },
  { "raft_elections_total", "counter", "elections",
    "Elections that the member began." },
  { "raft_leaderships_total", "counter", "leaderships",
    "Elections that the member won." },
  { "raft_leader_changes_total", "counter", "leader_changes",
    "Leaders that the member came to know." },
  { "raft_log_bytes", "gauge", "log_bytes", "Size of all log segments." },
  { "raft_log_segments", "gauge", "segments", "Log segments." },
  { "raft_synced_bytes_total", "counter", "synced_bytes",
    "Bytes written to the log and synced." },
  { "raft_snapshot_index", "gauge", "snapshot_index",
    "Last entry that the newest snapshot covers; 0: none." },
  { "raft_snapshot_bytes", "gauge", "snapshot_bytes",
    "Content of the newest snapshot." },
  { "raft_snapshot_age_seconds", "gauge", "snapshot_age_ms",
    "Since the last entry that the newest snapshot covers.", 1e-3 },
  { "raft_snapshots_taken_total", "counter", "snapshots_taken",
    "Snapshots that the member took." },
  { "raft_snapshots_sent_total", "counter", "snapshots_sent",
    "Snapshots that another member has installed." },
  { "raft_snapshots_installed_total", "counter", "snapshots_installed",
    "Snapshots of a leader that the member installed." },
  { "raft_sessions", "gauge", "sessions", "Open client sessions." },
  { "raft_session_bytes", "gauge", "session_bytes",
    "Kept results of all sessions." },
  { "raft_connections", "gauge", "connections", "Client connections." },
  { "raft_pending_proposals", "gauge", "pending_proposals",
    "Proposals that wait for the engine or for their commit." },
  { "raft_pending_reads", "gauge", "pending_reads",
    "Linear reads that wait." },
  { "raft_reads_linear_total", "counter", "reads_linear",
    "Questions answered after a round of heartbeats." },
  { "raft_reads_lease_total", "counter", "reads_lease",
    "Questions answered by a lease." },
  { "raft_reads_lease_missed_total", "counter", "reads_lease_missed",
    "Questions asked by a lease that was not there." },
  { "raft_reads_follower_total", "counter", "reads_follower",
    "Linear questions that a follower answered." },
  { "raft_reads_stale_total", "counter", "reads_stale",
    "Questions answered from what was applied." },
  { "raft_pending_writes", "gauge", "pending_writes",
    "Writes of the log that are not durable yet." },
  { "raft_cached_entries", "gauge", "cached_entries",
    "Log entries kept in memory." },
  { "raft_cached_bytes", "gauge", "cached_bytes",
    "Log entries kept in memory, their size." },
  { "raft_apply_age_seconds", "gauge", "apply_age_us",
    "Age of the oldest committed entry that is not applied.", 1e-6 },
  { "raft_greetings_refused_total", "counter", "greetings_refused",
    "Connections of other members that were refused." },
  { "raft_messages_refused_total", "counter", "messages_refused",
    "Messages that were malformed or damaged." },
  { "raft_messages_dropped_total", "counter", "messages_dropped",
    "Messages that were not sent for lack of memory." },
  { "raft_links_up", "gauge", "links_up", "Connections to other members." },
  { "raft_apply_stalled", "gauge", "apply_stalled",
    "1: the machine is past apply_stall_limit." },
  { "raft_sync_stalled", "gauge", "sync_stalled",
    "1: the disk is past sync_stall_limit." },
  { "raft_disk_full", "gauge", "disk_full", "1: no room for entries." },
  { "raft_diverged", "gauge", "diverged",
    "1: results differ, and nobody knows who is right." },
}

-- name, array of counts by powers of two microseconds, sum, help
local HISTOGRAMS = {
  { "raft_sync_duration_seconds", "sync_us", "sync_total_us",
    "Writing and syncing one batch of the log." },
  { "raft_engine_turn_duration_seconds", "turn_us", "turn_total_us",
    "Work of one turn of the engine's loop, without waiting." },
}

-- name, key of a member in the leader's status, help, factor
local PEERS = {
  { "raft_peer_match_index", "match",
    "Leader only: what another member is known to have." },
  { "raft_peer_lag_entries", "lag",
    "Leader only: entries that another member has not." },
  { "raft_peer_inflight_messages", "inflight_messages",
    "Leader only: messages that are not answered yet." },
  { "raft_peer_inflight_bytes", "inflight_bytes",
    "Leader only: entries in messages that are not answered yet." },
  { "raft_peer_silence_seconds", "heard_ms_ago",
    "Leader only: since another member's last answer.", 1e-3 },
}

local ROLES = { "follower", "pre_candidate", "candidate", "leader" }

-- ---- the format ------------------------------------------------------------

local function number_text(value)
  if value == true or value == false then
    return value and "1" or "0"
  end
  local short = ("%.15g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function label_text(labels)
  local parts = {}
  for i, pair in ipairs(labels) do
    parts[i] = ('%s="%s"'):format(pair[1],
      (tostring(pair[2]):gsub('[\\"\n]', ESCAPES)))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function head(out, name, kind, help)
  out[#out + 1] = ("# HELP %s %s"):format(name, help)
  out[#out + 1] = ("# TYPE %s %s"):format(name, kind)
end

local function sample(out, name, labels, value)
  out[#out + 1] = name .. label_text(labels) .. " " .. number_text(value)
end

local function with(labels, name, value)
  local more = {}
  for i, pair in ipairs(labels) do
    more[i] = pair
  end
  more[#more + 1] = { name, value }
  return more
end

-- ---- families --------------------------------------------------------------

local function labels_of(status)
  return { { "cluster", status.name }, { "member",
    ("%.0f"):format(status.id) } }
end

local function plain(out, list)
  for _, row in ipairs(PLAIN) do
    local name, key, factor = row[1], row[3], row[5]
    local is_headed = false
    for _, status in ipairs(list) do
      local value = status[key]
      if value ~= nil then
        if not is_headed then
          head(out, name, row[2], row[4])
          is_headed = true
        end
        sample(out, name, labels_of(status),
          factor and value * factor or value)
      end
    end
  end
end

local function buckets(out, row, status)
  local labels, counts, sum = labels_of(status), status[row[2]], 0
  for i, count in ipairs(counts) do
    sum = sum + count
    if i < #counts then
      sample(out, row[1] .. "_bucket", with(labels, "le",
        number_text(2 ^ (i - 1) / 1e6)), sum)
    end
  end
  sample(out, row[1] .. "_bucket", with(labels, "le", "+Inf"), sum)
  sample(out, row[1] .. "_sum", labels, status[row[3]] / 1e6)
  sample(out, row[1] .. "_count", labels, sum)
end

local function histograms(out, list)
  for _, row in ipairs(HISTOGRAMS) do
    local is_headed = false
    for _, status in ipairs(list) do
      if status[row[2]] then
        if not is_headed then
          head(out, row[1], "histogram", row[4])
          is_headed = true
        end
        buckets(out, row, status)
      end
    end
  end
end

local function peers(out, list)
  for _, row in ipairs(PEERS) do
    local is_headed = false
    for _, status in ipairs(list) do
      for _, peer in ipairs(status.members) do
        if peer[row[2]] ~= nil and peer.id ~= status.id then
          if not is_headed then
            head(out, row[1], "gauge", row[3])
            is_headed = true
          end
          sample(out, row[1], with(labels_of(status), "peer",
            ("%.0f"):format(peer.id)), peer[row[2]] * (row[4] or 1))
        end
      end
    end
  end
end

local function states(out, list)
  head(out, "raft_role", "gauge", "1 for the role that the member has.")
  for _, status in ipairs(list) do
    for _, role in ipairs(ROLES) do
      sample(out, "raft_role", with(labels_of(status), "role", role),
        status.role == role)
    end
  end
  head(out, "raft_leader_id", "gauge",
    "The leader that the member knows; 0: none.")
  for _, status in ipairs(list) do
    sample(out, "raft_leader_id", labels_of(status), status.leader)
  end
  head(out, "raft_info", "gauge",
    "Always 1: the cluster's id, the machine's hash, the VM.")
  for _, status in ipairs(list) do
    sample(out, "raft_info", with(with(with(with(labels_of(status),
      "cluster_id", status.cluster), "machine_hash", status.machine_hash),
      "vm", status.vm), "protocol", ("%.0f"):format(status.protocol)), 1)
  end
end

--- The metrics of some members as text.
-- @param list what they said of themselves: { status, … }
-- @param up { { "127.0.0.1:7101", true }, … }: who answered; may be missing
function metrics.text(list, up)
  local out = {}
  if up then
    head(out, "raft_up", "gauge", "1: the member answered.")
    for _, pair in ipairs(up) do
      sample(out, "raft_up", { { "address", pair[1] } }, pair[2])
    end
  end
  if #list > 0 then
    states(out, list)
    plain(out, list)
    histograms(out, list)
    peers(out, list)
  end
  return table.concat(out, "\n") .. "\n"
end

return metrics
