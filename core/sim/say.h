/* SPDX-License-Identifier: MIT
**
** say.h - a canonical value as a short text, for what a violation says.
**
** Holds: { "set", "x", 1 } as ["set","x",1]; what is too long ends in "...".
** Rule:  any bytes may come in; the text is always ended, and one line. */

#ifndef RAFT_SIM_SAY_H
#define RAFT_SIM_SAY_H

#include "base/types.h"

#define SIM_SAY 64 /* bytes of a text, with its end */

RAFT_HIDDEN_BEGIN

/* Returns 'text'. */
const char *sim_say (char text[SIM_SAY], const uint8_t *data, size_t size);

RAFT_HIDDEN_END

#endif
