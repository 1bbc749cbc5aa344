/* SPDX-License-Identifier: MIT
**
** machine.c - a Lua machine behind core/port/machine.h.
**
** Every request runs in protected calls. What they need lies on the stack of
** the state (enum machine_slot) and is handed to each of them, so that nothing
** is allocated outside of a protected call. */

#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

#include "base/checksum.h"
#include "machine_state.h"
#include "wire/value.h"

#define COUNT_STEP 1000 /* instructions between two looks at the limit */

/* ---- protected calls -------------------------------------------------- */

static const char self_key = 0; /* its address, in the registry */

static void on_count (lua_State *L, lua_Debug *debug) {
  struct lua_machine *self;
  lua_pushlightuserdata (L, (void *)&self_key);
  lua_rawget (L, LUA_REGISTRYINDEX);
  self = lua_touserdata (L, -1);
  lua_pop (L, 1);
  self->instructions += COUNT_STEP;
  if (self->instructions > self->options.instructions) {
    char why[200];
    (void)lua_getinfo (L, "Sl", debug);
    (void)snprintf (why, sizeof why, "%s:%d: more than %llu instructions: "
                    "a loop without end?", debug->short_src,
                    debug->currentline,
                    (unsigned long long)self->options.instructions);
    machine_halt (self, RAFT_EMACHINE, why);
    lua_pushstring (L, self->why);
    (void)lua_error (L);
  }
}

/* Its arguments: the slots; its upvalue: the machine. */
static int run (lua_State *L) {
  struct lua_machine *self = lua_touserdata (L, lua_upvalueindex (1));
  struct machine_job *job = self->job;
  if (self->options.instructions > 0) {
    lua_sethook (L, on_count, LUA_MASKCOUNT, COUNT_STEP);
  }
  job->body (L, job);
  return 0;
}

/* 0; RAFT_EAPPLY_FAILED: the machine raised, slot ERROR has it; else: why the
** machine has halted. */
int machine_protected_call (struct machine_job *job,
                           void (*body) (lua_State *, struct machine_job *)) {
  struct lua_machine *self = job->self;
  lua_State *L = self->L;
  int slot, status;
  job->body = body;
  self->handled = false;
  self->instructions = 0;
  lua_settop (L, MACHINE_SLOT_COUNT);
  lua_pushvalue (L, MACHINE_SLOT_RUN);
  for (slot = 1; slot <= MACHINE_SLOT_COUNT; slot++) {
    lua_pushvalue (L, slot);
  }
  self->job = job; /* not as a light userdata: LuaJIT may allocate for one */
  status = lua_pcall (L, MACHINE_SLOT_COUNT, 0, MACHINE_SLOT_HANDLER);
  self->in_apply = false;
  if (self->instructions > self->spent) {
    self->spent = self->instructions;
  }
  if (status == LUA_OK) {
    return self->halted;
  }
  lua_replace (L, MACHINE_SLOT_ERROR);
  if (self->halted == RAFT_OK && !self->handled) {
    machine_halt_unhandled (L, self, MACHINE_SLOT_ERROR);
  }
  return self->halted != RAFT_OK ? self->halted : RAFT_EAPPLY_FAILED;
}

/* ---- the state -------------------------------------------------------- */

static void *allocate (void *context, void *block, size_t old_size,
                       size_t size) {
  struct lua_machine *self = context;
  void *moved;
  if (block == NULL) {
    old_size = 0; /* Lua says here what the block is for */
  }
  if (size == 0) {
    free (block);
    self->bytes -= old_size;
    return NULL;
  }
  if (size > old_size
      && (self->bytes > self->limit
          || size - old_size > self->limit - self->bytes)) {
    return NULL;
  }
  moved = realloc (block, size);
  if (moved == NULL) {
    return NULL;
  }
  self->bytes = self->bytes - old_size + size;
  if (self->bytes > self->peak) {
    self->peak = self->bytes;
  }
  return moved;
}

