/* SPDX-License-Identifier: MIT
**
** probe_fault.c - core/fault/net and core/fault/clock for specs.
**
**   local net = probe.fault_net ()
**   net:cut (peer, yes); net:deafen (peer, yes); net:slow (peer, us)
**   net:set (name, value) -> whether there is such a setting
**   net:send (peer, bytes); net:reply (connection, bytes); 1: exempt
**   net:reaches (peer); net:hears_client ()
**   net:pass (us) -> when it is due next, or nil
**   net:take () -> { "2:bytes", … }: what went through since
**   local clock = probe.fault_clock ()
**   clock:pass (us); clock:jump (us); clock:drift (ppm)
**   clock:now (), clock:wall () */

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "compat.h"
#include "fault/clock.h"
#include "fault/net.h"
#include "probe_clock.h"

#define NET "raft.probe.fault_net"
#define CLOCK "raft.probe.fault_clock"
#define EXEMPT 1

void raft_probe_fault (lua_State *L);

struct probe_net {
  struct port_net below; /* first */
  struct fault_net *fault;
  struct probe_clock clock;
  struct raft_buffer out; /* "2:bytes", each ended by a zero byte */
};

/* ---- below ------------------------------------------------------------- */

static void note (struct probe_net *net, uint64_t to,
                  struct raft_slice *message) {
  char head[32];
  int size = snprintf (head, sizeof head, "%llu:", (unsigned long long)to);
  (void)raft_buffer_append (&net->out, head, (size_t)size);
  (void)raft_buffer_append (&net->out, message->data, message->size);
  (void)raft_buffer_append (&net->out, "", 1);
  raft_slice_release (message);
}

static void below_send (struct port_net *port, raft_id member,
                        enum net_class class_, struct raft_slice message) {
  (void)class_;
  note ((struct probe_net *)(void *)port, member, &message);
}

static void below_reply (struct port_net *port, uint64_t connection,
                         struct raft_slice message) {
  note ((struct probe_net *)(void *)port, connection, &message);
}

static bool is_exempt (struct port_net *port, uint64_t connection) {
  (void)port;
  return connection == EXEMPT;
}

/* ---- a network --------------------------------------------------------- */

static struct probe_net *check_net (lua_State *L) {
  return luaL_checkudata (L, 1, NET);
}

static raft_id check_peer (lua_State *L) {
  return (raft_id)luaL_checkinteger (L, 2);
}

static int net_new (lua_State *L) {
  struct probe_net *net = lua_newuserdata (L, sizeof *net);
  memset (net, 0, sizeof *net);
  raft_buffer_init (&net->out, &raft_memory_plain);
  probe_clock_init (&net->clock);
  net->below.send = below_send;
  net->below.reply = below_reply;
  luaL_getmetatable (L, NET);
  lua_setmetatable (L, -2);
  net->fault = fault_net_new (&net->below, &net->clock.port, is_exempt);
  return 1;
}

static int net_free (lua_State *L) {
  struct probe_net *net = check_net (L);
  fault_net_free (net->fault, true);
  net->fault = NULL;
  raft_buffer_free (&net->out);
  return 0;
}

static int net_cut (lua_State *L) {
  fault_net_cut (check_net (L)->fault, check_peer (L), lua_toboolean (L, 3));
  return 0;
}

static int net_deafen (lua_State *L) {
  fault_net_deafen (check_net (L)->fault, check_peer (L),
                    lua_toboolean (L, 3));
  return 0;
}

static int net_slow (lua_State *L) {
  fault_net_slow (check_net (L)->fault, check_peer (L),
                  (raft_time)luaL_checknumber (L, 3));
  return 0;
}

static int net_set (lua_State *L) {
  lua_pushboolean (L, fault_net_set (check_net (L)->fault,
                                     luaL_checkstring (L, 2),
                                     (uint64_t)luaL_checknumber (L, 3))
                        == RAFT_OK);
  return 1;
}

static struct raft_slice check_message (lua_State *L) {
  struct raft_slice message;
  size_t size;
  const char *text = luaL_checklstring (L, 3, &size);
  if (raft_slice_copy (&raft_memory_plain, text, size, &message)
      != RAFT_OK) {
    luaL_error (L, "out of memory");
  }
  return message;
}

static int net_send (lua_State *L) {
  struct port_net *port = fault_net_port (check_net (L)->fault);
  raft_id peer = check_peer (L);
  port->send (port, peer, NET_NORMAL, check_message (L));
  return 0;
}

