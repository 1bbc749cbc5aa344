/* SPDX-License-Identifier: MIT
**
** raft_event.c - Lua tables as events, options and recovered states. */

#include "raft_event.h"

#include <string.h>

#include "raft_words.h"

/* The largest number of any kind: terms, indexes, times, ids. */
#define NUMBER_MAX RAFT_INDEX_MAX

/* An array on the Lua stack; one element even when it is empty, so that a
** borrowed pointer is never NULL. */
static void *new_array (lua_State *L, uint32_t count, size_t element_size) {
  size_t size = (count == 0 ? 1 : (size_t)count) * element_size;
  void *array = lua_newuserdata (L, size);
  memset (array, 0, size);
  return array;
}

/* Leaves its array on the stack. */
static const struct raft_entry *read_entries (const struct field_table *table,
                                              uint32_t *count) {
  lua_State *L = table->L;
  struct field_table list = field_list (table, "entries", count);
  struct raft_entry *entries = new_array (L, *count, sizeof *entries);
  uint32_t i;
  for (i = 0; i < *count; i++) {
    struct field_table entry
      = field_element (&list, i + 1, "term kind size checksum time ");
    entries[i].term = field_number (&entry, "term", 0, NUMBER_MAX);
    entries[i].kind = (uint8_t)field_word (&entry, "kind", &raft_words_entry,
                                           RAFT_ENTRY_COMMAND);
    entries[i].size
      = (uint32_t)field_number (&entry, "size", 80, UINT32_MAX);
    entries[i].checksum = field_bits (&entry, "checksum");
    entries[i].time = field_number (&entry, "time", 0, RAFT_TIME_MAX);
    lua_pop (L, 2);
  }
  return entries;
}

static void read_id_set (const struct field_table *table, const char *name,
                         struct raft_id_set *set) {
  uint32_t count;
  struct field_table list = field_list (table, name, &count);
  uint32_t i;
  if (count > RAFT_MEMBERS_MAX) {
    luaL_error (table->L, "%s: expected at most %d members, got %d",
                list.path, RAFT_MEMBERS_MAX, (int)count);
  }
  for (i = 0; i < count; i++) {
    set->ids[i] = field_item (&list, i + 1, NUMBER_MAX);
  }
  set->count = count;
  lua_pop (table->L, 2);
}

/* { { id = 2, value = 200 }, … } */
static void read_priorities (const struct field_table *table,
                             struct raft_configuration *value) {
  struct field_table list = field_list (table, "priorities",
                                        &value->priority_count);
  if (value->priority_count > RAFT_MEMBERS_MAX) {
    luaL_error (table->L, "%s.priorities: too many", table->path);
  }
  for (uint32_t i = 0; i < value->priority_count; i++) {
    struct field_table one = field_element (&list, i + 1, "id value ");
    value->priorities[i].id = field_required (&one, "id", NUMBER_MAX);
    value->priorities[i].value
      = (uint32_t)field_number (&one, "value", 0, RAFT_PRIORITY_MAX);
    lua_pop (table->L, 2);
  }
  lua_pop (table->L, 2);
}

static void read_configuration (const struct field_table *table,
                                struct raft_configuration *value) {
  memset (value, 0, sizeof *value);
  read_id_set (table, "voters", &value->voters);
  read_id_set (table, "outgoing", &value->outgoing);
  read_id_set (table, "learners", &value->learners);
  value->lease_us = field_number (table, "lease_us", 0, RAFT_TIME_MAX);
  value->drift_ppm = field_number (table, "drift_ppm", 0, RAFT_PPM / 2);
  read_priorities (table, value);
}

#define CONFIGURATION_KEYS \
  "voters outgoing learners lease_us drift_ppm priorities "

static const struct raft_configuration *read_configurations (
  const struct field_table *table, uint32_t *count) {
  lua_State *L = table->L;
  struct field_table list = field_list (table, "configurations", count);
  struct raft_configuration *values
    = new_array (L, *count, sizeof *values);
  uint32_t i;
  for (i = 0; i < *count; i++) {
    struct field_table value
      = field_element (&list, i + 1, CONFIGURATION_KEYS);
    read_configuration (&value, &values[i]);
    lua_pop (L, 2);
  }
  return values;
}

