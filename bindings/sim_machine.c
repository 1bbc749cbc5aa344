/* SPDX-License-Identifier: MIT
**
** sim_machine.c - Lua machines in a pretended world.
**
** Holds:     a provider: each life of a member gets a machine of its own, with
**            a lua_State of its own, freed when that life ends.
** Invariant: a machine that cannot go on ends the run as the violation
**            "machine", with what it said: in a world no fault explains it.
** Rule:      members greet each other with the name of their VM. Here it is
**            the same on every VM, so that traces are too.
** Rule:      an assertion that fails below a machine's code jumps over frames
**            of that machine's state, and of no other. Such a state is not
**            touched again, and not closed. */

#include <stdio.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "machine.h"
#include "sim.h"

struct lua_provider {
  struct sim_provider provider; /* first */
  struct machine *pattern;      /* never opened; holds the options */
  struct sim_world *world;
  uint64_t lives;               /* begun so far, of all members */
};

struct watched_machine {
  struct machine machine; /* first */
  struct machine *inner;
  struct lua_provider *provider;
  raft_id member;
  bool is_inside;
};

static void perform (struct machine *machine,
                     struct machine_request *request) {
  struct watched_machine *self = (struct watched_machine *)machine;
  self->is_inside = true;
  self->inner->perform (self->inner, request);
  self->is_inside = false;
  if (request->operation == MACHINE_OPEN) {
    (void)snprintf (request->vm, sizeof request->vm, "Lua");
  }
  if (request->status != RAFT_OK && request->status != RAFT_EAPPLY_FAILED) {
    sim_violate (self->provider->world, "machine", "member %llu: %s",
                 (unsigned long long)self->member, request->message);
  }
}

static void release (struct machine *machine) {
  struct watched_machine *self = (struct watched_machine *)machine;
  if (!self->is_inside) {
    self->inner->free (self->inner);
  }
  free (self);
}

/* What no sandbox keeps equal differs between any two lives, by the seed of
** the run (DESIGN 5c). A number of Lua: below 2^53, and not 0. */
static uint64_t unsteady_of (struct lua_provider *own, raft_id member) {
  uint64_t mixed = raft_mix (own->world->options.seed ^ ++own->lives << 8
                             ^ member);
  return (mixed >> 11) | 1;
}

static struct machine *make (struct sim_provider *provider, raft_id member) {
  struct lua_provider *own = (struct lua_provider *)provider;
  struct watched_machine *made = calloc (1, sizeof *made);
  if (made == NULL
      || binding_machine_again (own->pattern, unsteady_of (own, member),
                                &made->inner) != RAFT_OK) {
    free (made);
    return NULL;
  }
  made->machine.perform = perform;
  made->machine.free = release;
  made->provider = own;
  made->member = member;
  return &made->machine;
}

struct sim_provider *binding_sim_provider_new (lua_State *L, int index) {
  struct machine *pattern = NULL;
  struct lua_provider *made;
  if (binding_machine_from_lua (L, index, &pattern) != RAFT_OK) {
    luaL_error (L, "out of memory");
  }
  made = calloc (1, sizeof *made);
  if (made == NULL) {
    pattern->free (pattern);
    luaL_error (L, "out of memory");
    return NULL;
  }
  made->provider.make = make;
  made->pattern = pattern;
  return &made->provider;
}

void binding_sim_provider_join (struct sim_provider *provider,
                                struct sim_world *world) {
  ((struct lua_provider *)provider)->world = world;
}

void binding_sim_provider_free (struct sim_provider *provider) {
  struct lua_provider *own = (struct lua_provider *)provider;
  if (own != NULL) {
    own->pattern->free (own->pattern);
    free (own);
  }
}
