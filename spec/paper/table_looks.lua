-- SPDX-License-Identifier: MIT
--
-- table_looks.lua - what a spec sees of engines around a table.
--
-- Holds:  methods of a table (round_table.lua) that change nothing.

local Looks = {}

function Looks:status(id) return self.members[id].engine:status() end
function Looks:role(id) return self.members[id].engine:status().role end
function Looks:term(id) return self.members[id].engine:status().term end

--- As its engine says, in its status and by its effects.
function Looks:commit(id)
  local member = self.members[id]
  local commit = member.engine:status().commit
  assert(commit == member.commit, "the commit index moved without an effect")
  return commit
end

function Looks:voters(id)
  return self.members[id].engine:status().configuration.voters
end

--- The terms of a member's log, as in the paper's figures.
function Looks:terms(id)
  local terms = {}
  for index = self:status(id).base + 1, self:status(id).last do
    terms[#terms + 1] = self.members[id].engine:term_of(index)
  end
  return terms
end

--- The only leader of the highest term among those that are up, or nil.
function Looks:leader()
  local leader
  for id, member in ipairs(self.members) do
    if member.up and self:role(id) == "leader"
      and (not leader or self:term(id) > self:term(leader)) then
      leader = id
    end
  end
  return leader
end

--- The messages of a kind on the table: { {…}, … }.
function Looks:waiting(kind)
  local found = {}
  for _, message in ipairs(self.wire) do
    if message.kind == kind then found[#found + 1] = message end
  end
  return found
end

return Looks
