/* SPDX-License-Identifier: MIT
**
** probe_hostile.c - bytes of enemies for everything that reads bytes.
**
** One seed gives one sequence of inputs: noise, valid messages changed in a
** few places, bodies of messages changed under a checksum that is made anew
** (else nothing would get past it), towers of containers, lengths that lie.
** Each input stands in a block of its exact size, so that the sanitizers see
** a read behind it, and goes to every reader. What readers say about one
** input is compared, where two must agree.
**
** The Lua codec works in a Lua state of its own: its heap is small, so that
** what the codec leaves behind is not hidden by the heap of the specs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "compat.h"
#include "probe_samples.h"
#include "value.h"
#include "wire/configuration.h"
#include "wire/entry.h"
#include "wire/greeting.h"
#include "wire/refusal.h"
#include "wire/message.h"
#include "wire/scan.h"
#include "wire/value.h"

#define HOSTILE "raft.probe.hostile"
#define INPUT_MAX 4096

void raft_probe_hostile (lua_State *L);

/* What was counted. A reader that never says yes would prove nothing. */
#define COUNTERS(X)                                                       \
  X(inputs) X(bytes) X(scanned) X(scan_refused) X(values) X(canonical)    \
  X(rpcs) X(proposes) X(queries) X(messages) X(entries) X(greetings)      \
  X(configurations) X(leaders) X(decoded) X(disagreements)

struct hostile {
  uint64_t state;
  lua_State *inner;
  struct raft_arena arena;
  struct wire_message_room room;
  struct raft_buffer samples[32];
  uint8_t input[INPUT_MAX];
  size_t size;
  struct raft_buffer again; /* what the inner state encodes */
  const uint8_t *block;     /* the input in a block of its own */
#define X(name) uint64_t name;
  COUNTERS (X)
#undef X
};

/* ---- chance ----------------------------------------------------------- */

static uint32_t draw (struct hostile *hostile, uint32_t span) {
  uint64_t x = hostile->state; /* xorshift64* (Vigna 2016) */
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  hostile->state = x;
  return (uint32_t)((x * UINT64_C (0x2545f4914f6cdd1d) >> 32) % span);
}

static uint8_t draw_byte (struct hostile *hostile) {
  static const uint8_t heads[]
    = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4,
        0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd8, 0xd9, 0xdb,
        0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff };
  return draw (hostile, 2) == 0 ? heads[draw (hostile, sizeof heads)]
                                : (uint8_t)draw (hostile, 256);
}

/* ---- inputs ----------------------------------------------------------- */

static void add (struct hostile *hostile, uint8_t byte) {
  if (hostile->size < INPUT_MAX) {
    hostile->input[hostile->size] = byte;
    hostile->size++;
  }
}

static void make_noise (struct hostile *hostile) {
  uint32_t size = draw (hostile, 200);
  while (size > 0) {
    add (hostile, draw_byte (hostile));
    size--;
  }
}

static void take_sample (struct hostile *hostile) {
  const struct raft_buffer *sample
    = &hostile->samples[draw (hostile, probe_sample_count)];
  memcpy (hostile->input, sample->data, sample->size);
  hostile->size = sample->size;
}

/* One change in [from, size). */
static void change (struct hostile *hostile, size_t from) {
  size_t room = hostile->size - from;
  size_t at;
  if (room == 0) {
    return;
  }
  at = from + draw (hostile, (uint32_t)room);
  switch (draw (hostile, 5)) {
    case 0: /* one bit */
      hostile->input[at] ^= (uint8_t)(1u << draw (hostile, 8));
      break;
    case 1: /* one byte */
      hostile->input[at] = draw_byte (hostile);
      break;
    case 2: /* one more */
      if (hostile->size < INPUT_MAX) {
        memmove (hostile->input + at + 1, hostile->input + at,
                 hostile->size - at);
        hostile->input[at] = draw_byte (hostile);
        hostile->size++;
      }
      break;
    case 3: /* one less */
      memmove (hostile->input + at, hostile->input + at + 1,
               hostile->size - at - 1);
      hostile->size--;
      break;
    default: /* cut */
      hostile->size = at;
  }
}

static void make_changed (struct hostile *hostile) {
  uint32_t changes;
  take_sample (hostile);
  for (changes = draw (hostile, 4); changes > 0; changes--) {
    change (hostile, 0);
  }
}

