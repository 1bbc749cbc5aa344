/* SPDX-License-Identifier: MIT
**
** refusal.h - what a member answers to a greeting that it does not accept:
**
**   [2, "refused", [code, cluster, member, "expected …, got …"]]
**
** Holds: the refusal's code, and who refuses. The connection ends after it.
** Rule:  it is believed only on a connection that was dialled, and shown to
**        people as printable text. */

#ifndef RAFT_WIRE_REFUSAL_H
#define RAFT_WIRE_REFUSAL_H

#include "base/buffer.h"
#include "base/error.h"
#include "wire/rpc.h"

#define WIRE_REFUSAL_METHOD "refused"

struct wire_refusal {
  int code;                /* RAFT_E… */
  uint64_t cluster;        /* of who refuses */
  raft_id member;          /* who refuses */
  struct raft_detail why;
};

RAFT_HIDDEN_BEGIN

/* Appends the whole message. Errors: RAFT_ENOMEM. */
int wire_refusal_encode (struct raft_buffer *out,
                         const struct wire_refusal *refusal);

bool wire_rpc_is_refusal (const struct wire_rpc *rpc);

/* Reads its params. Errors: RAFT_EMALFORMED. */
int wire_refusal_decode (struct wire_view params,
                         struct wire_refusal *refusal);

RAFT_HIDDEN_END

#endif
