/* SPDX-License-Identifier: MIT
**
** probe_recover.c - core/replica/recover for specs: of a member of a desk,
** that is down.
**
**   probe.recover (desk, id, { look = true }) -> what stands on its disk
**   probe.recover (desk, id, { fail = "write", after = 3, code = "io" })
**       -> { status = "ok", text = , same = the old disk is as it was,
**            forgotten = bytes, requests = to the new disk, survivor = }
**
**   reads_fail = n: the nth request to the old disk fails; memory = n: the
**   nth allocation; steps = n: the process dies after so many requests to
**   the new disk; capacity = bytes of that. When it is done, power is lost,
**   and the member has the new disk. It has it, too, of one that was not done
**   with keep = "killed", the process is gone, or "power", that is lost: of
**   changes that are not synced the nth is kept where 'mask' has bit n. */

#include <string.h>

#include "base/panic.h"
#include "field.h"
#include "probe_desk.h"
#include "recover.h"
#include "sim/disk.h"

void raft_probe_recover (lua_State *L);

struct recovering {
  struct raft_arena arena;
  struct rescue *rescue;
  struct sim_disk *from;
  struct sim_disk *into;
  bool is_done;
  int status;
  struct raft_detail detail;
  struct replica_survivor survivor;
  uint64_t before;        /* hash of the old disk */
  char panic[220];
};

static void on_done (void *owner, int status,
                     const struct replica_survivor *survivor,
                     const struct raft_detail *detail) {
  struct recovering *self = owner;
  self->is_done = true;
  self->status = status;
  if (status == RAFT_OK) {
    self->survivor = *survivor;
  } else {
    self->detail = *detail;
  }
}

static void plan (lua_State *L, const struct field_table *options,
                  struct recovering *self) {
  static const char *const words[] = { "write", "sync", "any" };
  static const struct field_words faults = { words, 3, SIM_DISK_WRITE };
  const char *code = field_string (options, "code");
  int fault = field_word (options, "fail", &faults, 0);
  uint64_t reads = field_number (options, "reads_fail", 0, RAFT_INDEX_MAX);
  code = code != NULL ? code : "io";
  if (fault != 0) {
    sim_disk_fail (self->into, (enum sim_disk_fault)fault,
                   field_number (options, "after", 0, RAFT_INDEX_MAX),
                   raft_error_of_name (code, strlen (code)));
  }
  if (reads != 0) {
    sim_disk_fail (self->from, SIM_DISK_ANY, reads - 1, RAFT_EIO);
  }
  sim_disk_set_capacity (self->into, field_number (options, "capacity", 0,
                                                   RAFT_INDEX_MAX));
  self->arena.fail_at = field_number (options, "memory", 0, RAFT_INDEX_MAX);
  self->arena.fail_count = 1;
  lua_pop (L, 1);
}

/* Both disks, one request after the other, until none waits or the process
** dies. */
static void step_all (struct recovering *self, uint64_t steps) {
  while (!self->is_done) {
    bool stepped = sim_disk_step (self->from);
    if (!self->is_done && steps > 0) {
      bool wrote = sim_disk_step (self->into);
      steps -= wrote;
      stepped = wrote || stepped;
    }
    if (!stepped) {
      break;
    }
  }
}

static void recover (struct recovering *self, struct desk_member *member,
                     bool only_looks, uint64_t steps) {
  struct replica_recover_options options;
  struct raft_guard guard;
  memset (&options, 0, sizeof options);
  options.memory = &self->arena.memory;
  options.from = sim_disk_port (self->from);
  options.into = only_looks ? NULL : sim_disk_port (self->into);
  options.clock = &member->clock;
  options.limits = member->desk->limits;
  options.owner = self;
  options.done = on_done;
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    int status = replica_recover (&self->rescue, &options);
    if (status != RAFT_OK) {
      self->is_done = true;
      self->status = status;
    }
    step_all (self, steps);
    replica_recover_free (self->rescue);
  } else {
    memcpy (self->panic, guard.what, sizeof guard.what);
  }
  raft_guard_leave (&guard);
}