static void read_append (const struct field_table *table,
                         struct raft_message_append *append) {
  append->previous_index
    = field_number (table, "previous_index", 0, NUMBER_MAX);
  append->previous_term
    = field_number (table, "previous_term", 0, NUMBER_MAX);
  append->commit = field_number (table, "commit", 0, NUMBER_MAX);
  append->round = field_number (table, "round", 0, NUMBER_MAX);
  append->lease_us = field_number (table, "lease_us", 0, RAFT_TIME_MAX);
  append->entries = read_entries (table, &append->entry_count);
  if (field_number (table, "entry_count", append->entry_count, UINT32_MAX)
      != append->entry_count) {
    luaL_error (table->L, "%s.entries: expected entry_count entries, got %d",
                table->path, (int)append->entry_count);
  }
  append->configurations
    = read_configurations (table, &append->configuration_count);
}

static void read_append_result (const struct field_table *table,
                                struct raft_message_append_result *result) {
  result->rejected = field_boolean (table, "rejected");
  result->stalled = field_boolean (table, "stalled");
  result->disk_full = field_boolean (table, "disk_full");
  result->match_index = field_number (table, "match_index", 0, NUMBER_MAX);
  result->rejected_index
    = field_number (table, "rejected_index", 0, NUMBER_MAX);
  result->hint_index = field_number (table, "hint_index", 0, NUMBER_MAX);
  result->hint_term = field_number (table, "hint_term", 0, NUMBER_MAX);
  result->round = field_number (table, "round", 0, NUMBER_MAX);
}

/* The fields that a message of each kind has, besides the common ones. */
static const char *const message_keys[] = {
  [RAFT_MESSAGE_PRE_VOTE] = "kind from to term last_index last_term ",
  [RAFT_MESSAGE_PRE_VOTE_RESULT] = "kind from to term granted ",
  [RAFT_MESSAGE_VOTE] = "kind from to term last_index last_term transfer ",
  [RAFT_MESSAGE_VOTE_RESULT] = "kind from to term granted ",
  [RAFT_MESSAGE_APPEND]
  = "kind from to term previous_index previous_term commit round lease_us "
    "entry_count entries configurations ",
  [RAFT_MESSAGE_APPEND_RESULT]
  = "kind from to term rejected stalled match_index rejected_index "
    "hint_index hint_term round disk_full ",
  [RAFT_MESSAGE_TIMEOUT_NOW] = "kind from to term ",
  [RAFT_MESSAGE_READ] = "kind from to term context ",
  [RAFT_MESSAGE_READ_RESULT] = "kind from to term context index "
};

#define MESSAGE_KEYS                                                       \
  "kind from to term last_index last_term granted previous_index "         \
  "previous_term commit round lease_us entry_count entries configurations " \
  "rejected stalled match_index rejected_index hint_index hint_term "   \
  "transfer disk_full context index "

static void read_message (const struct field_table *table,
                          struct raft_message *message) {
  lua_State *L = table->L;
  struct field_table own = field_child (table, "message", MESSAGE_KEYS);
  if (own.index == 0) {
    luaL_error (L, "%s: expected a table, got nothing", own.path);
  }
  message->kind = (enum raft_message_kind)field_word (
    &own, "kind", &raft_words_message, -1);
  (void)field_open (L, own.index, own.path, message_keys[message->kind]);
  message->from = field_required (&own, "from", NUMBER_MAX);
  message->to = field_required (&own, "to", NUMBER_MAX);
  message->term = field_required (&own, "term", NUMBER_MAX);
  switch (message->kind) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
      message->as.vote.last_index
        = field_number (&own, "last_index", 0, NUMBER_MAX);
      message->as.vote.last_term
        = field_number (&own, "last_term", 0, NUMBER_MAX);
      message->as.vote.transfer = field_boolean (&own, "transfer");
      break;
    case RAFT_MESSAGE_PRE_VOTE_RESULT:
    case RAFT_MESSAGE_VOTE_RESULT:
      message->as.vote_result.granted = field_boolean (&own, "granted");
      break;
    case RAFT_MESSAGE_APPEND:
      read_append (&own, &message->as.append);
      break;
    case RAFT_MESSAGE_APPEND_RESULT:
      read_append_result (&own, &message->as.append_result);
      break;
    case RAFT_MESSAGE_READ:
    case RAFT_MESSAGE_READ_RESULT:
      message->as.read.context = field_required (&own, "context", NUMBER_MAX);
      message->as.read.index = field_number (&own, "index", 0, NUMBER_MAX);
      break;
    case RAFT_MESSAGE_TIMEOUT_NOW: break;
  }
}

