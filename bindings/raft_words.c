/* SPDX-License-Identifier: MIT
**
** raft_words.c - the words of raft.h as Lua says them. */

#include "raft_words.h"

#include "raft/raft.h"

#define COUNT(list) ((int)(sizeof (list) / sizeof (list)[0]))

static const char *const entries[]
  = { "noop", "configuration", "command", "session_open", "session_close",
      "agreed" };

static const char *const messages[]
  = { "pre_vote", "pre_vote_result", "vote",
      "vote_result", "append", "append_result", "timeout_now",
      "read", "read_result" };

static const char *const reads[] = { "linear", "lease", "follower", "stale" };

static const char *const events[]
  = { "time", "message", "propose", "persisted", "loaded", "applied",
      "read", "link_up", "link_down", "disk_full", "stalled", "step_down",
      "configure", "transfer", "snapshot", "install", "installed", "sent" };

static const char *const effects[]
  = { "append", "persist", "load", "send", "apply",
      "read", "role", "configuration", "commit", "trace",
      "transfer", "compact", "snapshot", "install" };

static const char *const roles[]
  = { "follower", "pre_candidate", "candidate", "leader" };

static const char *const bugs[] = {
  "none",
#define X(symbol, name, seen, text) name,
  RAFT_BUGS (X)
#undef X
};

_Static_assert (COUNT (entries) == RAFT_ENTRY_AGREED, "entries");
_Static_assert (COUNT (messages) == RAFT_MESSAGE_READ_RESULT, "messages");
_Static_assert (COUNT (reads) == RAFT_READ_STALE, "reads");
_Static_assert (COUNT (events) == RAFT_EVENT_SENT, "events");
_Static_assert (COUNT (effects) == RAFT_EFFECT_INSTALL, "effects");
_Static_assert (COUNT (roles) == RAFT_LEADER, "roles");

const struct field_words raft_words_entry = { entries, COUNT (entries), 1 };
const struct field_words raft_words_message
  = { messages, COUNT (messages), 1 };
const struct field_words raft_words_event = { events, COUNT (events), 1 };
const struct field_words raft_words_effect = { effects, COUNT (effects), 1 };
const struct field_words raft_words_read = { reads, COUNT (reads), 1 };
const struct field_words raft_words_role = { roles, COUNT (roles), 1 };
const struct field_words raft_words_bug = { bugs, COUNT (bugs), 0 };
