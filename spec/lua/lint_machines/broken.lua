-- SPDX-License-Identifier: MIT
--
-- broken.lua - cannot be made.

local Machine = {}

function Machine.new()
  return Machine.nothing.at_all
end

return Machine
