/* SPDX-License-Identifier: MIT
**
** sight.h - what later operations can still see of a state.
**
** Holds:     two questions that cut a search short on components whose
**            actions are all known (plan.h, 'kind').
** Invariant: a state that nothing under way or to come can tell from another
**            such state is STATES_UNSEEN, so that they are one.
**
** A put hides all that stood there before. With many appends under way before
** it there are as many states as orders of them, and no read will ever know
** in which of them the put came: they are all the same. */

#ifndef RAFT_CHECK_SIGHT_H
#define RAFT_CHECK_SIGHT_H

#include "check/configuration.h"

RAFT_HIDDEN_BEGIN

/* Makes the component's state STATES_UNSEEN when it has become so.
** Errors: RAFT_ENOMEM. */
int sight_dim (struct configuration *configuration, uint32_t component);

/* Whether the next read of the component cannot see any more what it saw:
** the state does not become that by growing, and nothing that is called
** before the read returns makes it anew. */
bool sight_is_lost (const struct configuration *configuration,
                    uint32_t component, uint32_t waiting);

RAFT_HIDDEN_END

#endif