/* Where the body of a message between members begins; 0: it is none. In
** [2, "raft", [checksum, group, from, to, body]] the first bytes are fixed:
** 0x93 0x02 0xa4 "raft" 0x95 0xcf, and 0xc6 begins the body. */
#define CHECKSUM_AT 9
static size_t body_of (const struct hostile *hostile) {
  static const uint8_t front[CHECKSUM_AT]
    = { 0x93, 0x02, 0xa4, 'r', 'a', 'f', 't', 0x95, 0xcf };
  if (hostile->size < 25
      || memcmp (hostile->input, front, sizeof front) != 0
      || hostile->input[20] != 0xc6) {
    return 0;
  }
  return 25;
}

static void store_big (uint8_t *at, uint64_t value, unsigned width) {
  while (width > 0) {
    width--;
    at[width] = (uint8_t)value;
    value >>= 8;
  }
}

/* Changes behind the checksum, which is then made anew. */
static void make_convincing (struct hostile *hostile) {
  struct wire_view view;
  uint32_t changes;
  size_t body;
  do {
    take_sample (hostile);
    body = body_of (hostile);
  } while (body == 0);
  for (changes = draw (hostile, 3); changes > 0; changes--) {
    change (hostile, body);
  }
  view.data = hostile->input + body;
  view.size = hostile->size - body;
  store_big (hostile->input + body - 4, view.size, 4);
  store_big (hostile->input + CHECKSUM_AT,
             wire_message_checksum (hostile->input[17], hostile->input[18],
                                    hostile->input[19], view),
             8);
}

/* A tower: containers that hold the next one, of claimed or true size. */
static void make_tower (struct hostile *hostile) {
  uint32_t floors = draw (hostile, 300);
  uint32_t kind = draw (hostile, 4);
  uint32_t i;
  for (i = 0; i < floors; i++) {
    uint32_t width;
    switch (kind == 3 ? draw (hostile, 3) : kind) {
      case 0: add (hostile, 0x91); break;
      case 1:
        add (hostile, 0x81);
        add (hostile, (uint8_t)draw (hostile, 128));
        break;
      default:
        add (hostile, draw (hostile, 2) == 0 ? 0xdd : 0xdf);
        for (width = 0; width < 4; width++) {
          add (hostile, draw (hostile, 3) == 0 ? 0xff : 0);
        }
    }
  }
  add (hostile, 0xc0);
}

/* A length that lies, a few levels deep. */
static void make_lie (struct hostile *hostile) {
  static const uint8_t heads[]
    = { 0xc5, 0xc6, 0xc8, 0xc9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf };
  uint32_t depth = draw (hostile, 4), i;
  for (i = 0; i < depth; i++) {
    add (hostile, (uint8_t)(0x91 + draw (hostile, 3)));
  }
  add (hostile, heads[draw (hostile, sizeof heads)]);
  for (i = 0; i < 4; i++) {
    add (hostile, draw (hostile, 3) == 0 ? draw_byte (hostile) : 0xff);
  }
  make_noise (hostile);
}

static void make_input (struct hostile *hostile) {
  hostile->size = 0;
  switch (draw (hostile, 8)) {
    case 0: make_noise (hostile); break;
    case 1: case 2: case 3: make_changed (hostile); break;
    case 4: case 5: make_convincing (hostile); break;
    case 6: make_tower (hostile); break;
    default: make_lie (hostile);
  }
}

/* ---- readers ---------------------------------------------------------- */

static void disagree (struct hostile *hostile, bool wrong) {
  hostile->disagreements += wrong;
}

/* In random steps; then what the cursor says of the same object. */
static void read_scanner (struct hostile *hostile) {
  static const struct wire_scan_limits limits = { 1 << 20, 4096, 64 };
  struct wire_cursor cursor = { hostile->block, hostile->size, 0 };
  struct wire_scan scan;
  uint64_t object = 0;
  size_t at = 0;
  int status = RAFT_OK;
  wire_scan_init (&scan, &limits);
  while (status == RAFT_OK && object == 0 && at < hostile->size) {
    size_t step = 1 + draw (hostile, 40);
    if (step > hostile->size - at) {
      step = hostile->size - at;
    }
    status = wire_scan_feed (&scan, hostile->block + at, step, &object);
    at += step;
  }
  hostile->scanned += object > 0;
  hostile->scan_refused += status != RAFT_OK;
  disagree (hostile, object > hostile->size);
  if (wire_cursor_skip (&cursor) == RAFT_OK && object > 0) {
    disagree (hostile, cursor.at != object);
  }
}

