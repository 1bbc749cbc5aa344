# SPDX-License-Identifier: MIT
#
# For scripts/demo and scripts/bench: runs a Lua file that starts members, and
# ends what it started and removes its files on any exit. Wants RAFT_BUILD.

LUA_PATH="lua/?.lua;lua/?/init.lua;scripts/?.lua;;"
LUA_CPATH="$RAFT_BUILD/lua-5.4/?.so;;"
export RAFT_BUILD LUA_PATH LUA_CPATH
unset LUA_INIT LUA_PATH_5_4 LUA_CPATH_5_4 || true

members_end() {
  trap - EXIT
  if [ -n "${runner:-}" ]; then
    kill "$runner" 2> /dev/null || true
  fi
  for file in "$work"/*.pid "$work"/hosts/*.pid; do
    if [ -e "$file" ]; then
      kill -KILL "$(cat "$file")" 2> /dev/null || true
    fi
  done
  for name in $(ip netns list 2> /dev/null \
                | grep -o "^luaraft-${runner:-none}-[0-9a-z]*"); do
    ip netns del "$name"
  done
  rm -rf "$work"
}

members_run() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/luaraft.XXXXXX")
  trap members_end EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # In the background, so that a signal is handled at once.
  file=$1
  shift
  lua5.4 "scripts/$file" "$work" "$@" &
  runner=$!
  wait "$runner"
}
