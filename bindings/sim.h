/* SPDX-License-Identifier: MIT
**
** sim.h - core/sim for Lua: the userdata raft.world.
**
** Holds:  what luaopen_raft_core adds to its table, and what sim.c shares
**         with sim_table.c. The face with words is lua/raft/sim.lua. */

#ifndef RAFT_BINDINGS_SIM_H
#define RAFT_BINDINGS_SIM_H

#include "compat.h"

#include "sim/world.h"

struct sim_operation;
struct sim_schedule;

RAFT_HIDDEN_BEGIN

/* Adds sim_new (options) -> world and sim_options () to the table on top. */
void binding_sim_open (lua_State *L);

/* ---- sim_table.c: between tables and the structs of core/sim ------------ */

/* Reads { seed = 1, loss = 10, …, bug = "stale_vote", limits = { … } }.
** Raises for a name or value that does not fit. */
void binding_sim_read_options (lua_State *L, int index,
                               struct sim_options *options);
/* Pushes { { name = "seed", value = 1, unit = "…", meaning = "…" }, … }. */
void binding_sim_push_options (lua_State *L);
/* Pushes { ok, violation = { name, text, time }, trace_hash, now, … }. */
void binding_sim_push_result (lua_State *L, const struct sim_world *world);
/* Pushes what a member says of itself. */
void binding_sim_push_status (lua_State *L, struct sim_world *world,
                              raft_id id);
void binding_sim_push_operation (lua_State *L,
                                 const struct sim_operation *operation);

/* ---- sim_trace.c -------------------------------------------------------- */

/* Pushes { { number, time, member, term, kind, level, fields }, … }, of the
** records from 'first' to 'last', from 1. */
void binding_sim_push_records (lua_State *L, const struct sim_world *world,
                               size_t first, size_t last);
/* Pushes { { number, client, kind, from, to, code, bytes, result_bytes }, … }:
** those that are not done have no to, code and result. */
void binding_sim_push_operations (lua_State *L,
                                  const struct sim_world *world);
/* The open world that is the first argument; raises else. */
struct sim_world *binding_sim_world (lua_State *L);
raft_id binding_sim_id (lua_State *L, int index);

/* ---- sim_machine.c: Lua machines in a world ----------------------------- */

/* Reads the options of binding_machine_from_lua; raises for a mistake. */
struct sim_provider *binding_sim_provider_new (lua_State *L, int index);
/* Whose run ends when a machine cannot go on. */
void binding_sim_provider_join (struct sim_provider *provider,
                                struct sim_world *world);
void binding_sim_provider_free (struct sim_provider *provider);

/* ---- sim_fault.c: what may be lost -------------------------------------- */

/* Adds methods of worlds to the table on top. */
void binding_sim_fault_open (lua_State *L);

/* ---- sim_interrupt.c: Ctrl-C while the command simulates ---------------- */

/* sim_interrupt (true [, others]): SIGINT is noted from now on, with others
** also SIGTERM and SIGHUP; false: as before. */
int binding_sim_interrupt (lua_State *L);
/* sim_interrupted () -> whether it came. */
int binding_sim_interrupted (lua_State *L);
/* The same for C; outside of sim_interrupt (true) … (false) never. */
bool binding_sim_is_interrupted (void);

/* ---- sim_watch.c: an end to loops of scenarios -------------------------- */

/* sim_watch (thread, limit, prefix): from now on 'thread' may run that many
** instructions; past them an error is raised in it that names the first
** place outside of files whose name begins with 'prefix'. Limit 0 ends it. */
int binding_sim_watch (lua_State *L);

/* ---- sim_schedule.c: actions and choices as rows ------------------------- */

/* Adds crash, cut, … to the methods on top. */
void binding_sim_open_verbs (lua_State *L);
/* The rows at 'index' of the stack, to be freed. Raises for what is none. */
struct sim_schedule *binding_sim_read_schedule (lua_State *L, int index);
void binding_sim_push_schedule (lua_State *L,
                                const struct sim_schedule *schedule);

RAFT_HIDDEN_END

#endif