/* The first call into a new state: the libraries, and the slots that every
** protected call needs. Its argument: the machine. */
static int prepare (lua_State *L) {
  struct lua_machine *self = lua_touserdata (L, 1);
  luaL_openlibs (L);
  lua_pushlightuserdata (L, (void *)&self_key);
  lua_pushlightuserdata (L, self);
  lua_rawset (L, LUA_REGISTRYINDEX);
  machine_host_push (L, self);
  lua_getfield (L, -1, "handler");
  machine_set_slot (L, MACHINE_SLOT_HANDLER);
  lua_pushlightuserdata (L, self);
  lua_pushcclosure (L, run, 1);
  machine_set_slot (L, MACHINE_SLOT_RUN);
  return 0;
}

/* Allocates nothing: lua_pushcfunction of Lua 5.1 would. */
static int call_prepare (struct lua_machine *self) {
#if LUA_VERSION_NUM < 502
  return lua_cpcall (self->L, prepare, self);
#else
  lua_pushcfunction (self->L, prepare);
  lua_pushlightuserdata (self->L, self);
  return lua_pcall (self->L, 1, 0, 0);
#endif
}

/* Puts the slots where protected_call wants them. */
static void fetch_slots (struct lua_machine *self) {
  lua_State *L = self->L;
  int slot;
  self->limit = UINT64_MAX; /* an error would have nowhere to go */
  lua_settop (L, 0);
  machine_push_slots (L);
  for (slot = 1; slot <= MACHINE_SLOT_COUNT; slot++) {
    lua_rawgeti (L, 1, slot);
  }
  lua_remove (L, 1);
  self->limit = self->options.memory_bytes;
}

static void close_state (struct lua_machine *self) {
  if (self->L != NULL) {
    self->limit = UINT64_MAX;
    lua_close (self->L);
    self->L = NULL;
  }
}

/* require() of Lua turns a lack of memory into an error of its own. */
static bool says_memory (lua_State *L) {
  static const char words[] = "not enough memory";
  size_t size;
  const char *text;
  if (lua_type (L, MACHINE_SLOT_ERROR) != LUA_TSTRING) {
    return false;
  }
  text = lua_tolstring (L, MACHINE_SLOT_ERROR, &size);
  return size >= sizeof words - 1
         && strcmp (text + size - (sizeof words - 1), words) == 0;
}

/* The error in its slot as one line; allocates nothing. */
void machine_say_error (struct lua_machine *self,
                       struct machine_request *request) {
  lua_State *L = self->L;
  bool text = lua_type (L, MACHINE_SLOT_ERROR) == LUA_TSTRING;
  const char *what = text ? lua_tostring (L, MACHINE_SLOT_ERROR)
                          : luaL_typename (L, MACHINE_SLOT_ERROR);
  char *at;
  (void)snprintf (request->message, sizeof request->message, "%s%s%s",
                  strncmp (what, "machine: ", 9) == 0 ? "" : "machine: ",
                  text ? "" : "raised a ", what);
  for (at = request->message; *at != '\0'; at++) {
    *at = *at == '\n' || *at == '\r' || *at == '\t' ? ' ' : *at;
  }
}

/* ---- requests --------------------------------------------------------- */

void machine_say_halted (struct lua_machine *self,
                        struct machine_request *request) {
  request->status = self->halted;
  (void)snprintf (request->message, sizeof request->message, "%s", self->why);
}