enum keep { KEEP_DONE, KEEP_KILLED, KEEP_POWER };

static void move_in (struct recovering *self, struct desk_member *member,
                     enum keep keep, uint64_t mask) {
  struct sim_choice_mask kept;
  sim_choice_mask_init (&kept, mask);
  if (keep == KEEP_KILLED) {
    sim_disk_kill (self->into);
  } else {
    sim_disk_crash (self->into, &kept.choice);
  }
  sim_disk_set_capacity (self->into, 0);
  sim_disk_free (member->disk);
  member->disk = self->into;
}

/* The process is gone; and, when it was done, power. */
static void leave (struct recovering *self, struct desk_member *member,
                   bool only_looks, enum keep keep, uint64_t mask) {
  sim_disk_kill (self->from);
  for (int kind = SIM_DISK_WRITE; kind < SIM_DISK_FAULTS; kind++) {
    sim_disk_fail (self->from, (enum sim_disk_fault)kind, 0, RAFT_OK);
    sim_disk_fail (self->into, (enum sim_disk_fault)kind, 0, RAFT_OK);
  }
  if (!only_looks && (keep != KEEP_DONE
                      || (self->is_done && self->status == RAFT_OK))) {
    move_in (self, member, keep, mask);
  } else {
    sim_disk_free (self->into);
  }
}

static void push_result (lua_State *L, const struct recovering *self,
                         uint64_t after, uint64_t requests) {
  lua_newtable (L);
  field_set_string (L, "status", self->is_done
                                   ? raft_error_name (self->status)
                                   : "died");
  field_set_string (L, "text", self->detail.text);
  field_set_boolean (L, "same", self->before == after);
  field_set_number (L, "forgotten", self->is_done ? self->arena.bytes : 0);
  field_set_number (L, "allocations", self->arena.calls);
  field_set_number (L, "requests", requests);
  if (self->is_done && self->status == RAFT_OK) {
    binding_survivor_push (L, &self->survivor);
    lua_setfield (L, -2, "survivor");
  }
}

static int probe_recover (lua_State *L) {
  struct desk_handle *handle = luaL_checkudata (L, 1, DESK_NAME);
  raft_id id = (raft_id)luaL_checkinteger (L, 2);
  struct field_table options = field_open (
    L, 3, "options",
    "look fail after code reads_fail memory steps capacity keep mask ");
  static const char *const keeps[] = { "killed", "power" };
  static const struct field_words words = { keeps, 2, KEEP_KILLED };
  bool only_looks = field_boolean (&options, "look");
  int keep = field_word (&options, "keep", &words, KEEP_DONE);
  uint64_t mask = field_number (&options, "mask", 0, UINT32_MAX);
  struct desk_member *member;
  struct sim_disk_counts counts;
  struct recovering self;
  uint64_t after;
  luaL_argcheck (L, handle->desk != NULL && id >= 1
                      && id <= handle->desk->count, 2, "no such member");
  member = &handle->desk->members[id];
  memset (&self, 0, sizeof self);
  raft_arena_init (&self.arena);
  self.from = member->disk;
  self.into = sim_disk_new ();
  self.before = sim_disk_hash (self.from);
  plan (L, &options, &self);
  recover (&self, member, only_looks,
           field_number (&options, "steps", UINT32_MAX, UINT32_MAX));
  sim_disk_get_counts (self.into, &counts);
  sim_disk_kill (self.from);
  after = sim_disk_hash (self.from);
  push_result (L, &self, after, counts.requests);
  leave (&self, member, only_looks, (enum keep)keep, mask);
  raft_arena_clear (&self.arena);
  return self.panic[0] != '\0' ? luaL_error (L, "assert: %s", self.panic)
                               : 1;
}

void raft_probe_recover (lua_State *L) {
  lua_pushcfunction (L, probe_recover);
  lua_setfield (L, -2, "recover");
}