static void read_params (struct hostile *hostile, struct wire_view view) {
  struct wire_propose propose;
  struct wire_query query;
  struct wire_greeting greeting;
  struct wire_refusal refusal;
  struct wire_message message;
  struct raft_detail detail;
  hostile->proposes
    += wire_propose_decode (view, &propose, &detail) == RAFT_OK;
  hostile->queries += wire_query_decode (view, &query, &detail) == RAFT_OK;
  hostile->greetings
    += wire_greeting_decode (view, &greeting, &detail) == RAFT_OK;
  (void)wire_refusal_decode (view, &refusal);
  hostile->messages
    += wire_message_decode (view, &hostile->room, &message, &detail)
       == RAFT_OK;
}

static void read_parts (struct hostile *hostile, struct wire_view view) {
  struct wire_configuration configuration;
  struct wire_entry entry;
  struct wire_view address;
  struct raft_detail detail;
  struct wire_rpc rpc;
  raft_id leader;
  hostile->configurations
    += wire_configuration_decode (view, &configuration, &detail) == RAFT_OK;
  hostile->entries
    += wire_entry_decode (view.data, view.size, &entry) == RAFT_OK
       && wire_entry_is_intact (&entry);
  hostile->leaders
    += wire_leader_detail_decode (view, &leader, &address) == RAFT_OK;
  read_params (hostile, view);
  if (wire_rpc_decode (view.data, view.size, &rpc) == RAFT_OK) {
    hostile->rpcs++;
    if (rpc.type == WIRE_RESPONSE) {
      (void)wire_leader_detail_decode (rpc.detail, &leader, &address);
    } else {
      read_params (hostile, rpc.params);
    }
  }
}

/* Runs in the inner state: [hostile as light userdata] -> nothing. */
static int read_value (lua_State *L) {
  struct hostile *hostile = lua_touserdata (L, 1);
  struct raft_buffer *again = &hostile->again;
  struct raft_detail detail;
  bool admitted = wire_value_admit (hostile->block, hostile->size, &detail)
                  == RAFT_OK;
  bool canonical = wire_value_check (hostile->block, hostile->size, &detail)
                   == RAFT_OK;
  int status = binding_value_decode (L, hostile->block, hostile->size,
                                     &detail);
  hostile->values += admitted;
  hostile->canonical += canonical;
  disagree (hostile, canonical && !admitted);
  disagree (hostile, admitted != (status == RAFT_OK
                                  || status == RAFT_ENOT_REPRESENTABLE));
  if (status != RAFT_OK) {
    return 0;
  }
  hostile->decoded++;
  again->size = 0;
  status = binding_value_encode (L, -1, again, &detail);
  disagree (hostile, status != RAFT_OK);
  disagree (hostile, wire_value_check (again->data, again->size, &detail)
                       != RAFT_OK);
  disagree (hostile,
            canonical != (again->size == hostile->size
                          && memcmp (again->data, hostile->block,
                                     again->size) == 0));
  return 0;
}

static int try_input (struct hostile *hostile) {
  uint8_t *block = malloc (hostile->size > 0 ? hostile->size : 1);
  struct wire_view view;
  int failed;
  if (block == NULL) {
    return RAFT_ENOMEM;
  }
  memcpy (block, hostile->input, hostile->size);
  hostile->block = block;
  hostile->inputs++;
  hostile->bytes += hostile->size;
  view.data = block;
  view.size = hostile->size;
  read_scanner (hostile);
  read_parts (hostile, view);
  lua_pushcfunction (hostile->inner, read_value);
  lua_pushlightuserdata (hostile->inner, hostile);
  failed = lua_pcall (hostile->inner, 1, 0, 0);
  lua_settop (hostile->inner, 0);
  free (block);
  return failed != 0 ? RAFT_ENOMEM : RAFT_OK;
}

/* ---- what it cost ----------------------------------------------------- */

