/* SPDX-License-Identifier: MIT
**
** raft_effect.h - effects and the state of an engine as Lua tables.
**
** Holds:  writers with the field names of core/raft/raft.h.
** Rule:   each function pushes exactly one value. */

#ifndef RAFT_BINDINGS_RAFT_EFFECT_H
#define RAFT_BINDINGS_RAFT_EFFECT_H

#include "field.h"
#include "raft/raft.h"

RAFT_HIDDEN_BEGIN

/* { { kind = "persist", ticket = 1, term = 2, vote = 1, … }, … } */
void raft_effects_push (lua_State *L, const struct raft_effect *effects,
                        size_t count);

/* { role = "leader", term = 2, commit = 7, members = { … }, … } */
void raft_status_push (lua_State *L, const struct raft_status *status);

/* { voters = { 1, 2, 3 }, outgoing = {}, learners = {}, lease_us = 0 } */
void raft_configuration_push (lua_State *L,
                              const struct raft_configuration *value);

RAFT_HIDDEN_END

#endif