static int net_reply (lua_State *L) {
  struct port_net *port = fault_net_port (check_net (L)->fault);
  uint64_t connection = check_peer (L);
  port->reply (port, connection, check_message (L));
  return 0;
}

static int net_reaches (lua_State *L) {
  lua_pushboolean (L, fault_net_reaches (check_net (L)->fault,
                                         check_peer (L)));
  return 1;
}

static int net_hears_client (lua_State *L) {
  lua_pushboolean (L, fault_net_hears_client (check_net (L)->fault));
  return 1;
}

static int net_pass (lua_State *L) {
  struct probe_net *net = check_net (L);
  raft_time deadline;
  net->clock.now += (raft_time)luaL_checknumber (L, 2);
  fault_net_on_time (net->fault);
  deadline = fault_net_deadline (net->fault);
  if (deadline == RAFT_TIME_MAX) {
    lua_pushnil (L);
  } else {
    lua_pushnumber (L, (lua_Number)(deadline - net->clock.now));
  }
  return 1;
}

static int net_take (lua_State *L) {
  struct probe_net *net = check_net (L);
  int place = 0;
  lua_newtable (L);
  for (size_t at = 0; at < net->out.size;) {
    const char *text = (const char *)net->out.data + at;
    lua_pushstring (L, text);
    lua_rawseti (L, -2, ++place);
    at += strlen (text) + 1;
  }
  net->out.size = 0;
  return 1;
}

/* ---- a clock ----------------------------------------------------------- */

struct probe_wrong_clock {
  struct fault_clock fault; /* first */
  struct probe_clock below;
};

static struct probe_wrong_clock *check_clock (lua_State *L) {
  return luaL_checkudata (L, 1, CLOCK);
}

static int clock_new (lua_State *L) {
  struct probe_wrong_clock *clock = lua_newuserdata (L, sizeof *clock);
  probe_clock_init (&clock->below);
  fault_clock_init (&clock->fault, &clock->below.port);
  luaL_getmetatable (L, CLOCK);
  lua_setmetatable (L, -2);
  return 1;
}

static int clock_pass (lua_State *L) {
  struct probe_wrong_clock *clock = check_clock (L);
  raft_time us = (raft_time)luaL_checknumber (L, 2);
  clock->below.now += us;
  clock->below.wall += us;
  return 0;
}

static int clock_jump (lua_State *L) {
  fault_clock_jump (&check_clock (L)->fault,
                    (int64_t)luaL_checknumber (L, 2));
  return 0;
}

static int clock_drift (lua_State *L) {
  fault_clock_drift (&check_clock (L)->fault,
                     (int64_t)luaL_checknumber (L, 2));
  return 0;
}

static int clock_now (lua_State *L) {
  struct port_clock *port = &check_clock (L)->fault.port;
  lua_pushnumber (L, (lua_Number)port->now (port));
  return 1;
}

static int clock_wall (lua_State *L) {
  struct port_clock *port = &check_clock (L)->fault.port;
  lua_pushnumber (L, (lua_Number)port->wall (port));
  return 1;
}

/* ---- the face ---------------------------------------------------------- */

static const luaL_Reg NET_METHODS[] = {
  { "cut", net_cut },           { "deafen", net_deafen },
  { "slow", net_slow },         { "set", net_set },
  { "send", net_send },         { "reply", net_reply },
  { "reaches", net_reaches },   { "hears_client", net_hears_client },
  { "pass", net_pass },         { "take", net_take },
  { "__gc", net_free },         { NULL, NULL },
};

static const luaL_Reg CLOCK_METHODS[] = {
  { "pass", clock_pass }, { "jump", clock_jump }, { "drift", clock_drift },
  { "now", clock_now },   { "wall", clock_wall }, { NULL, NULL },
};

static void add_class (lua_State *L, const char *name,
                       const luaL_Reg *methods) {
  if (luaL_newmetatable (L, name)) {
    luaL_setfuncs (L, methods, 0);
    lua_pushvalue (L, -1);
    lua_setfield (L, -2, "__index");
  }
  lua_pop (L, 1);
}

void raft_probe_fault (lua_State *L) {
  add_class (L, NET, NET_METHODS);
  add_class (L, CLOCK, CLOCK_METHODS);
  lua_pushcfunction (L, net_new);
  lua_setfield (L, -2, "fault_net");
  lua_pushcfunction (L, clock_new);
  lua_setfield (L, -2, "fault_clock");
}
