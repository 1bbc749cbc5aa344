-- SPDX-License-Identifier: MIT
--
-- trace_fault.lua - faults as bands: from the records of a world to what was
-- wrong from when to when.
--
-- Holds:  one band for each time that a member was down, paused, or had a bad
--         disk; one for the cuts that begin and end together.
-- Rule:   what has not ended when the records end lasts to the end of the run.

local trace_fault = {}

local Bands = {}
Bands.__index = Bands

function Bands:begin(name, targets, time, text)
  local band = { name = name, targets = targets, from = time, text = text }
  self.list[#self.list + 1] = band
  return band
end

function Bands:begin_member(name, record)
  local key = name .. record.member
  if not self.open[key] then
    self.open[key] = self:begin(name, { record.member }, record.time)
  end
end

function Bands:finish_member(name, record)
  local band = self.open[name .. record.member]
  if band then
    band.to = record.time
    self.open[name .. record.member] = nil
  end
end

local function moment(name)
  return function(self, record)
    self:begin(name, { record.member }, record.time).to = record.time
  end
end

local function down(name)
  return function(self, record)
    self:finish_member("pause", record)
    self:finish_member("down", record)
    self.open["down" .. record.member]
      = self:begin(name, { record.member }, record.time)
  end
end

local function switch(name)
  return function(self, record)
    if record.fields.on then
      self:begin_member(name, record)
    else
      self:finish_member(name, record)
    end
  end
end

Bands["sim.crash"] = down("crash")
Bands["sim.kill"] = down("kill")
Bands["sim.stop"] = down("stopped")
Bands["sim.wipe"] = moment("wipe")
Bands["sim.rot"] = moment("bit rot")
Bands["sim.disk_failed"] = moment("disk failed")
Bands["sim.disk_slow"] = switch("slow disk")
Bands["sim.disk_full"] = switch("full disk")
Bands["sim.lie"] = switch("lying disk")

Bands["sim.start"] = function(self, record)
  self:finish_member("down", record)
end

Bands["sim.pause"] = function(self, record)
  self:begin_member("pause", record)
end

Bands["sim.resume"] = function(self, record)
  self:finish_member("pause", record)
end

Bands["sim.clock"] = function(self, record)
  local sign = record.fields.back and "-" or "+"
  self:begin("clock", { record.member }, record.time,
    ("%s%.3f s"):format(sign, record.fields.by / 1e6)).to = record.time
end

Bands["sim.drift"] = function(self, record)
  local fields = record.fields
  self:finish_member("drift", record)
  if fields.by > 0 then
    self:begin_member("drift", record)
    self.open["drift" .. record.member].text = ("%s%.1f %%"):format(
      fields.slower and "-" or "+", fields.by / 1e4)
  end
end

-- In pairs 0 is all clients.
local function pair_of(from, to, arrow)
  local function name(id)
    return id == 0 and "clients" or tostring(id)
  end
  return (from == 0 and { to } or to == 0 and { from } or { from, to }),
    name(from) .. arrow .. name(to)
end

Bands["sim.reset"] = function(self, record)
  local targets, text = pair_of(record.fields.from, record.fields.to, "-")
  self:begin("reset", targets, record.time, text).to = record.time
end

local function end_slow_link(self, key, time)
  if self.open[key] then
    self.open[key].to, self.open[key] = time, nil
  end
end

Bands["sim.slow_link"] = function(self, record)
  local fields = record.fields
  local targets, text = pair_of(fields.from, fields.to, ">")
  local key = "slow link" .. text
  end_slow_link(self, key, record.time)
  if fields.by > 0 then
    self.open[key] = self:begin("slow link", targets, record.time,
      ("%s +%.0f ms"):format(text, fields.by / 1000))
  end
end

-- All faults end, and disks are mended without a word.
Bands["sim.settle"] = function(self, record)
  for _, name in ipairs { "slow disk", "full disk", "lying disk", "drift" } do
    for id = 1, self.nodes do
      self:finish_member(name, { member = id, time = record.time })
    end
  end
end

-- ---- cuts ------------------------------------------------------------------

Bands["sim.cut"] = function(self, record)
  local fields = record.fields
  local key = fields.from .. ">" .. fields.to
  self.pairs[key] = self.pairs[key] or {}
  local cut = { from = fields.from, to = fields.to, began = record.time }
  table.insert(self.pairs[key], cut)
  self.cuts[#self.cuts + 1] = cut
end

Bands["sim.mend"] = function(self, record)
  local key = record.fields.from .. ">" .. record.fields.to
  local cut = table.remove(self.pairs[key] or {}, 1)
  if cut then
    cut.ended = record.time
  end
end

Bands["sim.heal"] = function(self, record)
  for _, cut in ipairs(self.cuts) do
    cut.ended = cut.ended or record.time
  end
  self.pairs = {}
  local links = {}
  for key in pairs(self.open) do
    links[#links + 1] = key:find("^slow link") and key or nil
  end
  for _, key in ipairs(links) do
    end_slow_link(self, key, record.time)
  end
end

-- The groups in which everyone hears everyone of the others, directly or not.
local function sides(nodes, cut)
  local side, groups = {}, {}
  for id = 1, nodes do
    if not side[id] then
      local group, at = { id }, 1
      side[id] = group
      while group[at] do
        for other = 1, nodes do
          local is_cut = cut[group[at] .. ">" .. other]
            or cut[other .. ">" .. group[at]]
          if not side[other] and not is_cut then
            side[other] = group
            group[#group + 1] = other
          end
        end
        at = at + 1
      end
      table.sort(group)
      groups[#groups + 1] = table.concat(group, " ")
    end
  end
  return groups
end

local function pairs_text(group, cut)
  local parts = {}
  for _, one in ipairs(group) do
    local is_both = cut[one.to .. ">" .. one.from]
    if not is_both then
      parts[#parts + 1] = one.from .. ">" .. one.to
    elseif one.from < one.to then
      parts[#parts + 1] = one.from .. "-" .. one.to
    end
  end
  return table.concat(parts, " ")
end

-- Cuts of one beginning and one end are one fault: its name, and who.
local function describe(nodes, group)
  local cut, targets, seen, is_one_way = {}, {}, {}, false
  for _, one in ipairs(group) do
    cut[one.from .. ">" .. one.to] = true
    for _, id in ipairs { one.from, one.to } do
      if not seen[id] and id ~= 0 then
        seen[id] = true
        targets[#targets + 1] = id
      end
    end
  end
  for _, one in ipairs(group) do
    is_one_way = is_one_way or not cut[one.to .. ">" .. one.from]
  end
  table.sort(targets)
  if group[1].from == 0 or group[1].to == 0 then
    return "clients cut off", targets, table.concat(targets, " ")
  end
  local groups = sides(nodes, cut)
  if is_one_way or #groups == 1 then
    return is_one_way and "one way cut" or "cut", targets,
      pairs_text(group, cut)
  end
  return "partition", targets, table.concat(groups, " | ")
end

local function add_cuts(self, nodes)
  local groups, order = {}, {}
  for _, cut in ipairs(self.cuts) do
    local clients = cut.from == 0 or cut.to == 0
    local key = table.concat({ cut.began, tostring(cut.ended),
      tostring(clients) }, " ")
    if not groups[key] then
      groups[key] = {}
      order[#order + 1] = groups[key]
    end
    table.insert(groups[key], cut)
  end
  for _, group in ipairs(order) do
    local name, targets, text = describe(nodes, group)
    self:begin(name, targets, group[1].began, text).to = group[1].ended
  end
end

--- The faults of a run with the records of a world, oldest first.
-- @return { { name = "partition", targets = { 1, 2, 3 }, text = "1 | 2 3",
--   from = 2000000, to = 3000000 }, … }; from = to: it was a moment
function trace_fault.bands(run)
  local bands = setmetatable({ list = {}, open = {}, cuts = {}, pairs = {},
    nodes = run.nodes }, Bands)
  local last = run.now or 0
  for _, record in ipairs(run.records) do
    last = math.max(last, record.time)
    local handle = record.kind:find("^sim%.") and Bands[record.kind]
    if handle then
      handle(bands, record)
    end
  end
  add_cuts(bands, run.nodes)
  for i, band in ipairs(bands.list) do
    band.to, band.order = band.to or last, i
  end
  table.sort(bands.list, function(a, b)
    return a.from < b.from or a.from == b.from and a.order < b.order
  end)
  for _, band in ipairs(bands.list) do
    band.order = nil
  end
  return bands.list
end

return trace_fault
