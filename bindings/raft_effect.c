/* SPDX-License-Identifier: MIT
**
** raft_effect.c - effects and the state of an engine as Lua tables. */

#include "raft_effect.h"

#include "raft_words.h"

static void set_id_set (lua_State *L, const char *name,
                        const struct raft_id_set *set) {
  uint32_t i;
  lua_createtable (L, (int)set->count, 0);
  for (i = 0; i < set->count; i++) {
    field_push_bits (L, set->ids[i]);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, name);
}

void raft_configuration_push (lua_State *L,
                              const struct raft_configuration *value) {
  lua_createtable (L, 0, 4);
  set_id_set (L, "voters", &value->voters);
  set_id_set (L, "outgoing", &value->outgoing);
  set_id_set (L, "learners", &value->learners);
  field_set_number (L, "lease_us", value->lease_us);
  if (value->drift_ppm != 0) {
    field_set_number (L, "drift_ppm", value->drift_ppm);
  }
  if (value->priority_count > 0) {
    lua_createtable (L, (int)value->priority_count, 0);
    for (uint32_t i = 0; i < value->priority_count; i++) {
      lua_createtable (L, 0, 2);
      field_set_number (L, "id", value->priorities[i].id);
      field_set_number (L, "value", value->priorities[i].value);
      lua_rawseti (L, -2, (int)i + 1);
    }
    lua_setfield (L, -2, "priorities");
  }
}

static void set_entries (lua_State *L,
                         const struct raft_message_append *append) {
  uint32_t i;
  if (append->entries == NULL) {
    return;
  }
  lua_createtable (L, (int)append->entry_count, 0);
  for (i = 0; i < append->entry_count; i++) {
    const struct raft_entry *entry = &append->entries[i];
    lua_createtable (L, 0, 5);
    field_set_number (L, "term", entry->term);
    field_set_word (L, "kind", &raft_words_entry, entry->kind);
    field_set_number (L, "size", entry->size);
    field_set_bits (L, "checksum", entry->checksum);
    field_set_number (L, "time", entry->time);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "entries");
}

static void set_append (lua_State *L,
                        const struct raft_message_append *append) {
  uint32_t i;
  field_set_number (L, "previous_index", append->previous_index);
  field_set_number (L, "previous_term", append->previous_term);
  field_set_number (L, "commit", append->commit);
  field_set_number (L, "round", append->round);
  field_set_number (L, "lease_us", append->lease_us);
  field_set_number (L, "entry_count", append->entry_count);
  set_entries (L, append);
  if (append->configuration_count > 0 && append->configurations != NULL) {
    lua_createtable (L, (int)append->configuration_count, 0);
    for (i = 0; i < append->configuration_count; i++) {
      raft_configuration_push (L, &append->configurations[i]);
      lua_rawseti (L, -2, (int)i + 1);
    }
    lua_setfield (L, -2, "configurations");
  }
}

static void set_append_result (
  lua_State *L, const struct raft_message_append_result *result) {
  field_set_boolean (L, "rejected", result->rejected);
  field_set_boolean (L, "stalled", result->stalled);
  field_set_boolean (L, "disk_full", result->disk_full);
  field_set_number (L, "match_index", result->match_index);
  field_set_number (L, "rejected_index", result->rejected_index);
  field_set_number (L, "hint_index", result->hint_index);
  field_set_number (L, "hint_term", result->hint_term);
  field_set_number (L, "round", result->round);
}

