-- SPDX-License-Identifier: MIT
--
-- The enumeration of crash points sees bugs that lose what was acknowledged.

local crash_points = require "spec.crash_points"
local probe = require "raft.probe"

local BUGS = probe.with_bugs
  and { "ack_before_sync", "commit_unsynced", "skip_sync",
    "skip_directory_sync", "vote_before_sync" } or {}

-- The first point at which the bug shows, and how.
local function first_failure(bug)
  local points = crash_points.list(bug)
  for at, point in ipairs(points) do
    local ok, message = pcall(crash_points.lose, point, { 1, 2, 3 },
      "nothing", bug)
    if not ok then
      return at, message
    end
  end
end

describe("sim: power is lost after each change of a disk", function ()
  for _, bug in ipairs(BUGS) do
    it(("and %s is seen"):format(bug), function ()
      local at, message = first_failure(bug)
      assert.is_truthy(at, "it is not")
      print(("%s at point %d: %s"):format(bug, at, tostring(message)))
    end)
  end
end)
