/* SPDX-License-Identifier: MIT
**
** version.c - what two builds have in common. */

#include "wire/version.h"

#include "raft/message.h"

struct wire_version wire_version_own (void) {
  struct wire_version own = { WIRE_PROTOCOL, WIRE_PROTOCOL_OLDEST, 0 };
#define X(symbol, bit, meaning) own.features |= WIRE_FEATURE_##symbol;
  WIRE_FEATURES_LIST (X)
#undef X
  return own;
}

static uint32_t lesser (uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static uint32_t greater (uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

/*   own     1  2  3
**   theirs     2  3  4  5     both: 2 to 3, and 3 is spoken  */
int wire_version_meet (const struct wire_version *own,
                       const struct wire_version *theirs,
                       struct wire_version *both,
                       struct raft_detail *detail) {
  struct wire_version met
    = { lesser (own->protocol, theirs->protocol),
        greater (own->oldest, theirs->oldest),
        own->features & theirs->features };
  if (met.oldest > met.protocol) {
    return raft_fail (detail, RAFT_EUNSUPPORTED, "expected a protocol from %u "
                      "to %u, got %u to %u", (unsigned)own->oldest,
                      (unsigned)own->protocol, (unsigned)theirs->oldest,
                      (unsigned)theirs->protocol);
  }
  *both = met;
  return RAFT_OK;
}

bool wire_version_knows (const struct wire_version *version, uint8_t kind) {
  if (kind == RAFT_ENTRY_AGREED) {
    return (version->features & WIRE_FEATURE_AGREE) != 0;
  }
  return (kind >= RAFT_ENTRY_NOOP && kind <= RAFT_ENTRY_SESSION_CLOSE)
         || kind >= RAFT_ENTRY_MUST_UNDERSTAND;
}

bool wire_version_reads (const struct wire_version *version, uint64_t kind) {
  if (kind == RAFT_MESSAGE_READ || kind == RAFT_MESSAGE_READ_RESULT) {
    return (version->features & WIRE_FEATURE_READ) != 0;
  }
  return true;
}