static void perform_open (struct lua_machine *self,
                          struct machine_request *request) {
  struct machine_job job = { .self = self, .request = request };
  bool ready;
  int status;
  close_state (self);
  self->halted = RAFT_OK;
  /* The limit is for the machine, not for the libraries around it: LuaJIT
  ** crashes in a lua_newstate that fails, and Lua 5.1 closes the stdout of
  ** this process when memory runs out while it makes its file of that name. */
  self->limit = UINT64_MAX;
  self->L = lua_newstate (allocate, self);
  ready = self->L != NULL && call_prepare (self) == LUA_OK;
  self->limit = self->options.memory_bytes;
  if (!ready) {
    machine_halt_memory (self);
    close_state (self);
    machine_say_halted (self, request);
    return;
  }
  fetch_slots (self);
  status = machine_protected_call (&job, machine_body_open);
  if (status == RAFT_EAPPLY_FAILED && says_memory (self->L)) {
    machine_halt_memory (self);
    status = self->halted;
  }
  if (status == RAFT_EAPPLY_FAILED) {
    machine_say_error (self, request);
    request->status = RAFT_EMACHINE;
    machine_halt (self, RAFT_EMACHINE, request->message);
  } else if (status != RAFT_OK) {
    machine_say_halted (self, request);
  }
  if (status != RAFT_OK) {
    close_state (self);
    return;
  }
  fetch_slots (self);
}

/* The text of an error, as the answer of a command or question. */
static int answer_error (struct machine_job *job) {
  static const char plain[] = "an error without a text";
  struct raft_buffer *bytes = &job->request->bytes;
  int status = machine_protected_call (job, machine_body_message);
  if (status == RAFT_EAPPLY_FAILED) { /* its own text raised */
    job->offset = bytes->size;
    status = wire_value_string (bytes, plain, sizeof plain - 1);
    if (status != RAFT_OK) {
      machine_halt (job->self, status, raft_error_text (status));
    }
  }
  return status;
}

/* Looks for what the sandbox refuses, also after an error. A command that
** made it fails, on every member alike. */
static int check_late (struct machine_job *job) {
  size_t offset = job->offset;
  int status = RAFT_OK;
  if (lua_isfunction (job->self->L, MACHINE_SLOT_LATE)) {
    status = machine_protected_call (job, machine_body_late);
    job->offset = offset;
  }
  return status;
}

/* One entry: its result, or why the machine has halted. */
static int perform_one (struct machine_job *job,
                        void (*body) (lua_State *L,
                                      struct machine_job *job)) {
  struct machine_result *result = &job->request->results[job->position];
  int status = machine_protected_call (job, body);
  int late;
  result->status = status;
  if (status == RAFT_EAPPLY_FAILED) {
    status = answer_error (job);
  }
  late = status == RAFT_OK ? check_late (job) : status;
  if (late == RAFT_EAPPLY_FAILED && result->status == RAFT_OK) {
    result->status = late;
    late = answer_error (job);
  }
  result->offset = job->offset;
  result->size = job->request->bytes.size - job->offset;
  return late == RAFT_EAPPLY_FAILED ? RAFT_OK : late;
}

static void perform_entries (struct lua_machine *self,
                             struct machine_request *request,
                             void (*body) (lua_State *,
                                           struct machine_job *)) {
  struct machine_job job = { .self = self, .request = request };
  for (job.position = 0; job.position < request->entry_count;
       job.position++) {
    if (perform_one (&job, body) != RAFT_OK) {
      machine_say_halted (self, request);
      return;
    }
  }
}

static void perform_digest (struct lua_machine *self,
                            struct machine_request *request) {
  struct machine_job job = { .self = self, .request = request };
  size_t start = request->bytes.size;
  int status = machine_protected_call (&job, machine_body_digest);
  if (status == RAFT_OK) {
    request->hash = raft_checksum (request->bytes.data + job.offset,
                                   request->bytes.size - job.offset, 0);
  } else if (status == RAFT_EAPPLY_FAILED) {
    machine_say_error (self, request);
    request->status = RAFT_EAPPLY_FAILED;
  } else {
    machine_say_halted (self, request);
  }
  request->bytes.size = start;
}

static void perform_opened (struct lua_machine *self,
                            struct machine_request *request) {
  struct machine_job job = { .self = self, .request = request };
  switch (request->operation) {
    case MACHINE_OPEN: break;
    case MACHINE_APPLY:
      perform_entries (self, request, machine_body_apply);
      break;
    case MACHINE_QUERY:
      perform_entries (self, request, machine_body_query);
      break;
    case MACHINE_DIGEST: perform_digest (self, request); break;
    case MACHINE_SNAPSHOT:
    case MACHINE_PULL:
    case MACHINE_DROP:
    case MACHINE_RESTORE:
    case MACHINE_PUSH:
    case MACHINE_RESTORED: machine_perform_snapshot (self, request); break;
    case MACHINE_CLOSE:
      (void)machine_protected_call (&job, machine_body_close);
      close_state (self);
      break;
  }
}

