/* SPDX-License-Identifier: MIT
**
** sim_schedule.c - actions and choices as Lua sees them: verbs of a world,
** and rows of a schedule.
**
** Rule: a verb's arguments are what stands in its row, in the same order; so
**       there is one reader. The rows are shown in lua/raft/schedule.lua. */

#include <string.h>

#include "base/error.h"
#include "field.h"
#include "sim.h"
#include "sim/action.h"
#include "sim/client.h"
#include "sim/member.h"

/* What an action has to say. Letters, in order of the arguments:
**   m member or client   a b sets of members     h a word of 'words'
**   v value  w more      j value, below 0 is back  t a name
**   u value, one more than said; 0 when nothing is
**   i a command; its bytes are in field "bytes"
** and in fields: F file (value), P place (more), D deadline (more), A max_age
** (value).
** Below 'least' nothing may be left out; what is, is the first word, the
** first request, or nothing. */
struct shape {
  const char *word;
  const char *letters;
  const char *const *words;
  int least;
};

static const char *const KEEPS[]
  = { "some", "nothing", "everything", "contents", NULL };
static const char *const ROTS[] = { "flip", "short", "gone", NULL };
static const char *const PARTS[] = { "disk", "machine", NULL };
static const char *const LIES[] = { "off", "on", NULL };

static const struct shape SHAPES[SIM_ACTION_KINDS] = {
  [SIM_ACTION_START] = { "start", "m", NULL, 1 },
  [SIM_ACTION_CRASH] = { "crash", "mh", KEEPS, 1 },
  [SIM_ACTION_KILL] = { "kill", "m", NULL, 1 },
  [SIM_ACTION_PAUSE] = { "pause", "m", NULL, 1 },
  [SIM_ACTION_RESUME] = { "resume", "m", NULL, 1 },
  [SIM_ACTION_WIPE] = { "wipe", "m", NULL, 1 },
  [SIM_ACTION_ROT] = { "rot", "mhFP", ROTS, 2 },
  [SIM_ACTION_CUT] = { "cut", "ab", NULL, 2 },
  [SIM_ACTION_MEND] = { "mend", "ab", NULL, 2 },
  [SIM_ACTION_PARTITION] = { "partition", "ab", NULL, 2 },
  [SIM_ACTION_JOIN] = { "join", "ab", NULL, 2 },
  [SIM_ACTION_HEAL] = { "heal", "", NULL, 0 },
  [SIM_ACTION_RESET] = { "reset", "ab", NULL, 2 },
  [SIM_ACTION_FAIL] = { "fail", "mhv", PARTS, 2 },
  [SIM_ACTION_FAIL_MEMORY] = { "fail_memory", "mvw", NULL, 2 },
  [SIM_ACTION_SLOW] = { "slow", "mv", NULL, 1 },
  [SIM_ACTION_FILL] = { "fill", "mu", NULL, 1 },
  [SIM_ACTION_JUMP] = { "jump", "mj", NULL, 2 },
  [SIM_ACTION_MEMBERS] = { "set_members", "mab", NULL, 2 },
  [SIM_ACTION_TRANSFER] = { "transfer", "mv", NULL, 1 },
  [SIM_ACTION_SNAPSHOT] = { "snapshot", "m", NULL, 1 },
  [SIM_ACTION_DRIFT] = { "drift", "mj", NULL, 2 },
  [SIM_ACTION_SLOW_LINK] = { "slow_link", "abv", NULL, 2 },
  [SIM_ACTION_LIE] = { "lie", "mh", LIES, 1 },
  [SIM_ACTION_INVOKE] = { "invoke", "mhiDA", sim_operation_words, 2 },
  [SIM_ACTION_SET] = { "set", "tv", NULL, 2 },
  [SIM_ACTION_SETTLE] = { "settle", "", NULL, 0 },
};

/* ---- reading actions ---------------------------------------------------- */

static uint64_t read_whole (lua_State *L, int index, const char *what,
                            uint64_t most) {
  lua_Number number = lua_tonumber (L, index);
  if (lua_type (L, index) != LUA_TNUMBER || number < 0
      || number > (lua_Number)most
      || number != (lua_Number)(uint64_t)number) {
    luaL_error (L, "%s: expected a whole number up to %f, got %s", what,
                (lua_Number)most,
                lua_type (L, index) == LUA_TNUMBER ? lua_tostring (L, index)
                                                   : luaL_typename (L, index));
  }
  return (uint64_t)number;
}