static void push_message (lua_State *L, const struct raft_message *message) {
  lua_createtable (L, 0, 12);
  field_set_word (L, "kind", &raft_words_message, (int)message->kind);
  field_set_number (L, "from", message->from);
  field_set_number (L, "to", message->to);
  field_set_number (L, "term", message->term);
  switch (message->kind) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
      field_set_number (L, "last_index", message->as.vote.last_index);
      field_set_number (L, "last_term", message->as.vote.last_term);
      if (message->as.vote.transfer) {
        field_set_boolean (L, "transfer", true);
      }
      break;
    case RAFT_MESSAGE_PRE_VOTE_RESULT:
    case RAFT_MESSAGE_VOTE_RESULT:
      field_set_boolean (L, "granted", message->as.vote_result.granted);
      break;
    case RAFT_MESSAGE_APPEND:
      set_append (L, &message->as.append);
      break;
    case RAFT_MESSAGE_APPEND_RESULT:
      set_append_result (L, &message->as.append_result);
      break;
    case RAFT_MESSAGE_READ_RESULT:
      field_set_number (L, "index", message->as.read.index);
      field_set_number (L, "context", message->as.read.context);
      break;
    case RAFT_MESSAGE_READ:
      field_set_number (L, "context", message->as.read.context);
      break;
    case RAFT_MESSAGE_TIMEOUT_NOW: break;
  }
}

static void set_trace (lua_State *L, const struct raft_trace *trace) {
  int i;
  field_set_string (L, "name", raft_trace_name (trace->kind));
  field_set_number (L, "time", trace->time);
  field_set_number (L, "member", trace->member);
  field_set_number (L, "term", trace->term);
  lua_createtable (L, 6, 0);
  for (i = 0; i < 6; i++) {
    field_push_bits (L, trace->fields[i]);
    lua_rawseti (L, -2, i + 1);
  }
  lua_setfield (L, -2, "fields");
}

static void set_role (lua_State *L, const struct raft_effect *effect) {
  field_set_word (L, "role", &raft_words_role, (int)effect->as.role.role);
  field_set_word (L, "from", &raft_words_role, (int)effect->as.role.from);
  field_set_number (L, "term", effect->as.role.term);
  field_set_number (L, "leader", effect->as.role.leader);
  field_set_string (L, "reason", raft_reason_text (effect->as.role.reason));
}

static void set_log_effect (lua_State *L, const struct raft_effect *effect) {
  switch (effect->kind) {
    case RAFT_EFFECT_APPEND:
      field_set_number (L, "first", effect->as.append.first);
      field_set_number (L, "count", effect->as.append.count);
      field_set_number (L, "term", effect->as.append.term);
      field_set_number (L, "time", effect->as.append.time);
      field_set_bits (L, "random", effect->as.append.random);
      if (effect->as.append.kind != 0) {
        field_set_word (L, "entry", &raft_words_entry,
                        effect->as.append.kind);
      }
      break;
    case RAFT_EFFECT_PERSIST:
      field_set_number (L, "ticket", effect->as.persist.ticket);
      field_set_number (L, "term", effect->as.persist.term);
      field_set_number (L, "vote", effect->as.persist.vote);
      field_set_number (L, "first", effect->as.persist.first);
      field_set_number (L, "count", effect->as.persist.count);
      break;
    case RAFT_EFFECT_LOAD:
      field_set_number (L, "ticket", effect->as.load.ticket);
      field_set_number (L, "first", effect->as.load.first);
      field_set_number (L, "count", effect->as.load.count);
      field_set_number (L, "max_bytes", effect->as.load.max_bytes);
      break;
    case RAFT_EFFECT_APPLY:
      field_set_number (L, "ticket", effect->as.apply.ticket);
      field_set_number (L, "first", effect->as.apply.first);
      field_set_number (L, "count", effect->as.apply.count);
      break;
    default: break;
  }
}