static void perform (struct machine *machine,
                     struct machine_request *request) {
  struct lua_machine *self = (struct lua_machine *)machine;
  locale_t outer = uselocale (self->locale);
  request->status = RAFT_OK;
  request->message[0] = '\0';
  if (request->operation == MACHINE_OPEN) {
    perform_open (self, request);
  } else if (request->operation == MACHINE_CLOSE
             && (self->halted != RAFT_OK || self->L == NULL)) {
    close_state (self);
  } else if (self->halted != RAFT_OK) {
    machine_say_halted (self, request);
  } else if (self->L == NULL) {
    request->status = RAFT_EMACHINE;
    (void)snprintf (request->message, sizeof request->message,
                    "the machine is not open");
  } else {
    perform_opened (self, request);
  }
  (void)uselocale (outer);
}

/* ---- making and freeing ----------------------------------------------- */

static void release (struct machine *machine) {
  struct lua_machine *self = (struct lua_machine *)machine;
  close_state (self);
  if (self->locale != (locale_t)0) {
    freelocale (self->locale);
  }
  free ((void *)self->options.machine);
  free ((void *)self->options.package_path);
  free ((void *)self->options.package_cpath);
  free ((void *)self->options.options);
  raft_buffer_free (&self->image);
  free (self);
}

/* A copy; false: out of memory. NULL stays NULL. */
static bool copy_text (const char **text) {
  if (*text != NULL) {
    *text = strdup (*text);
    return *text != NULL;
  }
  return true;
}

static bool copy_options (struct lua_machine *self,
                          const struct binding_machine_options *options) {
  uint8_t *value = NULL;
  bool copied;
  if (options->options_size > 0) {
    value = malloc (options->options_size);
    if (value != NULL) {
      memcpy (value, options->options, options->options_size);
    }
  }
  self->options.options = value;
  copied = value != NULL || options->options_size == 0;
  copied = copy_text (&self->options.machine) && copied;
  copied = copy_text (&self->options.package_path) && copied;
  return copy_text (&self->options.package_cpath) && copied;
}

int binding_machine_new (struct machine **machine,
                         const struct binding_machine_options *options) {
  struct lua_machine *self = calloc (1, sizeof *self);
  bool copied;
  if (self == NULL) {
    return RAFT_ENOMEM;
  }
  raft_buffer_init (&self->image, &raft_memory_plain);
  self->machine.perform = perform;
  self->machine.free = release;
  self->options = *options;
  if (self->options.memory_bytes == 0) {
    self->options.memory_bytes = BINDING_MACHINE_MEMORY;
  }
  copied = copy_options (self, options);
  self->locale = newlocale (LC_ALL_MASK, "C", (locale_t)0);
  if (!copied || self->locale == (locale_t)0) {
    release (&self->machine);
    return RAFT_ENOMEM;
  }
  *machine = &self->machine;
  return RAFT_OK;
}

int binding_machine_again (const struct machine *machine, uint64_t unsteady,
                           struct machine **again) {
  const struct lua_machine *self = (const struct lua_machine *)machine;
  struct binding_machine_options options = self->options;
  options.unsteady = unsteady;
  return binding_machine_new (again, &options);
}

uint64_t binding_machine_spent (struct machine *machine) {
  struct lua_machine *self = (struct lua_machine *)machine;
  uint64_t spent = self->spent;
  self->spent = 0;
  return spent;
}

void binding_machine_memory (const struct machine *machine, uint64_t *bytes,
                             uint64_t *peak) {
  const struct lua_machine *self = (const struct lua_machine *)machine;
  *bytes = self->bytes;
  *peak = self->peak;
}
