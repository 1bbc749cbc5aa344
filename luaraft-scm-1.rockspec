-- Describes the rock of a checkout: `luarocks make` builds it where it
-- stands. scripts/tidy --sync writes the two lists between their marks from
-- CMakeLists.txt and lua/; scripts/tidy refuses lists that differ.
rockspec_format = "3.0"
package = "luaraft"
version = "scm-1"
source = {
  -- The checkout itself. A release names its archive here.
  url = "git+file://.",
}
description = {
  summary = "A consensus toolkit, scripted in Lua",
  detailed = [[
    A Raft engine in C; replicated state machines, scenarios and faults in Lua.
    One scenario runs in a deterministic simulator and on real processes.]],
  license = "MIT",
  labels = { "raft", "consensus", "distributed" },
}
supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.1, < 5.5",
  "argparse >= 0.7",
  "dkjson >= 2.5",
}
external_dependencies = {
  LIBUV = { header = "uv.h" },
  MSGPACK = { header = "msgpack.h" },
  XXHASH = { header = "xxhash.h" },
}
build = {
  type = "builtin",
  modules = {
    -- begin modules
    raft = "lua/raft/init.lua",
    ["raft.address"] = "lua/raft/address.lua",
    ["raft.options"] = "lua/raft/options.lua",
    ["raft.ordered"] = "lua/raft/ordered.lua",
    ["raft.quantity"] = "lua/raft/quantity.lua",
    ["raft.sandbox_guard"] = "lua/raft/sandbox_guard.lua",
    ["raft.sandbox_text"] = "lua/raft/sandbox_text.lua",
    ["raft.textbook"] = "lua/raft/textbook.lua",
    ["raft.wording"] = "lua/raft/wording.lua",
    -- end modules
    ["raft.core"] = {
      sources = {
        -- begin sources
        "bindings/field.c",
        "bindings/module.c",
        "bindings/raft.c",
        "bindings/raft_effect.c",
        "bindings/raft_event.c",
        "bindings/raft_words.c",
        "bindings/value.c",
        "bindings/value_encode.c",
        "core/base/buffer.c",
        "core/base/checksum.c",
        "core/base/chunk.c",
        "core/base/error.c",
        "core/base/limit.c",
        "core/base/memory.c",
        "core/base/panic.c",
        "core/base/slice.c",
        "core/base/trace.c",
        "core/raft/append.c",
        "core/raft/commit.c",
        "core/raft/inspect.c",
        "core/raft/invariant.c",
        "core/raft/log.c",
        "core/raft/membership.c",
        "core/raft/outbox.c",
        "core/raft/progress.c",
        "core/raft/quorum.c",
        "core/raft/raft.c",
        "core/raft/read.c",
        "core/raft/replicate.c",
        "core/raft/role.c",
        "core/raft/vote.c",
        "core/sim/disk.c",
        "core/sim/disk_file.c",
        "core/sim/disk_names.c",
        "core/wire/canonical.c",
        "core/wire/configuration.c",
        "core/wire/cursor.c",
        "core/wire/entry.c",
        "core/wire/greeting.c",
        "core/wire/message_decode.c",
        "core/wire/message_encode.c",
        "core/wire/params.c",
        "core/wire/rpc.c",
        "core/wire/scan.c",
        "core/wire/value.c",
        -- end sources
      },
      incdirs = {
        "core",
        "bindings",
        "$(LIBUV_INCDIR)",
        "$(MSGPACK_INCDIR)",
        "$(XXHASH_INCDIR)",
      },
      libdirs = { "$(LIBUV_LIBDIR)", "$(MSGPACK_LIBDIR)" },
      -- msgpack-c 6 calls its library msgpack-c; Debian 12 has 4.0.
      libraries = { "uv", "msgpackc", "pthread" },
    },
  },
}
test = {
  type = "command",
  script = "spec/run.lua",
}
