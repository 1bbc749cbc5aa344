/* SPDX-License-Identifier: MIT
**
** probe_life.c - a log, its arena and what its callbacks said. */

#include "probe_life.h"

#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "compat.h"

void raft_probe_life (lua_State *L);

static struct life *of_clock (struct port_clock *clock) {
  return (struct life *)((char *)clock - offsetof (struct life, clock));
}

static raft_time clock_now (struct port_clock *clock) {
  return of_clock (clock)->now;
}

static uint64_t clock_random (struct port_clock *clock) {
  struct life *life = of_clock (clock);
  life->seed = raft_mix (life->seed);
  return life->seed;
}

static void copy_recovered (struct life *life,
                            const struct wal_recovered *recovered) {
  life->identity = recovered->identity;
  life->term = recovered->term;
  life->vote = recovered->vote;
  life->base_index = recovered->base_index;
  life->last_index = recovered->last_index;
  life->last_time = recovered->last_time;
  life->configuration_index = recovered->configuration_index;
  life->configuration_sum
    = raft_checksum (recovered->configuration.data,
                     recovered->configuration.size, 0);
  life->bytes = recovered->bytes;
  raft_assert (recovered->peer_count <= LIFE_PEERS
               && recovered->run_count <= LIFE_RUNS);
  life->peer_count = recovered->peer_count;
  for (uint32_t i = 0; i < recovered->peer_count; i++) {
    life->peers[i] = recovered->peers[i];
  }
  life->run_count = recovered->run_count;
  for (uint32_t i = 0; i < recovered->run_count; i++) {
    life->runs[i] = recovered->runs[i];
  }
}

static void on_opened (void *owner, int status,
                       const struct wal_recovered *recovered,
                       const struct raft_detail *detail) {
  struct life *life = owner;
  raft_assert (!life->has_opened);
  life->has_opened = true;
  life->open_status = status;
  if (status == RAFT_OK) {
    copy_recovered (life, recovered);
  } else {
    life->detail = *detail;
  }
}

static void on_durable (void *owner, uint64_t ticket) {
  struct life *life = owner;
  raft_assert (!life->has_failed && ticket > life->durable);
  life->durable = ticket;
  life->durable_calls++;
}

static void on_failed (void *owner, int status,
                       const struct raft_detail *detail) {
  struct life *life = owner;
  raft_assert (!life->has_failed);
  life->has_failed = true;
  life->fail_status = status;
  life->detail = *detail;
}

static void on_full (void *owner, bool yes) {
  struct life *life = owner;
  raft_assert (life->has_opened && life->is_full != yes);
  life->is_full = yes;
  life->full_calls++;
}

static void on_voted (void *owner, uint64_t ticket) {
  struct life *life = owner;
  raft_assert (life->is_full && ticket > life->durable);
  life->voted = ticket;
}

static void on_closed (void *owner) {
  struct life *life = owner;
  raft_assert (!life->has_closed);
  life->has_closed = true;
}

static void on_init_done (void *owner, int status,
                          const struct raft_detail *detail) {
  struct life *life = owner;
  raft_assert (!life->init_done);
  life->init_done = true;
  life->init_status = status;
  life->detail = *detail;
}

void life_identity (struct wal_identity *identity) {
  identity->cluster = 0x1122334455667788u;
  identity->incarnation = 0x99aabbccddeeff01u;
  identity->member = 1;
}

void life_begin (struct life *life, struct sim_disk *disk,
                 const struct life_options *options) {
  memset (life, 0, sizeof *life);
  raft_arena_init (&life->arena);
  life->disk = disk;
  life->seed = options->seed;
  life->now = RAFT_SECOND;
  life->clock.now = clock_now;
  life->clock.wall = clock_now;
  life->clock.random = clock_random;
  life->options.memory = &life->arena.memory;
  life->options.fs = sim_disk_port (disk);
  life->options.clock = &life->clock;
  raft_limits_default (&life->options.limits);
  if (options->segment_bytes > 0) {
    life->options.limits.segment_bytes = options->segment_bytes;
  }
  if (options->batch_bytes > 0) {
    life->options.limits.batch_bytes = options->batch_bytes;
  }
  life->options.bug = options->bug;
  life->options.covered = options->covered;
  life->options.owner = life;
  life->options.opened = on_opened;
  life->options.durable = on_durable;
  life->options.failed = on_failed;
  life->options.full = on_full;
  life->options.voted = on_voted;
}

size_t life_end (struct life *life) {
  size_t forgotten;
  wal_free (life->wal);
  life->wal = NULL;
  forgotten = life->arena.bytes;
  raft_arena_clear (&life->arena);
  return forgotten;
}

int life_init (struct life *life, struct raft_slice entry) {
  struct wal_identity identity;
  life_identity (&identity);
  life->init_done = false;
  return wal_init (&life->options, &identity, entry, on_init_done);
}

int life_open (struct life *life) {
  life->has_opened = false;
  return wal_open (&life->wal, &life->options);
}

static void on_load_done (struct wal_load *load) {
  struct life *life = load->owner;
  raft_assert (!life->load_done);
  life->load_done = true;
}

void life_read (struct life *life, struct wal_load *load, raft_index first,
                uint32_t count) {
  memset (load, 0, sizeof *load);
  load->first = first;
  load->count = count;
  load->max_bytes = UINT64_MAX;
  load->done = on_load_done;
  load->owner = life;
  life->load_done = false;
  wal_read (life->wal, load);
  while (!life->load_done && sim_disk_step (life->disk)) {
  }
  raft_assert (life->load_done);
}

void life_close (struct life *life) {
  wal_close (life->wal, on_closed);
  sim_disk_drain (life->disk);
}

void life_rest (struct life *life) {
  raft_time deadline = wal_deadline (life->wal);
  if (deadline != RAFT_TIME_MAX) {
    life->now = deadline > life->now ? deadline : life->now;
    wal_on_time (life->wal);
  }
  sim_disk_drain (life->disk);
}

/* A part of other rooms: it has nothing of its own to show. */
void raft_probe_life (lua_State *L) {
  (void)L;
}
