/* SPDX-License-Identifier: MIT
**
** check.h - is a concurrent history linearizable?
**
** Holds:     one search over one history: some order of the operations, each
**            between its call and its return, must explain what they saw.
** Knows not: what the words of a model are (lua/raft/check_models.lua turns
**            them into the actions below), files, Lua, time.
** Invariant: a verdict is either proven or CHECK_UNKNOWN; running out of
**            memory or of a limit never becomes one of the other two.
** Source:    Wing & Gong 1993; Lowe 2017, "Testing for linearizability". */

#ifndef RAFT_CHECK_CHECK_H
#define RAFT_CHECK_CHECK_H

#include "base/memory.h"
#include "base/types.h"

#define CHECK_NONE UINT32_MAX /* no operation, no state, no return */

/* What an operation does to the state of its component. A state is a string
** of bytes; 'first' and 'second' are such strings too. The first three change
** nothing, whatever the state: the search depends on it. */
enum check_action {
  CHECK_READ,     /* it is 'first' */
  CHECK_DIFFERS,  /* it is not 'first' */
  CHECK_LOOK,     /* the caller's model says whether it may be; it stays */
  CHECK_WRITE,    /* it becomes 'first' */
  CHECK_SWAP,     /* it is 'first' and becomes 'second' */
  CHECK_APPEND,   /* 'first' is put behind it */
  CHECK_ADD,      /* 8 bytes, a little-endian sum: 'first' is added */
  CHECK_INSERT,   /* sorted elements of 4 bytes: 'first' is one from now on */
  CHECK_TAKE,     /* it begins with 'first', which is cut off */
  CHECK_TAKE_ANY, /* 4 bytes are cut off its front, if there are some */
  CHECK_STEP,     /* the caller's model says what it becomes */
  CHECK_ACTIONS   /* their number */
};

enum check_verdict {
  CHECK_RUNNING, /* the budget is spent: run again */
  CHECK_ASKING,  /* check_question() must be answered first */
  CHECK_LINEARIZABLE,
  CHECK_NOT,
  CHECK_UNKNOWN /* a limit was reached, or no memory was left */
};

struct check_operation {
  enum check_action action;
  uint32_t component; /* 0 …: operations on different ones never meet */
  uint32_t first;     /* of check_bytes(); for CHECK_LOOK and CHECK_STEP any */
  uint32_t second;    /* number: equal ones ask equal questions */
};

struct check_limits {
  uint64_t states; /* configurations visited */
  uint64_t bytes;  /* of memory, all included */
};

struct check_counts {
  uint64_t states;     /* configurations visited */
  uint64_t peak_bytes; /* the most memory that was held */
  bool no_memory;      /* CHECK_UNKNOWN for that reason, not for the states */
};

struct check;

RAFT_HIDDEN_BEGIN

/* A search without operations yet. It owns what it allocates from 'arena',
** which is its alone, until check_free. Errors: RAFT_ENOMEM. */
int check_new (struct raft_arena *arena, const struct check_limits *limits,
               struct check **out);
void check_free (struct check *check); /* NULL is ignored */

/* The number of a string of bytes; equal strings have equal numbers.
** Errors: RAFT_ENOMEM. */
int check_bytes (struct check *check, const void *data, size_t size,
                 uint32_t *number);

/* The next operation; they are numbered from 0. Errors: RAFT_ENOMEM. */
int check_add (struct check *check, const struct check_operation *operation);
/* The next event of the history. Each operation is called once and returns
** at most once, later; one that never does may take effect at any time from
** its call on, or never. Errors: RAFT_ENOMEM; RAFT_EINVALID (not so). */
int check_call (struct check *check, uint32_t operation);
int check_return (struct check *check, uint32_t operation);
/* After the last: every component begins as 'initial' (a number of
** check_bytes, or the caller's own). Errors: RAFT_ENOMEM. */
int check_begin (struct check *check, uint32_t initial);

/* Before check_begin: the search goes on also where it can foresee that a
** later read will not see what it saw. Slower; check_furthest is then exact,
** which otherwise may stop earlier. */
void check_be_exact (struct check *check);

/* Searches on, for at most 'budget' configurations. */
enum check_verdict check_run (struct check *check, uint64_t budget);

/* While CHECK_ASKING: what does 'operation' make of 'state'? The answer is a
** state, or CHECK_NONE: it cannot be. It is asked once. Errors: RAFT_ENOMEM. */
void check_question (const struct check *check, uint32_t *state,
                     uint32_t *operation);
int check_answer (struct check *check, uint32_t next);

void check_get_counts (const struct check *check,
                       struct check_counts *counts);

/* The furthest that the search came: of CHECK_LINEARIZABLE a whole order,
** else the order before the return that nothing passes (of CHECK_NOT, after
** check_be_exact: the end of the shortest prefix that has no explanation).
**   order    room for every operation; *count of them are written
**   states   the state of the operation's component after each
**   blocked  the operation that returns there; CHECK_NONE: none
** Ends the search. Errors: RAFT_ENOMEM. */
int check_furthest (struct check *check, uint32_t *order, uint32_t *states,
                    uint32_t *count, uint32_t *blocked);
/* The bytes of a state, borrowed until check_free. */
const uint8_t *check_state (const struct check *check, uint32_t state,
                            size_t *size);

RAFT_HIDDEN_END

#endif