static const uint64_t *read_ids (const struct field_table *table,
                                 uint32_t *count) {
  struct field_table list = field_list (table, "ids", count);
  uint64_t *ids = new_array (table->L, *count, sizeof *ids);
  uint32_t i;
  for (i = 0; i < *count; i++) {
    ids[i] = field_bits_item (&list, i + 1);
  }
  return ids;
}

static const char *const event_keys[] = {
  [RAFT_EVENT_TIME] = "kind now wall random ",
  [RAFT_EVENT_MESSAGE] = "kind now wall random message ",
  [RAFT_EVENT_PROPOSE] = "kind now wall random entries ",
  [RAFT_EVENT_PERSISTED] = "kind now wall random ticket is_vote ",
  [RAFT_EVENT_LOADED] = "kind now wall random ticket entries damaged ",
  [RAFT_EVENT_APPLIED] = "kind now wall random index ",
  [RAFT_EVENT_READ] = "kind now wall random ids read max_age_us ",
  [RAFT_EVENT_LINK_UP] = "kind now wall random member ",
  [RAFT_EVENT_LINK_DOWN] = "kind now wall random member gone ",
  [RAFT_EVENT_DISK_FULL] = "kind now wall random yes ",
  [RAFT_EVENT_STALLED] = "kind now wall random yes ",
  [RAFT_EVENT_STEP_DOWN] = "kind now wall random ",
  [RAFT_EVENT_CONFIGURE]
  = "kind now wall random configuration size checksum expected ",
  [RAFT_EVENT_TRANSFER] = "kind now wall random member ",
  [RAFT_EVENT_SNAPSHOT] = "kind now wall random index ",
  [RAFT_EVENT_INSTALL] = "kind now wall random from term snapshot ",
  [RAFT_EVENT_INSTALLED] = "kind now wall random failed ",
  [RAFT_EVENT_SENT] = "kind now wall random member failed "
};

#define EVENT_KEYS                                                     \
  "kind now wall random message entries ticket is_vote damaged index ids " \
  "member yes configuration size checksum expected from term snapshot "  \
  "failed gone read max_age_us "

/* Leaves the value on the stack, so that it lives as long as the event. */
static void read_configure (const struct field_table *table,
                            struct raft_event *event) {
  struct raft_configuration *value
    = new_array (table->L, 1, sizeof *value);
  struct field_table own
    = field_child (table, "configuration", CONFIGURATION_KEYS);
  if (own.index == 0) {
    luaL_error (table->L, "%s: expected a table, got nothing", own.path);
  }
  read_configuration (&own, value);
  event->as.configure.value = value;
  event->as.configure.entry.size
    = (uint32_t)field_number (table, "size", 80, UINT32_MAX);
  event->as.configure.entry.checksum = field_bits (table, "checksum");
  event->as.configure.expected
    = field_number (table, "expected", 0, NUMBER_MAX);
}

/* Leaves the value on the stack, so that it lives as long as the event. */
static void read_install (const struct field_table *table,
                          struct raft_event *event) {
  lua_State *L = table->L;
  struct raft_snapshot *value = new_array (L, 1, sizeof *value);
  struct field_table own = field_child (
    table, "snapshot", "index term time configuration configuration_index ");
  struct field_table inner;
  if (own.index == 0) {
    luaL_error (L, "%s: expected a table, got nothing", own.path);
  }
  value->index = field_required (&own, "index", NUMBER_MAX);
  value->term = field_required (&own, "term", NUMBER_MAX);
  value->time = field_number (&own, "time", 0, RAFT_TIME_MAX);
  value->configuration_index
    = field_required (&own, "configuration_index", NUMBER_MAX);
  inner = field_child (&own, "configuration", CONFIGURATION_KEYS);
  if (inner.index == 0) {
    luaL_error (L, "%s: expected a table, got nothing", inner.path);
  }
  read_configuration (&inner, &value->configuration);
  event->as.install.value = value;
  event->as.install.from = field_required (table, "from", NUMBER_MAX);
  event->as.install.term = field_required (table, "term", NUMBER_MAX);
}

