/* SPDX-License-Identifier: MIT
**
** version.h - what two builds of different age can say to each other.
**
** Holds:     the protocols that this build speaks, its features, and what two
**            members make of both their greetings.
** Rule:      a greeting announces the highest and the lowest protocol spoken;
**            two members speak the lower of both highest ones.
** Rule:      features are what a build can do, not what it asks for: one that
**            is not known here is ignored. What changes what entries mean, or
**            brings a new kind of entry, is done only once the cluster has
**            agreed on it (replica/agree.c). */

#ifndef RAFT_WIRE_VERSION_H
#define RAFT_WIRE_VERSION_H

#include "base/error.h"
#include "base/types.h"

#define WIRE_PROTOCOL 1
#define WIRE_PROTOCOL_OLDEST 1 /* that is still spoken */

/*  X(symbol, bit, meaning) */
#define WIRE_FEATURES_LIST(X)                                  \
  X(AGREE, 0, "entries of kind agreed are understood")         \
  X(READ, 1, "a follower's question for a read index is")

enum wire_feature {
#define X(symbol, bit, meaning) WIRE_FEATURE_##symbol = 1 << (bit),
  WIRE_FEATURES_LIST (X)
#undef X
  WIRE_FEATURES_NONE = 0
};

/* These are about two members only: nobody agrees on them. */
#define WIRE_FEATURES_OF_TWO (WIRE_FEATURE_AGREE | WIRE_FEATURE_READ)

struct wire_version {
  uint32_t protocol; /* the highest; 0: not known */
  uint32_t oldest;   /* the lowest */
  uint64_t features; /* a set of bits */
};

RAFT_HIDDEN_BEGIN

/* What this build speaks and can do. */
struct wire_version wire_version_own (void);

/* *both becomes what the two have in common.
** Errors, said in *detail: RAFT_EUNSUPPORTED: no protocol. */
int wire_version_meet (const struct wire_version *own,
                       const struct wire_version *theirs,
                       struct wire_version *both, struct raft_detail *detail);

/* Whether a build knows what entries of this kind mean, or may skip them. */
bool wire_version_knows (const struct wire_version *version, uint8_t kind);

/* Whether a build reads messages of this kind, an enum raft_message_kind. */
bool wire_version_reads (const struct wire_version *version, uint64_t kind);

RAFT_HIDDEN_END

#endif
