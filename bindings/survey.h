/* SPDX-License-Identifier: MIT
**
** survey.h - a member's directory, looked at from Lua. */

#ifndef RAFT_BINDINGS_SURVEY_H
#define RAFT_BINDINGS_SURVEY_H

#include "base/types.h"
#include "compat.h"

RAFT_HIDDEN_BEGIN

/* Adds to the table on top of the stack: survey (dir) -> a userdata, see
** survey.c; else nil, message, code. */
void binding_survey_open (lua_State *L);

RAFT_HIDDEN_END

#endif
