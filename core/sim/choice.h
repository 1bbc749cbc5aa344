/* SPDX-License-Identifier: MIT
**
** choice.h - what a world chooses, each choice for itself.
**
** Holds:     the count of each matter so far, and the chosen outcomes: drawn
**            from the seed, or read from a schedule; exceptional ones are
**            recorded when asked for.
** Knows not: what a choice means; members, links, disks.
** Invariant: a choice is a function of (seed, kind, matter) alone, where a
**            matter is what it is about and the how manieth of its sort: the
**            17th append from 1 to 2. So a run in which one message less is
**            lost is otherwise the same run, until the members say otherwise.
** Rule:      0 is the calm outcome of every kind, the one that a schedule need
**            not name: not lost, the least delay, once, nothing kept. */

#ifndef RAFT_SIM_CHOICE_H
#define RAFT_SIM_CHOICE_H

#include "base/types.h"
#include "sim/map.h"

/*  X(symbol, word, field that holds the value; "" for yes, meaning) */
#define SIM_CHOICES(X)                                                     \
  X(DROP, "drop", "", "a message vanishes")                                \
  X(DELAY, "delay", "by", "longer than the least, in us")                  \
  X(LATE, "late", "by", "later ones may overtake it for so many us")       \
  X(TWICE, "twice", "by", "a copy comes so many us later")                 \
  X(FLIP, "flip", "value", "bits of a message, drawn from this number")    \
  X(FAIL, "failure", "", "a request fails")                                \
  X(KEEP, "keep", "", "an unsynced change survives")                       \
  X(SKEW, "skew", "by", "a wall clock is ahead, in us")                    \
  X(SESSIONLESS, "sessionless", "", "a client without a session")          \
  X(HOME, "home", "value", "the member that a client asks first")          \
  X(PINNED, "pinned", "", "a client knows no other member")                \
  X(INSPECT, "inspect", "", "durable bytes are read back")

enum sim_choice_kind {
  SIM_CHOICE_NONE = 0,
#define X(symbol, word, field, meaning) SIM_CHOICE_##symbol,
  SIM_CHOICES (X)
#undef X
  SIM_CHOICE_RECORDED,           /* those below stand in no schedule: */
  SIM_CHOICE_BITS = SIM_CHOICE_RECORDED, /* 64 bits for a process */
  SIM_CHOICE_FAULT,              /* which, whom, how long */
  SIM_CHOICE_WORKLOAD,           /* what, when */
  SIM_CHOICE_KINDS
};

/* What a matter is about. */
enum sim_about { SIM_ABOUT_PAIR, SIM_ABOUT_CLIENT, SIM_ABOUT_MEMBER };

/*  X(symbol, word, about). The first six are messages of the engine, by their
**  number there. */
#define SIM_MATTERS(X)                          \
  X(PRE_VOTE, "pre_vote", PAIR)                 \
  X(PRE_VOTE_RESULT, "pre_vote_result", PAIR)   \
  X(VOTE, "vote", PAIR)                         \
  X(VOTE_RESULT, "vote_result", PAIR)           \
  X(APPEND, "append", PAIR)                     \
  X(APPEND_RESULT, "append_result", PAIR)       \
  X(MESSAGE, "message", PAIR)     /* another */ \
  X(DIAL, "dial", PAIR)                         \
  X(GREETING, "greeting", PAIR)                 \
  X(DOWN, "down", PAIR)                         \
  X(REDIAL, "redial", PAIR)                     \
  X(CONNECT, "connect", CLIENT)                 \
  X(CONNECTED, "connected", CLIENT)             \
  X(REQUEST, "request", CLIENT)                 \
  X(REPLY, "reply", CLIENT)                     \
  X(HANG_UP, "hang_up", CLIENT)                 \
  X(DISCONNECTED, "disconnected", CLIENT)       \
  X(SYNC, "sync", MEMBER)                       \
  X(WRITE, "write", MEMBER)  /* or a read, … */ \
  X(CHANGE, "change", MEMBER)     /* unsynced */ \
  X(APPLY, "apply", MEMBER)                     \
  X(CLAIM, "claim", MEMBER) /* what it sends */ \
  X(PROCESS, "process", MEMBER)                 \
  X(CLIENT, "client", CLIENT)                   \
  X(RUN, "run", MEMBER) /* of member 0: the world itself */

enum sim_matter_kind {
  SIM_MATTER_NONE = 0,
#define X(symbol, word, about) SIM_MATTER_##symbol,
  SIM_MATTERS (X)
#undef X
  SIM_MATTER_KINDS
};

/* A matter: its kind, whom it is about, and its number, from 1. */
struct sim_matter {
  uint64_t code; /* kind << 48 | whom << 32 | number */
};

#define SIM_WHOM_MAX 2048

struct sim_choices {
  uint64_t salt;
  uint32_t *counts; /* by kind and whom */
};

RAFT_HIDDEN_BEGIN

/* False: out of memory. */
bool sim_choices_init (struct sim_choices *choices, uint64_t seed);
void sim_choices_free (struct sim_choices *choices);

/* Whom a matter is about: below SIM_WHOM_MAX. A client's member may be 0. */
uint32_t sim_whom_pair (raft_id from, raft_id to);
uint32_t sim_whom_client (uint32_t client, raft_id member);
uint32_t sim_whom_member (raft_id member);

/* The next matter of that kind about it. */
struct sim_matter sim_matter_next (struct sim_choices *choices,
                                   enum sim_matter_kind kind, uint32_t whom);
/* The matter that a code of before means. */
struct sim_matter sim_matter_of (enum sim_matter_kind kind, uint32_t whom,
                                 uint32_t number);

/* 64 bits by the seed. */
uint64_t sim_choices_bits (const struct sim_choices *choices,
                           enum sim_choice_kind kind,
                           struct sim_matter matter);

RAFT_HIDDEN_END

#endif
