-- SPDX-License-Identifier: MIT
-- loop_nvim.lua - a member inside of Neovim: DIR=... nvim -c 'luafile ...'
-- DIR was made by luaraft init. :RaftAdd N adds to a counter of the cluster.
local raft, uv = require "raft", vim.loop

local node = assert(raft.node { dir = vim.env.DIR, machine = "raft.kv",
  on_log = vim.schedule_wrap(function(record)
    vim.api.nvim_echo({ { record.kind .. "\n" } }, true, {})
  end) })
local client = raft.client { node:address() }
local member, caller, clock = uv.new_poll(node:fd()),
  uv.new_poll(client:fd()), uv.new_timer()

local function turn()
  client:step()
  clock:stop()
  local seconds = client:timeout()
  if seconds then
    clock:start(math.ceil(seconds * 1000), 0, turn)
  end
end

member:start("r", function() node:step() end)
caller:start("r", turn)

vim.api.nvim_create_user_command("RaftAdd", function(given)
  client:propose({ "add", "visits", tonumber(given.args) },
    vim.schedule_wrap(function(ok, visits)
      vim.g.visits = ok and visits
      vim.api.nvim_echo({ { "visits: " .. tostring(visits) } }, true, {})
    end))
  turn()
end, { nargs = 1 })

vim.api.nvim_create_autocmd("VimLeavePre", { callback = function()
  client:close()
  node:close()
end })