/* A member, or a list of them. */
static uint32_t read_set (lua_State *L, int index, const char *what) {
  uint32_t set = 0;
  if (lua_type (L, index) != LUA_TTABLE) {
    return 1u << read_whole (L, index, what, SIM_MEMBERS_MAX);
  }
  for (int i = 1; i <= (int)lua_rawlen (L, index); i++) {
    lua_rawgeti (L, index, i);
    set |= 1u << read_whole (L, lua_gettop (L), what, SIM_MEMBERS_MAX);
    lua_pop (L, 1);
  }
  return set;
}

static unsigned read_word (lua_State *L, int index,
                           const struct shape *shape) {
  const char *word
    = lua_type (L, index) == LUA_TSTRING ? lua_tostring (L, index) : "";
  if (lua_isnoneornil (L, index)) {
    word = shape->words[0];
  }
  for (unsigned i = 0; shape->words[i] != NULL; i++) {
    if (strcmp (shape->words[i], word) == 0) {
      return i;
    }
  }
  luaL_error (L, "%s: expected \"%s\", \"%s\" …, got \"%s\"", shape->word,
              shape->words[0], shape->words[1], word);
  return 0;
}

static void read_signed (lua_State *L, int index,
                         struct sim_action *action) {
  lua_Number number = luaL_checknumber (L, index);
  action->how = number < 0;
  lua_pushnumber (L, number < 0 ? -number : number);
  action->value = read_whole (L, lua_gettop (L), "jump", RAFT_TIME_MAX / 4);
  lua_pop (L, 1);
}

/* A field of the row at 'row', or 0. */
static uint64_t read_field (lua_State *L, int row, const char *name) {
  uint64_t value = 0;
  if (row == 0) {
    return 0;
  }
  lua_getfield (L, row, name);
  if (!lua_isnil (L, -1)) {
    value = read_whole (L, lua_gettop (L), name, RAFT_TIME_MAX);
  }
  lua_pop (L, 1);
  return value;
}

/* The bytes stay where they are, in the row. */
static void read_bytes (lua_State *L, int row, struct sim_action *action) {
  lua_getfield (L, row, "bytes");
  action->bytes
    = (uint8_t *)(uintptr_t)luaL_checklstring (L, -1, &action->size);
  lua_pop (L, 1);
}

static void read_letter (lua_State *L, char letter, int index, int row,
                         const struct shape *shape,
                         struct sim_action *action) {
  bool is_absent = lua_isnoneornil (L, index);
  switch (letter) {
    case 'm':
      action->whom
        = (uint32_t)read_whole (L, index, shape->word, SIM_CLIENTS_MAX);
      break;
    case 'a':
      action->from = read_set (L, index, shape->word);
      break;
    case 'b':
      action->to = lua_isnoneornil (L, index)
                     ? 0
                     : read_set (L, index, shape->word);
      break;
    case 'h':
      action->how = read_word (L, index, shape);
      break;
    case 'u':
      action->value = is_absent ? 0 : 1 + read_whole (L, index, shape->word,
                                                      RAFT_TIME_MAX);
      break;
    case 'v':
      action->value
        = is_absent ? (action->kind == SIM_ACTION_FAIL
                       || action->kind == SIM_ACTION_FAIL_MEMORY)
                    : read_whole (L, index, shape->word, RAFT_TIME_MAX);
      break;
    case 'w':
      action->more = is_absent ? 1 : read_whole (L, index, shape->word,
                                                 RAFT_TIME_MAX);
      break;
    case 'j':
      read_signed (L, index, action);
      break;
    case 't':
      action->bytes = (uint8_t *)(uintptr_t)luaL_checklstring (
        L, index, &action->size);
      break;
    case 'i':
      read_bytes (L, row, action);
      break;
    case 'F':
      action->value = read_field (L, row, "file");
      break;
    case 'P':
      action->more = read_field (L, row, "place");
      break;
    case 'A':
      action->value = read_field (L, row, "max_age");
      break;
    default:
      action->more = read_field (L, row, "deadline");
      break;
  }
}

/* Arguments from 'index' on; a row with fields at 'row', or 0. */
static void read_action (lua_State *L, enum sim_action_kind kind, int index,
                         int row, struct sim_action *action) {
  const struct shape *shape = &SHAPES[kind];
  memset (action, 0, sizeof *action);
  action->kind = kind;
  for (int i = 0; shape->letters[i] != 0; i++) {
    if (i < shape->least && lua_isnoneornil (L, index + i)) {
      luaL_error (L, "%s: expected %d arguments, got %d", shape->word,
                  shape->least, i);
    }
    read_letter (L, shape->letters[i], index + i, row, shape, action);
  }
}

