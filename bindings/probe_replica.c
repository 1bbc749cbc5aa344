/* SPDX-License-Identifier: MIT
**
** probe_replica.c - core/replica for specs: members on a desk
** (probe_desk.h).
**
**   local desk = probe.desk { members = 3, voters = 3, seed = 1, bug = "…",
**                             hash_interval = 4, traces = true,
**                             limits = { sessions = 2 } }
**   desk:init()  desk:start(1)  desk:run(us)  desk:crash(1, mask)  …
**
** Everything that a panic may leave is the desk's: a failed assertion of the
** code under test is raised as an error of the method that met it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "field.h"
#include "probe_machine_desk.h"
#include "value.h"
#include "wire/rpc.h"

void raft_probe_replica (lua_State *L);

static struct desk *desk_at (lua_State *L) {
  struct desk_handle *handle = luaL_checkudata (L, 1, DESK_NAME);
  luaL_argcheck (L, handle->desk != NULL, 1, "the desk is freed");
  return handle->desk;
}

static struct desk_member *member_at (lua_State *L, int index) {
  struct desk *desk = desk_at (L);
  lua_Number id = luaL_checknumber (L, index);
  luaL_argcheck (L, id >= 1 && id <= (lua_Number)desk->count, index,
                 "no such member");
  return &desk->members[(raft_id)id];
}

static int check_panic (lua_State *L) {
  const struct desk *desk = desk_at (L);
  if (desk->panic[0] != '\0') {
    return luaL_error (L, "assert: %s", desk->panic);
  }
  return 0;
}

static int push_request (lua_State *L, int status) {
  (void)check_panic (L);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_pushboolean (L, 1);
  return 1;
}

/* ---- made and freed --------------------------------------------------- */

static enum raft_bug bug_of (lua_State *L, const char *name) {
#define X(symbol, word, seen, text)   \
  if (strcmp (name, word) == 0) {     \
    return RAFT_BUG_##symbol;         \
  }
  RAFT_BUGS (X)
#undef X
  luaL_error (L, "no bug of the name %s", name);
  return RAFT_BUG_NONE;
}

static void set_limits (lua_State *L, struct desk *desk) {
  lua_getfield (L, 1, "limits");
  if (lua_istable (L, -1)) {
    lua_pushnil (L);
    while (lua_next (L, -2) != 0) {
      const char *name = luaL_checkstring (L, -2);
      if (raft_limits_set (&desk->limits, name,
                           (uint64_t)luaL_checknumber (L, -1)) != RAFT_OK) {
        luaL_error (L, "no limit of the name %s", name);
      }
      lua_pop (L, 1);
    }
  }
  lua_pop (L, 1);
}

static int desk_make (lua_State *L) {
  struct field_table options = field_open (
    L, 1, "desk", "members voters seed bug hash_interval traces limits ");
  raft_id count = (raft_id)field_number (&options, "members", 1,
                                         DESK_MEMBERS_MAX);
  struct desk_handle *handle = lua_newuserdata (L, sizeof *handle);
  handle->desk = NULL;
  luaL_getmetatable (L, DESK_NAME);
  lua_setmetatable (L, -2);
  handle->desk = desk_new (count);
  if (handle->desk == NULL) {
    return luaL_error (L, "out of memory");
  }
  handle->desk->voters
    = (raft_id)field_number (&options, "voters", count, DESK_MEMBERS_MAX);
  if (handle->desk->voters > count) {
    return luaL_error (L, "more voters than members");
  }
  handle->desk->chance = field_number (&options, "seed", 1, RAFT_INDEX_MAX);
  handle->desk->hash_interval
    = field_number (&options, "hash_interval", 0, RAFT_INDEX_MAX);
  if (field_boolean (&options, "traces")) {
    handle->desk->tracer.levels = RAFT_TRACE_ALL & ~(unsigned)RAFT_TRACE_WIRE;
  }
  lua_getfield (L, 1, "bug");
  if (lua_isstring (L, -1)) {
    handle->desk->bug = bug_of (L, lua_tostring (L, -1));
  }
  lua_pop (L, 1);
  set_limits (L, handle->desk);
  return 1;
}

