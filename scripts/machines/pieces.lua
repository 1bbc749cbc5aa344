-- SPDX-License-Identifier: MIT
--
-- pieces.lua - a state as big as you like, given and taken in pieces.
--
--   { "fill", n }   n more pieces of 64 KiB -> how many there are
--   { "give", n }   n bytes: a result that sessions keep
--   "count"         how many there are
--
-- A piece never changes, so a snapshot needs to remember their number only.

local PIECE = 64 * 1024

local Pieces = {}
Pieces.__index = Pieces

function Pieces.new()
  return setmetatable({ count = 0 }, Pieces)
end

function Pieces:apply(command)
  if command[1] == "give" then
    return ("r"):rep(command[2])
  end
  for _ = 1, command[2] do
    self.count = self.count + 1
    self[self.count] = ("%08d"):format(self.count):rep(PIECE / 8)
  end
  return self.count
end

function Pieces:query()
  return self.count
end

function Pieces:digest()
  return { self.count, self[1], self[self.count] }
end

function Pieces:snapshot()
  local count, at = self.count, 0
  return function()
    at = at + 1
    return at <= count and self[at] or nil
  end
end

function Pieces:restore(next_piece)
  local rest = ""
  for bytes in next_piece do
    rest = rest == "" and bytes or rest .. bytes
    while #rest >= PIECE do
      self.count = self.count + 1
      self[self.count] = rest:sub(1, PIECE)
      rest = rest:sub(PIECE + 1)
    end
  end
end

return Pieces
