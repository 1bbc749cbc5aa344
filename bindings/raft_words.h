/* SPDX-License-Identifier: MIT
**
** raft_words.h - the words of raft.h as Lua says them.
**
** Holds:  one list per enum: "append_result" is RAFT_MESSAGE_APPEND_RESULT.
** Rule:   in the order of the enum; raft_words.c asserts the last of each. */

#ifndef RAFT_BINDINGS_RAFT_WORDS_H
#define RAFT_BINDINGS_RAFT_WORDS_H

#include "field.h"

RAFT_HIDDEN_BEGIN

extern const struct field_words raft_words_entry;
extern const struct field_words raft_words_message;
extern const struct field_words raft_words_event;
extern const struct field_words raft_words_effect;
extern const struct field_words raft_words_read;
extern const struct field_words raft_words_role;
extern const struct field_words raft_words_bug; /* "none" first */

RAFT_HIDDEN_END

#endif
