-- SPDX-License-Identifier: MIT
std = "min"
max_line_length = 80
exclude_files = { "build" }
files["spec"] = { std = "min+busted" }
files["**/*.rockspec"] = { std = "rockspec" }
files["spec/run.lua"] = { globals = { "arg" } }
files["scripts/luarocks-offline.lua"] = {
  globals = { "lua_interpreter", "rocks_provided", "rocks_servers",
    "variables" },
  read_globals = { "os_getenv" },
}
files["docs/examples/*_nvim.lua"] = { globals = { "vim" } }
files["scripts/tidy"] = { std = "lua54" }
