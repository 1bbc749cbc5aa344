-- SPDX-License-Identifier: MIT
--
-- wal_bugs_spec - the disk bugs of other logs, each seen by an enumeration.
--
-- Needs the build whose members can have a bug: in another these are pending.

local probe = require "raft.probe"

-- Which enumeration must see which bug (core/base/bug.h).
local SEEN = {
  { bug = "skip_sync", by = { "power", "kill", "sync" } },
  { bug = "skip_directory_sync", by = { "power", "kill", "sync" } },
  { bug = "retry_sync", by = { "sync", "recovery" } },
  { bug = "believe_page_cache", by = { "kill", "sync", "recovery" } },
  { bug = "vote_error_ignored", by = { "write" } },
  { bug = "skip_checksum", by = { "power", "kill", "flip" } },
  { bug = "truncate_at_rot", by = { "flip" } },
  { bug = "accept_short_segment", by = { "truncate" } },
}

local function failure(way, bug)
  local run = (way == "flip" or way == "truncate") and probe.crash_damage
    or probe.crash_run
  return run { way = way, bug = bug }.failure
end

-- In a build whose members have no bugs there is nothing to see.
describe("wal: the bug", function ()
  for _, row in ipairs(probe.with_bugs and SEEN or {}) do
    for _, way in ipairs(row.by) do
      it(("%s is seen by %s"):format(row.bug, way), function ()
        local text = failure(way, row.bug)
        assert.is_string(text)
        print(("%s, %s: %s"):format(row.bug, way, text))
      end)
    end
  end
end)