static int desk_collect (lua_State *L) {
  struct desk_handle *handle = luaL_checkudata (L, 1, DESK_NAME);
  if (handle->desk != NULL) {
    desk_free (handle->desk);
    handle->desk = NULL;
  }
  return 0;
}

/* desk:init([id]): all members, or one, on an empty disk. -> true, or nil,
** message, code */
static int desk_l_init (lua_State *L) {
  struct desk *desk = desk_at (L);
  raft_id id = 1, last = desk->count;
  if (!lua_isnoneornil (L, 2)) {
    id = last = member_at (L, 2)->id;
  }
  for (; id <= last; id++) {
    int status = desk_init (desk, id);
    (void)check_panic (L);
    if (status != RAFT_OK) {
      return binding_push_failure (L, status, &desk->init_detail);
    }
  }
  lua_pushboolean (L, 1);
  return 1;
}

/* desk:wipe(id): an empty disk. */
static int desk_l_wipe (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  desk_kill (member->desk, member->id);
  sim_disk_free (member->disk);
  member->disk = sim_disk_new ();
  return 0;
}

/* ---- life ------------------------------------------------------------- */

static int desk_l_start (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  desk_start (member->desk, member->id);
  if (!lua_toboolean (L, 3)) {
    desk_settle (member->desk);
  }
  return check_panic (L);
}

static int desk_l_kill (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  desk_kill (member->desk, member->id);
  return check_panic (L);
}

static int desk_l_crash (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  desk_crash (member->desk, member->id,
              (uint64_t)luaL_optnumber (L, 3, 0));
  return check_panic (L);
}

/* desk:free(id): what stays of its memory shows in desk:memory(id). */
static int desk_l_free (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  if (member->replica != NULL) {
    replica_free (member->replica);
    member->replica = NULL;
    member->state = DESK_DOWN;
  }
  return 0;
}

/* desk:files(id) -> the names on its disk, each ended by a zero byte. */
static int desk_l_files (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  struct raft_buffer names;
  int status;
  raft_buffer_init (&names, &raft_memory_plain);
  status = sim_disk_names (member->disk, false, &names);
  lua_pushlstring (L, names.size > 0 ? (const char *)names.data : "",
                   status == RAFT_OK ? names.size : 0);
  raft_buffer_free (&names);
  return 1;
}

/* desk:flip(id, name, offset): one bit of a file is wrong. */
static int desk_l_flip (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  return push_request (L, sim_disk_flip (
    member->disk, luaL_checkstring (L, 3),
    (uint64_t)luaL_checknumber (L, 4), 0));
}

/* desk:bring(id, other, name): a file of another member's disk. */
static int desk_l_bring (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  const struct desk_member *other = member_at (L, 3);
  const char *name = luaL_checkstring (L, 4);
  struct raft_buffer bytes;
  int status;
  raft_buffer_init (&bytes, &raft_memory_plain);
  status = sim_disk_contents (other->disk, name, false, &bytes);
  if (status == RAFT_OK) {
    sim_disk_put (member->disk, name, bytes.data, bytes.size);
  }
  raft_buffer_free (&bytes);
  return push_request (L, status);
}

/* desk:rot(id, index): the last byte of a cached entry is wrong. */
static int desk_l_rot (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  struct raft_slice entry
    = replica_entry (member->replica, (raft_index)luaL_checknumber (L, 3));
  luaL_argcheck (L, entry.block != NULL, 3, "not in the cache");
  entry.block->bytes[entry.data - entry.block->bytes + (ptrdiff_t)entry.size
                     - 1] ^= 1;
  return 0;
}

static int desk_l_close (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  desk_close (member->desk, member->id);
  desk_settle (member->desk);
  return check_panic (L);
}

static int desk_l_run (lua_State *L) {
  desk_run (desk_at (L), (raft_time)luaL_checknumber (L, 2));
  return check_panic (L);
}

