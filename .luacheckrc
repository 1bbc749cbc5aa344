-- SPDX-License-Identifier: MIT
std = "min"
max_line_length = 80
exclude_files = { "build" }
files["spec"] = { std = "min+busted" }
files["**/*.rockspec"] = { std = "rockspec" }