struct act_call {
  struct sim_action action;
  bool is_drawn; /* how its log is damaged */
};

static void call_act (struct sim_world *world, void *argument) {
  struct act_call *call = argument;
  if (call->is_drawn) {
    sim_act_rot (world, call->action.whom);
  } else {
    sim_act (world, &call->action);
  }
}

static void check_action (lua_State *L, const struct sim_world *world,
                          const struct sim_action *action) {
  const struct shape *shape = &SHAPES[action->kind];
  struct sim_options options = world->options;
  if (shape->letters[0] == 'm'
      && (action->whom < 1 || action->whom > world->member_count)) {
    luaL_error (L, "%s: expected a member 1 to %d, got %d", shape->word,
                (int)world->member_count, (int)action->whom);
  } else if ((action->from | action->to) >> (world->member_count + 1) != 0) {
    luaL_error (L, "%s: expected members 0 to %d", shape->word,
                (int)world->member_count);
  } else if ((action->kind == SIM_ACTION_WIPE
              || action->kind == SIM_ACTION_ROT)
             && world->members[action->whom]->replica != NULL) {
    luaL_error (L, "%s: expected a member that is down", shape->word);
  } else if (action->kind == SIM_ACTION_SET
             && sim_options_set (&options, (const char *)action->bytes, 0)
                  != RAFT_OK) {
    luaL_error (L, "unknown option \"%s\"", (const char *)action->bytes);
  }
}

/* A verb of the world: upvalue 1 is its kind. */
static int world_act (lua_State *L) {
  struct sim_world *world = binding_sim_world (L);
  enum sim_action_kind kind
    = (enum sim_action_kind)lua_tointeger (L, lua_upvalueindex (1));
  struct act_call call;
  call.is_drawn = kind == SIM_ACTION_ROT && lua_isnoneornil (L, 3);
  lua_settop (L, 5);
  if (call.is_drawn) {
    lua_pushstring (L, ROTS[0]);
    lua_replace (L, 3);
  }
  read_action (L, kind, 2, 0, &call.action);
  check_action (L, world, &call.action);
  sim_guarded (world, call_act, &call);
  if (kind != SIM_ACTION_ROT) {
    return 0;
  }
  lua_pushboolean (L, world->members[call.action.whom]->is_damaged);
  return 1;
}

void binding_sim_open_verbs (lua_State *L) {
  for (int kind = 1; kind < SIM_ACTION_KINDS; kind++) {
    if (kind == SIM_ACTION_INVOKE || kind == SIM_ACTION_SETTLE) {
      continue; /* these give an answer: sim.c */
    }
    lua_pushinteger (L, kind);
    lua_pushcclosure (L, world_act, 1);
    lua_setfield (L, -2, SHAPES[kind].word);
  }
}

/* ---- reading rows -------------------------------------------------------- */

static const char *const CHOICES[] = {
  "",
#define X(symbol, word, field, meaning) word,
  SIM_CHOICES (X)
#undef X
};

static const char *const CHOICE_FIELDS[] = {
  "",
#define X(symbol, word, field, meaning) field,
  SIM_CHOICES (X)
#undef X
};

static const char *const MATTERS[] = {
  "",
#define X(symbol, word, about) word,
  SIM_MATTERS (X)
#undef X
};

static const enum sim_about ABOUTS[] = {
  SIM_ABOUT_PAIR,
#define X(symbol, word, about) SIM_ABOUT_##about,
  SIM_MATTERS (X)
#undef X
};

static unsigned find_word (const char *const *words, unsigned count,
                           const char *word) {
  for (unsigned i = 1; i < count; i++) {
    if (strcmp (words[i], word) == 0) {
      return i;
    }
  }
  return 0;
}

static unsigned find_action (const char *word) {
  for (unsigned i = 1; i < SIM_ACTION_KINDS; i++) {
    if (strcmp (SHAPES[i].word, word) == 0) {
      return i;
    }
  }
  return 0;
}

static uint32_t read_whom (lua_State *L, int row, unsigned matter) {
  uint64_t from = read_field (L, row, "from") & 15;
  uint64_t to = read_field (L, row, "to") & 15;
  uint64_t member = read_field (L, row, "member") & 15;
  uint64_t client = read_field (L, row, "client");
  switch (ABOUTS[matter]) {
    case SIM_ABOUT_PAIR:
      return sim_whom_pair (from, to);
    case SIM_ABOUT_CLIENT:
      if (client > SIM_CLIENTS_MAX) {
        luaL_error (L, "client: expected up to %d", SIM_CLIENTS_MAX);
      }
      return sim_whom_client ((uint32_t)client, member);
    default:
      return sim_whom_member (member);
  }
}