static int desk_l_settle (lua_State *L) {
  desk_settle (desk_at (L));
  return check_panic (L);
}

/* desk:state(id) -> "up" …, code, text of why it stopped */
static int desk_l_state (lua_State *L) {
  static const char *const names[] = { "down", "opening", "up", "stopped",
                                       "closed", "refused" };
  const struct desk_member *member = member_at (L, 2);
  lua_pushstring (L, names[member->state]);
  lua_pushstring (L, raft_error_name (member->status));
  lua_pushstring (L, member->detail.text);
  return 3;
}

/* ---- clients ---------------------------------------------------------- */

static int send_request (lua_State *L, bool is_admin) {
  struct desk_member *member = member_at (L, 2);
  uint64_t connection = (uint64_t)luaL_checknumber (L, 3);
  struct wire_view bytes;
  bytes.data = (const uint8_t *)luaL_checklstring (L, 4, &bytes.size);
  return push_request (L, desk_request (member->desk, member->id, connection,
                                        &bytes, is_admin));
}

/* desk:send(id, connection, bytes) */
static int desk_l_send (lua_State *L) {
  return send_request (L, false);
}

/* desk:administer(id, connection, bytes): as an operator. */
static int desk_l_administer (lua_State *L) {
  return send_request (L, true);
}

/* desk:propose(id, connection, request, command [, session, sequence, first])
** The command is an encoded value. */
static int desk_l_propose (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  uint64_t connection = (uint64_t)luaL_checknumber (L, 3);
  uint32_t id = (uint32_t)luaL_checknumber (L, 4);
  struct wire_propose propose;
  struct raft_buffer params, message;
  struct wire_view view;
  int status;
  propose.command.data
    = (const uint8_t *)luaL_checklstring (L, 5, &propose.command.size);
  propose.session = (uint64_t)luaL_optnumber (L, 6, 0);
  propose.sequence = (uint64_t)luaL_optnumber (L, 7, 0);
  propose.first_unacknowledged = (uint64_t)luaL_optnumber (L, 8, 0);
  propose.checksum
    = raft_checksum (propose.command.data, propose.command.size, 0);
  raft_buffer_init (&params, &raft_memory_plain);
  raft_buffer_init (&message, &raft_memory_plain);
  status = wire_propose_encode (&params, &propose);
  view.data = params.data;
  view.size = params.size;
  if (status == RAFT_OK) {
    status = wire_rpc_request (&message, id, "propose", view);
  }
  if (status == RAFT_OK) {
    view.data = message.data;
    view.size = message.size;
    status = desk_request (member->desk, member->id, connection, &view,
                           false);
  }
  raft_buffer_free (&params);
  raft_buffer_free (&message);
  return push_request (L, status);
}

static int desk_l_hang_up (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  desk_hang_up (member->desk, member->id,
                (uint64_t)luaL_checknumber (L, 3));
  return check_panic (L);
}

static void push_answer (lua_State *L, const struct desk_note *note) {
  lua_newtable (L);
  field_set_number (L, "from", note->from);
  field_set_number (L, "connection", note->connection);
  if (note->is_hang_up) {
    field_set_boolean (L, "hang_up", true);
    return;
  }
  lua_pushlstring (L, (const char *)note->bytes, note->size);
  lua_setfield (L, -2, "bytes");
}

/* desk:answers() -> { { from = , connection = , bytes = | hang_up = } }
** An answer is taken off the desk after Lua has it. */
static int desk_l_answers (lua_State *L) {
  struct desk *desk = desk_at (L);
  int count = 0;
  lua_newtable (L);
  while (desk->answers.first != NULL) {
    push_answer (L, desk->answers.first);
    lua_rawseti (L, -2, ++count);
    free (desk_take_answer (desk));
  }
  return 1;
}

/* ---- faults ----------------------------------------------------------- */

static int desk_l_hold_machine (lua_State *L) {
  member_at (L, 2)->machine_held = lua_toboolean (L, 3);
  return 0;
}