static void push_effect (lua_State *L, const struct raft_effect *effect) {
  lua_createtable (L, 0, 8);
  field_set_word (L, "kind", &raft_words_effect, (int)effect->kind);
  switch (effect->kind) {
    case RAFT_EFFECT_APPEND:
    case RAFT_EFFECT_PERSIST:
    case RAFT_EFFECT_LOAD:
    case RAFT_EFFECT_APPLY: set_log_effect (L, effect); break;
    case RAFT_EFFECT_SEND:
      push_message (L, &effect->as.send.message);
      lua_setfield (L, -2, "message");
      field_set_number (L, "ticket", effect->as.send.ticket);
      break;
    case RAFT_EFFECT_READ:
      field_set_bits (L, "id", effect->as.read.id);
      field_set_number (L, "index", effect->as.read.index);
      field_set_boolean (L, "leased", effect->as.read.leased);
      field_set_string (L, "status", raft_error_name (effect->as.read.status));
      break;
    case RAFT_EFFECT_ROLE: set_role (L, effect); break;
    case RAFT_EFFECT_CONFIGURATION:
      field_set_number (L, "index", effect->as.configuration.index);
      raft_configuration_push (L, effect->as.configuration.value);
      lua_setfield (L, -2, "value");
      break;
    case RAFT_EFFECT_COMMIT:
      field_set_number (L, "index", effect->as.commit.index);
      break;
    case RAFT_EFFECT_TRACE: set_trace (L, &effect->as.trace); break;
    case RAFT_EFFECT_COMPACT:
      field_set_number (L, "index", effect->as.compact.index);
      break;
    case RAFT_EFFECT_SNAPSHOT:
      field_set_number (L, "to", effect->as.snapshot.to);
      field_set_number (L, "index", effect->as.snapshot.index);
      break;
    case RAFT_EFFECT_INSTALL:
      field_set_number (L, "index", effect->as.install.index);
      field_set_number (L, "term", effect->as.install.term);
      break;
    case RAFT_EFFECT_TRANSFER:
      field_set_number (L, "member", effect->as.transfer.member);
      field_set_string (L, "status",
                        raft_error_name (effect->as.transfer.status));
      break;
  }
}

void raft_effects_push (lua_State *L, const struct raft_effect *effects,
                        size_t count) {
  size_t i;
  luaL_checkstack (L, LUA_MINSTACK, "too many effects");
  lua_createtable (L, (int)count, 0);
  for (i = 0; i < count; i++) {
    push_effect (L, &effects[i]);
    lua_rawseti (L, -2, (int)i + 1);
  }
}

static void push_member (lua_State *L,
                         const struct raft_member_status *member) {
  lua_createtable (L, 0, 8);
  field_set_number (L, "id", member->id);
  field_set_number (L, "match", member->match);
  field_set_number (L, "next", member->next);
  field_set_number (L, "heard", member->heard);
  field_set_number (L, "inflight_bytes", member->inflight_bytes);
  field_set_number (L, "inflight_messages", member->inflight_messages);
  field_set_boolean (L, "probing", member->probing);
  field_set_boolean (L, "snapshotting", member->snapshotting);
  field_set_boolean (L, "stalled", member->stalled);
  field_set_boolean (L, "disk_full", member->disk_full);
}

void raft_status_push (lua_State *L, const struct raft_status *status) {
  uint32_t i;
  luaL_checkstack (L, LUA_MINSTACK, "too many values");
  lua_createtable (L, 0, 18);
  field_set_word (L, "role", &raft_words_role, (int)status->role);
  field_set_number (L, "leader", status->leader);
  field_set_number (L, "term", status->term);
  field_set_number (L, "vote", status->vote);
  field_set_number (L, "base", status->base);
  field_set_number (L, "snapshot", status->snapshot);
  field_set_number (L, "first_cached", status->first_cached);
  field_set_number (L, "last", status->last);
  field_set_number (L, "last_term", status->last_term);
  field_set_number (L, "stable", status->stable);
  field_set_number (L, "commit", status->commit);
  field_set_number (L, "applied", status->applied);
  field_set_number (L, "durable_term", status->durable_term);
  field_set_number (L, "durable_vote", status->durable_vote);
  field_set_boolean (L, "stalled", status->stalled);
  field_set_boolean (L, "has_lease", status->has_lease);
  raft_configuration_push (L, status->configuration);
  lua_setfield (L, -2, "configuration");
  field_set_number (L, "configuration_index", status->configuration_index);
  field_set_number (L, "transferee", status->transferee);
  lua_createtable (L, (int)status->member_count, 0);
  for (i = 0; i < status->member_count; i++) {
    push_member (L, &status->members[i]);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "members");
}
