/* SPDX-License-Identifier: MIT
**
** machine.h - a Lua machine behind core/port/machine.h.
**
** Holds:     a lua_State of its own with an allocator of its own, made at
**            MACHINE_OPEN and closed at MACHINE_CLOSE; the sandbox is
**            lua/raft/sandbox.lua, loading is lua/raft/machine.lua.
** Invariant: what the machine raises is a result; what differs between
**            members (memory, stack, instructions) halts: from then on each
**            request is answered with that status.
** Rule:      one thread at a time; perform() never raises. The state is of
**            the same Lua as the one that loaded this module. */

#ifndef RAFT_BINDINGS_MACHINE_H
#define RAFT_BINDINGS_MACHINE_H

#include "base/error.h"
#include "compat.h"
#include "port/machine.h"

#define BINDING_MACHINE_MEMORY ((size_t)1024 * 1024 * 1024) /* 1 GiB: room for
                      a large state, and an end to a runaway command */

struct binding_machine_options {
  const char *machine;        /* a module name, or the path of a Lua file */
  const char *package_path;   /* where raft itself and modules are found */
  const char *package_cpath;
  const uint8_t *options;     /* a canonical value, given to new() */
  size_t options_size;        /* 0: nil */
  bool sandbox;
  uint64_t memory_bytes;      /* 0: BINDING_MACHINE_MEMORY */
  uint64_t instructions;      /* the most per request; 0: no limit */
  bool commands;              /* not the machine, but what gives commands to
                                 it: apply() answers one (lua/raft/lint.lua) */
  uint64_t unsteady;          /* not 0, without the sandbox: the seed of all
                                 that may differ between two members
                                 (lua/raft/unsteady.lua); below 2^53 */
};

RAFT_HIDDEN_BEGIN

/* Copies the options. Nothing is loaded before MACHINE_OPEN.
** Errors: RAFT_ENOMEM. */
int binding_machine_new (struct machine **machine,
                         const struct binding_machine_options *options);

/* The same from { machine = "kv", options = …, sandbox = true, memory = 2^30,
** instructions = 0 } at 'index', with the host's package.path. Raises for a
** mistake in it. Errors: RAFT_ENOMEM. */
int binding_machine_from_lua (lua_State *L, int index,
                              struct machine **machine);

/* Another machine of the same options but 'unsteady'. Errors: RAFT_ENOMEM. */
int binding_machine_again (const struct machine *machine, uint64_t unsteady,
                           struct machine **again);

/* Bytes that the machine's state holds now, and the most it ever held. */
void binding_machine_memory (const struct machine *machine, uint64_t *bytes,
                             uint64_t *peak);

/* The most instructions of one call since this was asked last, in steps of a
** thousand; 0 where no limit counts them. */
uint64_t binding_machine_spent (struct machine *machine);

/* Adds machine_open and machine_null to the table on top of the stack
** (machine_handle.c). */
void binding_machine_handle_open (lua_State *L);

/* A machine in C that answers nil to everything: for benches. Its state hash
** chains what was applied. Errors: RAFT_ENOMEM. */
int machine_null_new (struct machine **machine);

RAFT_HIDDEN_END

#endif