static int desk_l_hold_disk (lua_State *L) {
  member_at (L, 2)->disk_held = lua_toboolean (L, 3);
  return 0;
}

static int desk_l_finish_disk (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  desk_finish_disk (member->desk, member->id);
  return check_panic (L);
}

/* desk:bare_machine(id, yes): it takes no snapshots. */
static int desk_l_bare_machine (lua_State *L) {
  member_at (L, 2)->machine_bare = lua_toboolean (L, 3);
  return 0;
}

/* desk:fail_pull(id, n): the nth piece of a snapshot is not given. */
static int desk_l_fail_pull (lua_State *L) {
  member_at (L, 2)->pull_fails_in = (size_t)luaL_checknumber (L, 3);
  return 0;
}

/* desk:snapshot(id) -> true, or nil, message, code; and it is settled. */
static int desk_l_snapshot (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  int status = desk_snapshot (member->desk, member->id);
  return push_request (L, status);
}

static int desk_l_keep_machine (lua_State *L) {
  member_at (L, 2)->machine_keeps = lua_toboolean (L, 3);
  return 0;
}

static int desk_l_skew (lua_State *L) {
  member_at (L, 2)->skew_from = (raft_index)luaL_checknumber (L, 3);
  return 0;
}

static int desk_l_set_vm (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  (void)snprintf (member->vm, sizeof member->vm, "%s",
                  luaL_checkstring (L, 3));
  return 0;
}

/* desk:set_version(id, protocol, oldest, features): from its next start on it
** pretends to be another build. */
static int desk_l_set_version (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  member->version.protocol = (uint32_t)luaL_checkinteger (L, 3);
  member->version.oldest = (uint32_t)luaL_checkinteger (L, 4);
  member->version.features = (uint64_t)luaL_checkinteger (L, 5);
  return 0;
}

/* desk:fail_machine(id): its memory is out at the next batch. */
static int desk_l_fail_machine (lua_State *L) {
  member_at (L, 2)->machine_fails = RAFT_ENOMEM;
  return 0;
}

/* desk:link_down(at, id, "ended" | "refused" | "silent") */
static int desk_l_link_down (lua_State *L) {
  static const char *const words[] = { "ended", "refused", "silent", NULL };
  int why = luaL_checkoption (L, 4, NULL, words);
  desk_link_down (member_at (L, 2)->desk, member_at (L, 2)->id,
                  member_at (L, 3)->id, (enum net_down)why);
  return 0;
}

static int desk_l_cut (lua_State *L) {
  struct desk_member *a = member_at (L, 2);
  struct desk_member *b = member_at (L, 3);
  a->desk->is_cut[a->id][b->id] = lua_toboolean (L, 4);
  a->desk->is_cut[b->id][a->id] = lua_toboolean (L, 4);
  return 0;
}

/* desk:fail_disk(id, "write" | "sync", after) */
static int desk_l_fail_disk (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  const char *kind = luaL_checkstring (L, 3);
  sim_disk_fail (member->disk,
                 strcmp (kind, "sync") == 0 ? SIM_DISK_SYNC : SIM_DISK_WRITE,
                 (uint64_t)luaL_checknumber (L, 4), RAFT_EIO);
  return 0;
}

/* desk:fail_memory(id, nth, count): from now on counted. */
static int desk_l_fail_memory (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  uint64_t nth = (uint64_t)luaL_checknumber (L, 3);
  member->arena.fail_at = nth == 0 ? 0 : member->arena.calls + nth;
  member->arena.fail_count = (uint64_t)luaL_optnumber (L, 4, 1);
  return 0;
}

static int desk_l_set_capacity (lua_State *L) {
  sim_disk_set_capacity (member_at (L, 2)->disk,
                         (uint64_t)luaL_checknumber (L, 3));
  return 0;
}

/* ---- looking in ------------------------------------------------------- */

