/* SPDX-License-Identifier: MIT
**
** greeting.h - the first message on a connection, from both ends:
**
**   [2, "hello", [{ role = "member" | "client", protocol = 1, … }]]
**
** A foreign client need not greet; it then gets two-element errors. */

#ifndef RAFT_WIRE_GREETING_H
#define RAFT_WIRE_GREETING_H

#include "base/buffer.h"
#include "base/error.h"
#include "wire/configuration.h"
#include "wire/rpc.h"
#include "wire/version.h"

#define WIRE_GREETING_METHOD "hello"
#define WIRE_GREETING_MAX 4096 /* bytes; a greeting has some 200 */

enum wire_role { WIRE_ROLE_MEMBER = 1, WIRE_ROLE_CLIENT = 2 };

struct wire_greeting {
  enum wire_role role;
  uint32_t protocol;       /* the highest that it speaks */
  uint32_t oldest;         /* the lowest; said when it is another */
  uint64_t features;       /* a set of enum wire_feature */
  uint64_t cluster;        /* 0: a client that does not know it */
  uint64_t group;
  raft_id member;          /* 0: a client */
  uint64_t incarnation;    /* 0: a client */
  uint64_t machine_hash;   /* 0: unknown */
  char vm[16];             /* "Lua 5.4"; empty: a client */
  bool bulk;               /* a connection of class NET_BULK */
  bool text_errors;        /* errors = "text": a client that can show none but
                              a string (rpc.h) */
  char address[WIRE_ADDRESS_MAX]; /* where a member listens; empty: unsaid */
};

RAFT_HIDDEN_BEGIN

/* Errors: RAFT_ENOMEM. */
int wire_greeting_encode (struct raft_buffer *out,
                          const struct wire_greeting *greeting);

/* Reads the params of a "hello" notification. Unknown keys are skipped. A
** member names itself, its cluster and its incarnation; a client none or
** only the cluster.
** Errors: RAFT_EMALFORMED (said in *detail), RAFT_ENOMEM. */
int wire_greeting_decode (struct wire_view params,
                          struct wire_greeting *greeting,
                          struct raft_detail *detail);

RAFT_HIDDEN_END

#endif