/* { "keep", …, nth = 3, changes = { 1, 2 } }: several in one row. */
static void read_changes (lua_State *L, int row,
                          struct sim_schedule *schedule, uint32_t whom,
                          uint32_t number) {
  lua_getfield (L, row, "changes");
  luaL_checktype (L, -1, LUA_TTABLE);
  for (int i = 1; i <= (int)lua_rawlen (L, -1); i++) {
    uint32_t change;
    lua_rawgeti (L, -1, i);
    change = (uint32_t)read_whole (L, lua_gettop (L), "changes", 0xffff);
    lua_pop (L, 1);
    sim_schedule_choose (schedule, SIM_CHOICE_KEEP,
                         sim_matter_of (SIM_MATTER_CHANGE, whom,
                                        number << 16 | change),
                         1);
  }
  lua_pop (L, 1);
}

static void read_choice (lua_State *L, int row, const char *word,
                         struct sim_schedule *schedule) {
  unsigned kind = find_word (CHOICES, SIM_CHOICE_RECORDED, word);
  unsigned matter;
  uint32_t whom;
  uint32_t number;
  const char *about;
  lua_rawgeti (L, row, 2);
  about = lua_type (L, -1) == LUA_TSTRING ? lua_tostring (L, -1) : "";
  matter = find_word (MATTERS, SIM_MATTER_KINDS, about);
  if (kind == 0 || matter == 0) {
    luaL_error (L, "expected an action or a choice, got \"%s\" \"%s\"", word,
                about);
  }
  lua_pop (L, 1);
  whom = read_whom (L, row, matter);
  number = (uint32_t)read_field (L, row, "nth");
  if (kind == SIM_CHOICE_KEEP) {
    read_changes (L, row, schedule, whom, number);
  } else {
    const char *field = CHOICE_FIELDS[kind];
    sim_schedule_choose (
      schedule, (enum sim_choice_kind)kind,
      sim_matter_of ((enum sim_matter_kind)matter, whom, number),
      field[0] == 0 ? 1 : read_field (L, row, field));
  }
}

static void read_row (lua_State *L, int row, struct sim_schedule *schedule) {
  struct sim_action action;
  const char *word;
  unsigned kind;
  luaL_checktype (L, row, LUA_TTABLE);
  for (int i = 1; i <= 4; i++) {
    lua_rawgeti (L, row, i);
  }
  word = lua_type (L, row + 1) == LUA_TSTRING ? lua_tostring (L, row + 1)
                                              : "?";
  kind = find_action (word);
  if (kind == 0) {
    read_choice (L, row, word, schedule);
  } else {
    read_action (L, (enum sim_action_kind)kind, row + 2, row, &action);
    action.time = read_field (L, row, "at");
    action.after = (uint32_t)read_field (L, row, "after");
    sim_schedule_act (schedule, &action);
  }
}

/* Raises for a row that does not fit, so the schedule is a userdata until
** then. */
static int read_rows (lua_State *L) {
  struct sim_schedule *schedule = lua_touserdata (L, 2);
  for (int i = 1; i <= (int)lua_rawlen (L, 1); i++) {
    lua_settop (L, 2);
    lua_rawgeti (L, 1, i);
    read_row (L, 3, schedule);
  }
  return 0;
}

struct sim_schedule *binding_sim_read_schedule (lua_State *L, int index) {
  struct sim_schedule *schedule = sim_schedule_new ();
  if (schedule == NULL) {
    luaL_error (L, "out of memory");
  }
  lua_pushcfunction (L, read_rows);
  lua_pushvalue (L, index);
  lua_pushlightuserdata (L, schedule);
  if (lua_pcall (L, 2, 0, 0) != 0) {
    sim_schedule_free (schedule);
    lua_error (L);
  }
  return schedule;
}

/* ---- writing rows -------------------------------------------------------- */

static void push_set (lua_State *L, uint32_t set) {
  int count = 0;
  lua_newtable (L);
  for (int id = 0; id <= SIM_MEMBERS_MAX; id++) {
    if ((set >> id & 1) != 0) {
      lua_pushinteger (L, id);
      lua_rawseti (L, -2, ++count);
    }
  }
}