static int read_status (const struct field_table *table) {
  return field_boolean (table, "failed") ? RAFT_EIO : RAFT_OK;
}

static void read_body (const struct field_table *table,
                       struct raft_event *event) {
  switch (event->kind) {
    case RAFT_EVENT_MESSAGE:
      read_message (table, &event->as.message);
      break;
    case RAFT_EVENT_PROPOSE:
      event->as.propose.entries
        = read_entries (table, &event->as.propose.count);
      break;
    case RAFT_EVENT_PERSISTED:
      event->as.persisted.ticket
        = field_required (table, "ticket", NUMBER_MAX);
      event->as.persisted.is_vote = field_boolean (table, "is_vote");
      break;
    case RAFT_EVENT_LOADED:
      event->as.loaded.ticket = field_required (table, "ticket", NUMBER_MAX);
      event->as.loaded.damaged = field_boolean (table, "damaged");
      event->as.loaded.entries
        = read_entries (table, &event->as.loaded.count);
      break;
    case RAFT_EVENT_APPLIED:
      event->as.applied.index = field_required (table, "index", NUMBER_MAX);
      break;
    case RAFT_EVENT_READ:
      event->as.read.ids = read_ids (table, &event->as.read.count);
      event->as.read.kind = (enum raft_read_kind)field_word (
        table, "read", &raft_words_read, RAFT_READ_LINEAR);
      event->as.read.max_age_us
        = field_number (table, "max_age_us", 0, RAFT_TIME_MAX);
      break;
    case RAFT_EVENT_LINK_UP:
    case RAFT_EVENT_LINK_DOWN:
      event->as.link.member = field_required (table, "member", NUMBER_MAX);
      event->as.link.is_gone = field_boolean (table, "gone");
      break;
    case RAFT_EVENT_DISK_FULL:
    case RAFT_EVENT_STALLED:
      event->as.flag.yes = field_boolean (table, "yes");
      break;
    case RAFT_EVENT_CONFIGURE: read_configure (table, event); break;
    case RAFT_EVENT_SNAPSHOT:
      event->as.snapshot.index = field_required (table, "index", NUMBER_MAX);
      break;
    case RAFT_EVENT_INSTALL: read_install (table, event); break;
    case RAFT_EVENT_INSTALLED:
      event->as.installed.status = read_status (table);
      break;
    case RAFT_EVENT_SENT:
      event->as.sent.member = field_required (table, "member", NUMBER_MAX);
      event->as.sent.status = read_status (table);
      break;
    case RAFT_EVENT_TRANSFER:
      event->as.transfer.member
        = field_number (table, "member", 0, NUMBER_MAX);
      break;
    case RAFT_EVENT_TIME:
    case RAFT_EVENT_STEP_DOWN: break;
  }
}

void raft_event_read (lua_State *L, int index, struct raft_event *event) {
  struct field_table table = field_open (L, index, "event", EVENT_KEYS);
  memset (event, 0, sizeof *event);
  event->kind = (enum raft_event_kind)field_word (&table, "kind",
                                                  &raft_words_event, -1);
  (void)field_open (L, index, "event", event_keys[event->kind]);
  event->now = field_required (&table, "now", RAFT_TIME_MAX);
  event->wall = field_number (&table, "wall", 0, RAFT_TIME_MAX);
  event->random = field_bits (&table, "random");
  read_body (&table, event);
}