/* A line of /proc/self/status in KiB; without /proc, the peak so far. */
static double status_kib (const char *name) {
  FILE *file = fopen ("/proc/self/status", "r");
  char line[128];
  double kib = -1;
  if (file == NULL) {
    struct rusage usage;
    (void)getrusage (RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss;
  }
  while (kib < 0 && fgets (line, sizeof line, file) != NULL) {
    if (strncmp (line, name, strlen (name)) == 0) {
      kib = strtod (line + strlen (name), NULL);
    }
  }
  (void)fclose (file);
  return kib;
}

/* From here on the peak is that of what follows. False: this system cannot,
** and the peak is that of the whole process. */
static bool forget_peak (void) {
  FILE *file = fopen ("/proc/self/clear_refs", "w");
  bool done = file != NULL && fputs ("5", file) >= 0;
  if (file != NULL) {
    done = fclose (file) == 0 && done;
  }
  return done;
}

/* ---- for specs -------------------------------------------------------- */

static int hostile_gc (lua_State *L) {
  struct hostile *hostile = luaL_checkudata (L, 1, HOSTILE);
  unsigned i;
  if (hostile->inner != NULL) {
    lua_close (hostile->inner);
    hostile->inner = NULL;
  }
  for (i = 0; i < probe_sample_count; i++) {
    raft_buffer_free (&hostile->samples[i]);
  }
  raft_buffer_free (&hostile->again);
  raft_arena_clear (&hostile->arena);
  return 0;
}

static struct hostile *hostile_new (lua_State *L, double seed) {
  struct hostile *hostile = lua_newuserdata (L, sizeof *hostile);
  unsigned i;
  int status = RAFT_OK;
  memset (hostile, 0, sizeof *hostile);
  hostile->state = (uint64_t)seed * 2 + 1; /* never 0 */
  raft_arena_init (&hostile->arena);
  wire_message_room_init (&hostile->room, &hostile->arena.memory);
  raft_buffer_init (&hostile->again, &raft_memory_plain);
  for (i = 0; i < probe_sample_count; i++) {
    raft_buffer_init (&hostile->samples[i], &raft_memory_plain);
  }
  if (luaL_newmetatable (L, HOSTILE)) {
    lua_pushcfunction (L, hostile_gc);
    lua_setfield (L, -2, "__gc");
  }
  lua_setmetatable (L, -2);
  for (i = 0; i < probe_sample_count; i++) {
    status |= probe_samples[i].encode (&hostile->samples[i]);
  }
  hostile->inner = luaL_newstate ();
  if (status != RAFT_OK || hostile->inner == NULL) {
    luaL_error (L, "out of memory");
  }
  return hostile;
}

static void push_counters (lua_State *L, const struct hostile *hostile) {
  lua_newtable (L);
#define X(name)                                   \
  lua_pushnumber (L, (lua_Number)hostile->name); \
  lua_setfield (L, -2, #name);
  COUNTERS (X)
#undef X
}

/* hostile_run (seed, warm up, count) -> { inputs = …, … }, with the resident
** KiB before and at the peak of the counted ones */
static int probe_run (lua_State *L) {
  double seed = luaL_checknumber (L, 1);
  uint64_t warm_up = (uint64_t)luaL_checknumber (L, 2);
  uint64_t count = (uint64_t)luaL_checknumber (L, 3);
  struct hostile *hostile = hostile_new (L, seed);
  const char *peak = "VmRSS:";
  double before = 0;
  uint64_t i;
  for (i = 0; i < warm_up + count; i++) {
    if (i == warm_up) {
      peak = forget_peak () ? "VmHWM:" : "VmRSS:";
      before = status_kib ("VmRSS:");
    }
    make_input (hostile);
    if (try_input (hostile) != RAFT_OK) {
      return luaL_error (L, "input %d raised: out of memory", (int)i);
    }
  }
  push_counters (L, hostile);
  lua_pushnumber (L, before);
  lua_setfield (L, -2, "kib_before");
  lua_pushnumber (L, status_kib (peak));
  lua_setfield (L, -2, "kib_peak");
  lua_pushnumber (L, (lua_Number)hostile->arena.peak);
  lua_setfield (L, -2, "room_peak");
  return 1;
}

/* hostile_input (seed, n) -> the nth input of that seed, for looking at it */
static int probe_input (lua_State *L) {
  double seed = luaL_checknumber (L, 1);
  uint64_t n = (uint64_t)luaL_checknumber (L, 2);
  struct hostile *hostile = hostile_new (L, seed);
  while (n > 0) {
    make_input (hostile);
    (void)try_input (hostile);
    n--;
  }
  lua_pushlstring (L, (const char *)hostile->input, hostile->size);
  return 1;
}

/* is_sanitized () -> whether memory is measured in vain */
static int probe_is_sanitized (lua_State *L) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
  lua_pushboolean (L, SANITIZED);
  return 1;
}

static const luaL_Reg functions[] = { { "hostile_run", probe_run },
                                      { "hostile_input", probe_input },
                                      { "is_sanitized", probe_is_sanitized },
                                      { NULL, NULL } };

void raft_probe_hostile (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
