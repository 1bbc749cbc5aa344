/* SPDX-License-Identifier: MIT
**
** memo.h - the configurations that a search has seen.
**
** Holds:     each configuration once, in blocks that never move, and a table
**            to find it by content.
** Invariant: a configuration once seen stays, with the way it was reached by:
**            so a search can go back, and tell how it came there, without a
**            copy of anything.
**
** A configuration is: the next return that waits for its operation; which of
** the operations under way have taken effect; the state of each component.
**
**   words:  event | places ...  | states, two in each ... | open places ...
**           `----------- compared as a whole ------------'  `-- as a set --'
**
** Operations that never return only offer something. So of two otherwise
** equal configurations, the one that has used fewer of them can do all that
** the other can: if it was seen, the other need not be looked at. */

#ifndef RAFT_CHECK_MEMO_H
#define RAFT_CHECK_MEMO_H

#include "check/check.h"

struct memo_entry {
  struct memo_entry *next;         /* of the same place in the table */
  const struct memo_entry *parent; /* NULL: the first */
  uint64_t hash;
  uint32_t operation; /* the one that led here from the parent */
  uint32_t padding;
  uint64_t words[];
};

struct memo {
  struct raft_memory *memory;
  struct memo_entry **places;
  size_t place_count;
  size_t count;
  struct memo_block *blocks; /* newest first */
  size_t used;               /* bytes of the newest */
  size_t key_words;          /* compared as a whole */
  size_t words;              /* all */
};

RAFT_HIDDEN_BEGIN

void memo_init (struct memo *memo, struct raft_memory *memory,
                size_t key_words, size_t words);
void memo_free (struct memo *memo);

/* Keeps a configuration unless it was seen, or one that can do as much.
** *entry is NULL then. Errors: RAFT_ENOMEM. */
int memo_add (struct memo *memo, const uint64_t *words,
              const struct memo_entry *parent, uint32_t operation,
              struct memo_entry **entry);

RAFT_HIDDEN_END

#endif