static void read_limits (const struct field_table *table,
                         struct raft_limits *limits) {
  lua_State *L = table->L;
  struct field_table own = field_child (table, "limits",
#define X(name, value, unit, reason) #name " "
                                        RAFT_LIMITS (X)
#undef X
  );
  if (own.index != 0) {
#define X(name, value, unit, reason) \
  limits->name = field_number (&own, #name, limits->name, NUMBER_MAX);
    RAFT_LIMITS (X)
#undef X
  }
  lua_pop (L, 2);
}

static void read_bug (const struct field_table *table,
                      struct raft_options *options) {
  options->bug
    = (enum raft_bug)field_word (table, "bug", &raft_words_bug, 0);
#ifndef RAFT_WITH_BUGS
  if (options->bug != RAFT_BUG_NONE) {
    luaL_error (table->L, "%s.bug: expected \"none\", got \"%s\": this build "
                "has no bug switches", table->path,
                raft_words_bug.words[options->bug]);
  }
#endif
}

void raft_options_read (lua_State *L, int index, struct raft_options *options,
                        raft_time *now, uint64_t *random) {
  struct field_table table = field_open (
    L, index, "options",
    "id group heartbeat_us election_us election_spread_us check_quorum_us "
    "limits trace_levels bug now random ");
  raft_options_default (options);
  options->id = field_required (&table, "id", NUMBER_MAX);
  options->group = field_number (&table, "group", options->group, NUMBER_MAX);
  options->heartbeat_us = field_number (
    &table, "heartbeat_us", options->heartbeat_us, RAFT_TIME_MAX);
  options->election_us = field_number (&table, "election_us",
                                       options->election_us, RAFT_TIME_MAX);
  options->election_spread_us = field_number (
    &table, "election_spread_us", options->election_spread_us, RAFT_TIME_MAX);
  options->check_quorum_us = field_number (
    &table, "check_quorum_us", options->check_quorum_us, RAFT_TIME_MAX);
  options->trace_levels = (unsigned)field_number (
    &table, "trace_levels", options->trace_levels, RAFT_TRACE_ALL);
  read_limits (&table, &options->limits);
  read_bug (&table, options);
  *now = field_number (&table, "now", 0, RAFT_TIME_MAX);
  *random = field_bits (&table, "random");
}

static const struct raft_term_run *read_runs (const struct field_table *table,
                                              uint32_t *count) {
  lua_State *L = table->L;
  struct field_table list = field_list (table, "runs", count);
  struct raft_term_run *runs = new_array (L, *count, sizeof *runs);
  uint32_t i;
  for (i = 0; i < *count; i++) {
    struct field_table run = field_element (&list, i + 1, "first term ");
    runs[i].first = field_required (&run, "first", NUMBER_MAX);
    runs[i].term = field_required (&run, "term", NUMBER_MAX);
    if (runs[i].first == 0 || runs[i].term == 0
        || (i > 0 && (runs[i].first <= runs[i - 1].first
                      || runs[i].term <= runs[i - 1].term))) {
      luaL_error (L, "%s: expected runs with ascending first and term",
                  run.path);
    }
    lua_pop (L, 2);
  }
  return runs;
}

void raft_recovered_read (lua_State *L, int index,
                          struct raft_recovered *recovered) {
  struct field_table table = field_open (
    L, index, "recovered",
    "term vote runs last_index last_time configuration configuration_index "
    "previous previous_index base_index base_term ");
  struct field_table value;
  memset (recovered, 0, sizeof *recovered);
  recovered->term = field_number (&table, "term", 0, NUMBER_MAX);
  recovered->vote = field_number (&table, "vote", 0, NUMBER_MAX);
  recovered->runs = read_runs (&table, &recovered->run_count);
  recovered->last_index = field_number (&table, "last_index", 0, NUMBER_MAX);
  recovered->last_time = field_number (&table, "last_time", 0, RAFT_TIME_MAX);
  recovered->configuration_index
    = field_number (&table, "configuration_index", 0, NUMBER_MAX);
  recovered->base_index = field_number (&table, "base_index", 0, NUMBER_MAX);
  recovered->base_term = field_number (&table, "base_term", 0, NUMBER_MAX);
  if (recovered->run_count > 0
      && recovered->runs[0].first != recovered->base_index + 1) {
    luaL_error (L, "recovered.runs: expected the first at base_index + 1");
  }
  if ((recovered->run_count == 0)
        != (recovered->last_index == recovered->base_index)
      || (recovered->run_count > 0
          && recovered->runs[recovered->run_count - 1].first
               > recovered->last_index)) {
    luaL_error (L, "recovered.last_index: expected an index in the last of "
                "recovered.runs, got %d", (int)recovered->last_index);
  }
  value = field_child (&table, "configuration", CONFIGURATION_KEYS);
  if (value.index != 0) {
    read_configuration (&value, &recovered->configuration);
  }
  lua_pop (L, 2);
  recovered->previous_index
    = field_number (&table, "previous_index", 0, NUMBER_MAX);
  value = field_child (&table, "previous", CONFIGURATION_KEYS);
  if (value.index != 0) {
    read_configuration (&value, &recovered->previous);
  }
  lua_pop (L, 2);
}
