-- SPDX-License-Identifier: MIT
local HELLO = { role = "client", protocol = 1, errors = "text" }
local function call(method, ...) -- asks one of $MEMBERS after the other
  for _, at in ipairs(vim.fn["repeat"](vim.split(vim.env.MEMBERS, ","), 33)) do
    local is_up, member = pcall(vim.fn.sockconnect, "tcp", at, { rpc = true })
    if is_up then
      vim.rpcnotify(member, "hello", HELLO)
      local ok, answer = pcall(vim.rpcrequest, member, method, ...)
      pcall(vim.fn.chanclose, member)
      if ok then return answer end
      if not answer:find "^not_leader" then error(answer, 0) end
    end
    vim.wait(100)
  end
end

local session = call "open_session" -- what is sent again is applied once
call("propose", { "add", "visits", 2 }, session, 1, 1)
call("propose", { "add", "visits", 3 }, session, 2, 2)
print(call("query", { "get", "visits" }, "linear"))