static bool push_letter (lua_State *L, char letter,
                         const struct sim_action *action,
                         const struct shape *shape) {
  switch (letter) {
    case 'm':
      lua_pushinteger (L, (lua_Integer)action->whom);
      return true;
    case 'a':
      push_set (L, action->from);
      return true;
    case 'b':
      push_set (L, action->to);
      return true;
    case 'h':
      lua_pushstring (L, shape->words[action->how]);
      return action->kind != SIM_ACTION_CRASH || action->how != 0;
    case 'u':
      lua_pushnumber (L, (lua_Number)action->value - 1);
      return action->value > 0;
    case 'v':
      lua_pushnumber (L, (lua_Number)action->value);
      return true;
    case 'w':
      lua_pushnumber (L, (lua_Number)action->more);
      return true;
    case 'j':
      lua_pushnumber (L, action->how == 1 ? -(lua_Number)action->value
                                          : (lua_Number)action->value);
      return true;
    case 't':
      lua_pushlstring (L, (const char *)action->bytes, action->size);
      return true;
    default:
      lua_pushnil (L);
      return false;
  }
}

static void push_action (lua_State *L, const struct sim_action *action) {
  const struct shape *shape = &SHAPES[action->kind];
  lua_createtable (L, 4, 2);
  lua_pushstring (L, shape->word);
  lua_rawseti (L, -2, 1);
  field_set_number (L, "at", action->time);
  if (action->after > 0) {
    field_set_number (L, "after", action->after);
  }
  for (int i = 0; shape->letters[i] != 0; i++) {
    if (push_letter (L, shape->letters[i], action, shape)) {
      lua_rawseti (L, -2, i + 2);
    } else {
      lua_pop (L, 1);
    }
  }
  if (action->kind == SIM_ACTION_ROT) {
    field_set_number (L, "file", action->value);
    field_set_number (L, "place", action->more);
  } else if (action->kind == SIM_ACTION_INVOKE) {
    lua_pushlstring (L, (const char *)action->bytes, action->size);
    lua_setfield (L, -2, "bytes");
    if (action->more > 0) {
      field_set_number (L, "deadline", action->more);
    }
    if (action->value > 0) {
      field_set_number (L, "max_age", action->value);
    }
  }
}

static void push_whom (lua_State *L, unsigned matter, uint32_t whom) {
  switch (ABOUTS[matter]) {
    case SIM_ABOUT_PAIR:
      field_set_number (L, "from", whom >> 4);
      field_set_number (L, "to", whom & 15);
      break;
    case SIM_ABOUT_CLIENT:
      field_set_number (L, "client", (whom >> 4) - 16);
      if ((whom & 15) != 0) {
        field_set_number (L, "member", whom & 15);
      }
      break;
    default:
      field_set_number (L, "member", whom);
      break;
  }
}

/* Pushes the row of the choice at 'at'; gives where the next one begins. */
static size_t push_choice (lua_State *L, const struct sim_schedule *schedule,
                           size_t at) {
  const struct sim_chosen *chosen = &schedule->chosen[at];
  unsigned kind = (unsigned)(chosen->key >> 56);
  unsigned matter = (unsigned)(chosen->key >> 48 & 0xff);
  uint32_t number = (uint32_t)chosen->key;
  int count = 0;
  lua_createtable (L, 2, 4);
  lua_pushstring (L, CHOICES[kind]);
  lua_rawseti (L, -2, 1);
  lua_pushstring (L, MATTERS[matter]);
  lua_rawseti (L, -2, 2);
  push_whom (L, matter, (uint32_t)(chosen->key >> 32 & 0xffff));
  if (kind != SIM_CHOICE_KEEP) {
    field_set_number (L, "nth", number);
    if (CHOICE_FIELDS[kind][0] != 0) {
      field_set_number (L, CHOICE_FIELDS[kind], chosen->value);
    }
    return at + 1;
  }
  field_set_number (L, "nth", number >> 16);
  lua_newtable (L);
  while (at < schedule->chosen_count
         && schedule->chosen[at].key >> 16 == chosen->key >> 16) {
    lua_pushinteger (L, (lua_Integer)(schedule->chosen[at].key & 0xffff));
    lua_rawseti (L, -2, ++count);
    at++;
  }
  lua_setfield (L, -2, "changes");
  return at;
}

void binding_sim_push_schedule (lua_State *L,
                                const struct sim_schedule *schedule) {
  int count = 0;
  lua_newtable (L);
  for (size_t i = 0; i < schedule->action_count; i++) {
    push_action (L, &schedule->actions[i]);
    lua_rawseti (L, -2, ++count);
  }
  for (size_t i = 0; i < schedule->chosen_count;) {
    i = push_choice (L, schedule, i);
    lua_rawseti (L, -2, ++count);
  }
}