/* desk:memory(id) -> calls, bytes, peak; and the bytes for results that the
** last request to the machine came with */
static int desk_l_memory (lua_State *L) {
  const struct desk_member *member = member_at (L, 2);
  lua_pushnumber (L, (lua_Number)member->arena.calls);
  lua_pushnumber (L, (lua_Number)member->arena.bytes);
  lua_pushnumber (L, (lua_Number)member->arena.peak);
  lua_pushnumber (L, (lua_Number)member->results_kept);
  return 4;
}

/* desk:applied(id) -> { { index = , command = bytes } } */
static int desk_l_applied (lua_State *L) {
  const struct desk_member *member = member_at (L, 2);
  size_t i;
  lua_newtable (L);
  for (i = 0; i < member->applied_count; i++) {
    lua_newtable (L);
    field_set_number (L, "index", member->applied[i].index);
    lua_pushlstring (L, (const char *)member->applied[i].payload,
                     member->applied[i].size);
    lua_setfield (L, -2, "command");
    lua_rawseti (L, -2, (int)i + 1);
  }
  return 1;
}

static int desk_l_status (lua_State *L) {
  return desk_status_push (L, member_at (L, 2));
}

/* desk:traces() -> lines so far, and forgets them */
static int desk_l_traces (lua_State *L) {
  struct desk *desk = desk_at (L);
  lua_pushlstring (L, (const char *)desk->traces.data, desk->traces.size);
  desk->traces.size = 0;
  return 1;
}

static int desk_l_refused (lua_State *L) {
  lua_pushnumber (L, (lua_Number)desk_at (L)->refused);
  return 1;
}

/* desk:hear(id, bytes, dialled) -> true, or nil, message, code */
static int desk_l_hear (lua_State *L) {
  struct desk_member *member = member_at (L, 2);
  size_t size;
  const char *bytes = luaL_checklstring (L, 3, &size);
  return push_request (L, desk_hear (member->desk, member->id,
                                     (const uint8_t *)bytes, size,
                                     (raft_id)luaL_optnumber (L, 4, 0)));
}

static const luaL_Reg desk_methods[] = {
  { "init", desk_l_init },
  { "wipe", desk_l_wipe },
  { "start", desk_l_start },
  { "kill", desk_l_kill },
  { "crash", desk_l_crash },
  { "close", desk_l_close },
  { "free", desk_l_free },
  { "files", desk_l_files },
  { "flip", desk_l_flip },
  { "bring", desk_l_bring },
  { "rot", desk_l_rot },
  { "run", desk_l_run },
  { "settle", desk_l_settle },
  { "state", desk_l_state },
  { "hear", desk_l_hear },
  { "send", desk_l_send },
  { "administer", desk_l_administer },
  { "propose", desk_l_propose },
  { "hang_up", desk_l_hang_up },
  { "answers", desk_l_answers },
  { "hold_machine", desk_l_hold_machine },
  { "hold_disk", desk_l_hold_disk },
  { "finish_disk", desk_l_finish_disk },
  { "keep_machine", desk_l_keep_machine },
  { "bare_machine", desk_l_bare_machine },
  { "fail_pull", desk_l_fail_pull },
  { "snapshot", desk_l_snapshot },
  { "skew", desk_l_skew },
  { "set_vm", desk_l_set_vm },
  { "set_version", desk_l_set_version },
  { "fail_machine", desk_l_fail_machine },
  { "link_down", desk_l_link_down },
  { "cut", desk_l_cut },
  { "fail_disk", desk_l_fail_disk },
  { "fail_memory", desk_l_fail_memory },
  { "set_capacity", desk_l_set_capacity },
  { "memory", desk_l_memory },
  { "applied", desk_l_applied },
  { "status", desk_l_status },
  { "traces", desk_l_traces },
  { "refused", desk_l_refused },
  { NULL, NULL }
};

void raft_probe_replica (lua_State *L) {
  if (luaL_newmetatable (L, DESK_NAME)) {
    luaL_newlib (L, desk_methods);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, desk_collect);
    lua_setfield (L, -2, "__gc");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, desk_make);
  lua_setfield (L, -2, "desk");
}
