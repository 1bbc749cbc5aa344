/* SPDX-License-Identifier: MIT
**
** machine_state.h - what the files of the Lua machine share.
**
** Holds:  the struct behind a Lua machine, the slots of its stack, and the
**         functions that the sandbox gets from C (machine_host.c). */

#ifndef RAFT_BINDINGS_MACHINE_STATE_H
#define RAFT_BINDINGS_MACHINE_STATE_H

#include <locale.h>

#include "machine.h"

/* What lies on the stack of an opened machine, always, and at the same places
** on the stack of each protected function. */
enum machine_slot {
  MACHINE_SLOT_HANDLER = 1, /* the message handler of protected calls */
  MACHINE_SLOT_RUN,         /* the one function that is called protected */
  MACHINE_SLOT_RANDOM,      /* entry.random */
  MACHINE_SLOT_INSTANCE,    /* what new() returned */
  MACHINE_SLOT_TEXT,        /* tostring, as the machine has it */
  MACHINE_SLOT_BEGIN,       /* called before each command, or nil */
  MACHINE_SLOT_LATE,        /* called after each command, or nil */
  MACHINE_SLOT_NEW,         /* makes a new instance */
  MACHINE_SLOT_IMAGE,       /* what snapshot() returned last: a function that
                               gives piece after piece; or nil */
  MACHINE_SLOT_ERROR,       /* what was raised last */
  MACHINE_SLOT_COUNT = MACHINE_SLOT_ERROR
};

struct machine_job;

/* The first byte of a snapshot: how the rest is meant. */
enum machine_image {
  MACHINE_IMAGE_VALUE = 'v', /* one canonical value, which restore() gets */
  MACHINE_IMAGE_PIECES = 'p' /* the strings of a function, one after another;
                                restore() gets a function that gives them */
};

struct lua_machine {
  struct machine machine; /* first */
  struct binding_machine_options options; /* strings are copies, owned */
  lua_State *L;           /* NULL before OPEN and after CLOSE */
  locale_t locale;        /* "C": no host's setlocale changes a result */
  uint64_t limit;         /* of 'bytes' */
  uint64_t bytes;         /* the state holds */
  uint64_t peak;
  int halted;             /* 0, or why it cannot go on */
  char why[256];
  struct machine_job *job; /* of the protected call under way */
  bool handled;           /* the handler saw the error under way */
  uint64_t instructions;  /* run in this request, about */
  uint64_t spent;         /* the most of one, until somebody asks */
  struct raft_buffer image; /* plain: pulled from, or pushed to */
  size_t image_at;        /* pulled so far */
  bool in_apply;          /* random numbers may be drawn */
  uint64_t random;        /* of the entry */
  uint64_t drawn;         /* numbers of it so far */
};

/* The position after a snapshot of a machine that takes none. */
#define MACHINE_NO_METHOD SIZE_MAX

/* One protected call. */
struct machine_job {
  struct lua_machine *self;
  struct machine_request *request;
  void (*body) (lua_State *L, struct machine_job *job);
  size_t position;  /* APPLY, QUERY: which entry */
  size_t offset;    /* of what was encoded into request->bytes */
};

RAFT_HIDDEN_BEGIN

/* Pushes the table 'host' of sandbox.lua: { random, handler, caught, died,
** exhausted, xpcall, null, map }. */
void machine_host_push (lua_State *L, struct lua_machine *self);

/* Notes that the machine cannot go on; the first reason stays. */
void machine_halt (struct lua_machine *self, int status, const char *why);

/* Notes that memory has run out. */
void machine_halt_memory (struct lua_machine *self);

/* Notes why, for an error at 'index' that no handler saw: memory has run out,
** or the handler itself had no stack left. Allocates nothing. */
void machine_halt_unhandled (lua_State *L, struct lua_machine *self,
                             int index);

/* What protected calls do (machine_body.c); run by machine.c only. */
void machine_body_open (lua_State *L, struct machine_job *job);
void machine_body_apply (lua_State *L, struct machine_job *job);
void machine_body_query (lua_State *L, struct machine_job *job);
void machine_body_digest (lua_State *L, struct machine_job *job);
void machine_body_close (lua_State *L, struct machine_job *job);
/* The state as a value in 'image', or as a function in slot IMAGE. */
void machine_body_snapshot (lua_State *L, struct machine_job *job);
/* The next piece of that function, appended to the answer; none at its end. */
void machine_body_pull (lua_State *L, struct machine_job *job);
/* A new instance, in its slot of the table. */
void machine_body_new (lua_State *L, struct machine_job *job);
/* What is in 'image' becomes the state. */
void machine_body_restore (lua_State *L, struct machine_job *job);
/* Looks for metatables that became what the sandbox refuses; raises why. */
void machine_body_late (lua_State *L, struct machine_job *job);
/* The error in its slot, as a canonical string. */
void machine_body_message (lua_State *L, struct machine_job *job);

/* Requests of snapshots (machine_snapshot.c). */
void machine_perform_snapshot (struct lua_machine *self,
                               struct machine_request *request);

/* 0; RAFT_EAPPLY_FAILED: the machine raised, slot ERROR has it; else: why the
** machine has halted (machine.c). */
int machine_protected_call (struct machine_job *job,
                            void (*body) (lua_State *,
                                          struct machine_job *));
/* The error in its slot as one line of the request; allocates nothing. */
void machine_say_error (struct lua_machine *self,
                        struct machine_request *request);
void machine_say_halted (struct lua_machine *self,
                         struct machine_request *request);
/* slots[slot] = the value on top of the stack; pops it. */
void machine_set_slot (lua_State *L, int slot);
/* Pushes the table of slots. Allocates nothing. */
void machine_push_slots (lua_State *L);

RAFT_HIDDEN_END

#endif
