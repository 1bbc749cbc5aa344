/* SPDX-License-Identifier: MIT
**
** probe_desk.c - a few members on one desk. */

#include "probe_desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "compat.h"
#include "probe_machine_desk.h"

#define DESK_STEPS_MAX 2000000 /* without time passing: a circle */

void raft_probe_desk (lua_State *L);

void raft_probe_desk (lua_State *L) {
  (void)L; /* its face is probe_replica.c */
}

/* ---- doors ------------------------------------------------------------ */

static void queue_init (struct desk_queue *queue) {
  queue->first = NULL;
  queue->last = &queue->first;
}

static struct desk_note *queue_take (struct desk_queue *queue) {
  struct desk_note *note = queue->first;
  if (note != NULL) {
    queue->first = note->next;
    if (queue->first == NULL) {
      queue->last = &queue->first;
    }
  }
  return note;
}

/* The bytes are copied: they may outlive the member's memory. */
static struct desk_note *queue_add (struct desk_queue *queue,
                                    struct raft_slice *bytes) {
  size_t size = bytes != NULL ? bytes->size : 0;
  struct desk_note *note = calloc (1, sizeof *note + size);
  raft_assert (note != NULL);
  note->size = size;
  if (bytes != NULL) {
    if (size > 0) {
      memcpy (note->bytes, bytes->data, size);
    }
    raft_slice_release (bytes);
  }
  *queue->last = note;
  queue->last = &note->next;
  return note;
}

static struct desk_member *of_net (struct port_net *net) {
  return (struct desk_member *)(void *)net; /* its first field */
}

static void net_send (struct port_net *net, raft_id member,
                      enum net_class class_, struct raft_slice message) {
  struct desk_member *from = of_net (net);
  bool is_block = class_ == NET_BULK && message.size > 4096;
  struct desk_note *note = queue_add (&from->desk->messages, &message);
  from->blocks += is_block;
  note->from = from->id;
  note->to = from->is_wanted[member] ? member : 0; /* nobody: lost */
}

static void net_reply (struct port_net *net, uint64_t connection,
                       struct raft_slice message) {
  struct desk_member *from = of_net (net);
  struct desk_note *note = queue_add (&from->desk->answers, &message);
  note->from = from->id;
  note->connection = connection;
}

static void net_hang_up (struct port_net *net, uint64_t connection) {
  struct desk_member *from = of_net (net);
  struct desk_note *note = queue_add (&from->desk->answers, NULL);
  note->from = from->id;
  note->connection = connection;
  note->is_hang_up = true;
}

static void net_know (struct port_net *net, raft_id member,
                      const char *address) {
  struct desk_member *from = of_net (net);
  from->is_wanted[member] = address != NULL;
  from->is_linked[member] = from->is_linked[member] && address != NULL;
}

static struct desk_member *of_clock (struct port_clock *clock) {
  return (struct desk_member *)(void *)(
    (char *)clock - offsetof (struct desk_member, clock));
}

static raft_time clock_now (struct port_clock *clock) {
  return of_clock (clock)->desk->now;
}

static uint64_t clock_random (struct port_clock *clock) {
  struct desk *desk = of_clock (clock)->desk;
  desk->chance += 0x9e3779b97f4a7c15u;
  return raft_mix (desk->chance);
}

static void machine_submit (struct port_machine *machine,
                            struct machine_request *request) {
  struct desk_member *member = (struct desk_member *)(void *)(
    (char *)machine - offsetof (struct desk_member, machine));
  raft_assert (member->request_count < DESK_REQUESTS_MAX);
  member->requests[member->request_count++] = request;
  member->results_kept = request->bytes.capacity;
}

static void desk_trace (struct raft_tracer *tracer,
                        const struct raft_trace *trace) {
  struct desk *desk = (struct desk *)(void *)tracer;
  if (raft_trace_text (trace, &desk->traces) == RAFT_OK) {
    (void)raft_buffer_append (&desk->traces, "\n", 1);
  }
}

/* ---- the desk --------------------------------------------------------- */

static void member_init (struct desk *desk, raft_id id) {
  struct desk_member *member = &desk->members[id];
  member->desk = desk;
  member->id = id;
  member->net.send = net_send;
  member->net.reply = net_reply;
  member->net.hang_up = net_hang_up;
  member->net.know = net_know;
  member->clock.now = clock_now;
  member->clock.wall = clock_now;
  member->clock.random = clock_random;
  member->machine.submit = machine_submit;
  member->disk = sim_disk_new ();
  memcpy (member->vm, "C", 2);
  raft_buffer_init (&member->image, &raft_memory_plain);
  raft_arena_init (&member->arena);
}

struct desk *desk_new (raft_id count) {
  struct desk *desk = calloc (1, sizeof *desk);
  raft_id id;
  if (desk == NULL) {
    return NULL;
  }
  desk->count = count;
  desk->voters = count;
  desk->now = 1000 * RAFT_SECOND;
  desk->tracer.emit = desk_trace;
  raft_limits_default (&desk->limits);
  queue_init (&desk->messages);
  queue_init (&desk->answers);
  raft_buffer_init (&desk->traces, &raft_memory_plain);
  for (id = 1; id <= count; id++) {
    member_init (desk, id);
  }
  return desk;
}

void desk_free (struct desk *desk) {
  struct desk_note *note;
  raft_id id;
  for (id = 1; id <= desk->count; id++) {
    desk_kill (desk, id);
    desk_machine_forget (&desk->members[id]);
    free (desk->members[id].applied);
    raft_buffer_free (&desk->members[id].image);
    sim_disk_free (desk->members[id].disk);
  }
  while ((note = queue_take (&desk->messages)) != NULL
         || (note = queue_take (&desk->answers)) != NULL) {
    free (note);
  }
  raft_buffer_free (&desk->traces);
  free (desk);
}

struct desk_note *desk_take_answer (struct desk *desk) {
  return queue_take (&desk->answers);
}

/* ---- making a member -------------------------------------------------- */

static void init_done (void *owner, int status,
                       const struct raft_detail *detail) {
  struct desk *desk = owner;
  desk->init_status = status;
  if (detail != NULL) {
    desk->init_detail = *detail;
  }
}

static void desk_configuration (const struct desk *desk,
                                struct wire_configuration *value) {
  raft_id id;
  memset (value, 0, sizeof *value);
  memcpy (value->name, "desk", 5);
  value->member_count = (uint32_t)desk->voters;
  for (id = 1; id <= desk->voters; id++) {
    struct wire_member *member = &value->members[id - 1];
    member->id = id;
    member->roles = WIRE_VOTER;
    member->priority = RAFT_PRIORITY_DEFAULT;
    memcpy (member->address, "desk:1", 7);
    member->address[5] = (char)('0' + id);
  }
}

static void make_directory (const struct wal_options *options, raft_id id,
                            const struct wire_configuration *value) {
  struct raft_detail detail;
  struct raft_buffer first;
  uint64_t cluster;
  if (wire_configuration_find (value, id) != NULL) {
    (void)replica_init (options, id, value, init_done);
    return;
  }
  raft_buffer_init (&first, &raft_memory_plain);
  if (wire_first_entry (&first, 0, value, &cluster, &detail) == RAFT_OK) {
    (void)replica_join (options, id,
                        raft_slice_borrowed (first.data, first.size),
                        init_done);
  }
  raft_buffer_free (&first);
}

int desk_init (struct desk *desk, raft_id id) {
  struct desk_member *member = &desk->members[id];
  struct wire_configuration value;
  struct wal_options options;
  struct raft_guard guard;
  memset (&options, 0, sizeof options);
  options.memory = &raft_memory_plain;
  options.fs = sim_disk_port (member->disk);
  options.clock = &member->clock;
  options.limits = desk->limits;
  options.owner = desk;
  desk_configuration (desk, &value);
  desk->init_status = RAFT_ETIMEOUT;
  DESK_CALL (desk, guard,
             make_directory (&options, id, &value);
             sim_disk_drain (member->disk));
  sim_disk_kill (member->disk);
  return desk->init_status;
}

static void on_opened (void *owner, int status,
                       const struct raft_detail *detail) {
  struct desk_member *member = owner;
  member->status = status;
  member->detail = *detail;
  member->state = status == RAFT_OK ? DESK_UP : DESK_REFUSED;
}

static void on_stopped (void *owner, int status,
                        const struct raft_detail *detail) {
  struct desk_member *member = owner;
  member->status = status;
  member->detail = *detail;
  member->state = DESK_STOPPED;
}

static void on_closed (void *owner) {
  struct desk_member *member = owner;
  member->state = DESK_CLOSED;
}

void desk_start (struct desk *desk, raft_id id) {
  struct desk_member *member = &desk->members[id];
  struct replica_options options;
  struct raft_guard guard;
  desk_kill (desk, id);
  if (!member->machine_keeps) {
    desk_machine_forget (member);
  }
  memset (&options, 0, sizeof options);
  options.memory = &member->arena.memory;
  options.fs = sim_disk_port (member->disk);
  options.net = &member->net;
  options.machine = &member->machine;
  options.clock = &member->clock;
  options.tracer = desk->tracer.levels != 0 ? &desk->tracer : NULL;
  options.limits = desk->limits;
  options.hash_interval = desk->hash_interval;
  options.version = member->version;
  options.bug = desk->bug;
  options.owner = member;
  options.opened = on_opened;
  options.stopped = on_stopped;
  memset (member->is_wanted, 0, sizeof member->is_wanted);
  member->state = DESK_OPENING;
  member->status = RAFT_OK;
  DESK_CALL (desk, guard,
             member->status = replica_new (&member->replica, &options);
             if (member->status == RAFT_OK) {
               replica_open (member->replica);
             });
  if (member->replica == NULL) {
    member->state = DESK_REFUSED;
  }
}

void desk_link_down (struct desk *desk, raft_id at, raft_id id,
                     enum net_down why) {
  struct desk_member *member = &desk->members[at];
  struct raft_guard guard;
  member->is_linked[id] = false;
  if (member->state == DESK_UP) {
    DESK_CALL (desk, guard, replica_on_link_down (member->replica, id, why));
  }
}

/* Others notice the end of its links. */
static void unlink_all (struct desk *desk, raft_id id) {
  raft_id other;
  for (other = 1; other <= desk->count; other++) {
    desk->members[id].is_linked[other] = false;
    if (desk->members[other].is_linked[id]) {
      desk_link_down (desk, other, id, NET_DOWN_ENDED);
    }
  }
}

void desk_kill (struct desk *desk, raft_id id) {
  struct desk_member *member = &desk->members[id];
  struct raft_guard guard;
  if (member->replica != NULL) {
    DESK_CALL (desk, guard, replica_free (member->replica));
    member->replica = NULL;
  }
  member->request_count = 0;
  raft_arena_clear (&member->arena);
  sim_disk_kill (member->disk);
  member->state = DESK_DOWN;
  unlink_all (desk, id);
}

void desk_crash (struct desk *desk, raft_id id, uint64_t mask) {
  struct sim_choice_mask choice;
  desk_kill (desk, id);
  sim_choice_mask_init (&choice, mask);
  sim_disk_crash (desk->members[id].disk, &choice.choice);
}

void desk_close (struct desk *desk, raft_id id) {
  struct desk_member *member = &desk->members[id];
  struct raft_guard guard;
  if (member->replica != NULL && member->state != DESK_CLOSED) {
    DESK_CALL (desk, guard, replica_close (member->replica, on_closed));
  }
}

/* ---- running ---------------------------------------------------------- */

static void flush (struct desk *desk, struct desk_member *member) {
  struct raft_guard guard;
  if (member->replica != NULL) {
    DESK_CALL (desk, guard, replica_flush (member->replica));
  }
}

int desk_request (struct desk *desk, raft_id id, uint64_t connection,
                  const struct wire_view *bytes, bool is_admin) {
  struct desk_member *member = &desk->members[id];
  struct raft_guard guard;
  volatile int status = RAFT_ECLOSED;
  if (member->state == DESK_UP) {
    DESK_CALL (desk, guard,
               status = (is_admin ? replica_on_admin : replica_on_request) (
                 member->replica, connection, bytes->data, bytes->size));
  }
  return status;
}

void desk_hang_up (struct desk *desk, raft_id id, uint64_t connection) {
  struct desk_member *member = &desk->members[id];
  struct raft_guard guard;
  if (member->state == DESK_UP) {
    DESK_CALL (desk, guard,
               replica_on_hang_up (member->replica, connection));
  }
}

/* a dials b: both judge, then messages may go from a to b. */
static bool link_pair (struct desk *desk, raft_id a, raft_id b) {
  struct desk_member *from = &desk->members[a];
  struct desk_member *to = &desk->members[b];
  struct wire_greeting mine, theirs;
  struct replica_origin dialler = { RAFT_ID_NONE, "a dial" };
  struct replica_origin dialled = { b, "the desk" };
  struct wire_refusal refusal;
  struct raft_guard guard;
  if (a == b || from->is_linked[b] || !from->is_wanted[b]
      || from->state != DESK_UP
      || to->state != DESK_UP || desk->is_cut[a][b] || desk->is_cut[b][a]) {
    return false;
  }
  from->is_linked[b] = true;
  DESK_CALL (desk, guard,
             replica_greeting (from->replica, &mine);
             replica_greeting (to->replica, &theirs);
             if (replica_judge (to->replica, &mine, &dialler, &refusal)
                 != RAFT_OK) {
               desk->refused++;
               replica_on_refused (from->replica, &dialled, &refusal);
             } else if (replica_judge (from->replica, &theirs, &dialled,
                                       &refusal)
                        == RAFT_OK) {
               replica_on_link_up (from->replica, b, theirs.incarnation);
             } else {
               desk->refused++;
             });
  return true;
}

static int hear (struct desk_member *member, const struct wire_rpc *rpc,
                 const struct replica_origin *origin) {
  struct wire_greeting greeting;
  struct wire_refusal refusal;
  int status;
  if (wire_rpc_is_refusal (rpc)) {
    status = wire_refusal_decode (rpc->params, &refusal);
    if (status == RAFT_OK) {
      replica_on_refused (member->replica, origin, &refusal);
    }
    return status;
  }
  status = wire_greeting_decode (rpc->params, &greeting, NULL);
  return status == RAFT_OK ? replica_judge (member->replica, &greeting,
                                            origin, &refusal)
                           : status;
}

int desk_hear (struct desk *desk, raft_id id, const uint8_t *data,
               size_t size, raft_id dialled) {
  struct replica_origin origin = { dialled, "the desk" };
  struct raft_guard guard;
  struct wire_rpc rpc;
  int status = wire_rpc_decode (data, size, &rpc);
  if (status == RAFT_OK) {
    DESK_CALL (desk, guard,
               status = hear (&desk->members[id], &rpc, &origin));
  }
  return status;
}

static bool link_all (struct desk *desk) {
  raft_id a, b;
  bool moved = false;
  for (a = 1; a <= desk->count; a++) {
    for (b = 1; b <= desk->count; b++) {
      moved = link_pair (desk, a, b) || moved;
    }
  }
  return moved;
}

static bool deliver_one (struct desk *desk) {
  struct desk_note *note = queue_take (&desk->messages);
  struct desk_member *to;
  struct raft_guard guard;
  if (note == NULL) {
    return false;
  }
  to = &desk->members[note->to];
  if (note->to != 0 && to->state == DESK_UP
      && !desk->is_cut[note->from][note->to]) {
    DESK_CALL (desk, guard,
               if (replica_on_message (to->replica, note->from, note->bytes,
                                       note->size) != RAFT_OK) {
                 desk->refused++;
               });
    flush (desk, to);
  }
  free (note);
  return true;
}

static bool machine_one (struct desk *desk, struct desk_member *member) {
  struct machine_request *request;
  struct raft_guard guard;
  if (member->request_count == 0 || member->machine_held) {
    return false;
  }
  request = member->requests[0];
  member->request_count--;
  memmove (member->requests, member->requests + 1,
           member->request_count * sizeof member->requests[0]);
  desk_machine_perform (member, request);
  DESK_CALL (desk, guard, request->done (request));
  flush (desk, member);
  return true;
}

static bool disk_one (struct desk *desk, struct desk_member *member) {
  struct raft_guard guard;
  if (member->disk_held || sim_disk_pending (member->disk) == 0) {
    return false;
  }
  DESK_CALL (desk, guard, (void)sim_disk_step (member->disk));
  flush (desk, member);
  return true;
}

void desk_finish_disk (struct desk *desk, raft_id id) {
  struct desk_member *member = &desk->members[id];
  struct raft_guard guard;
  while (desk->panic[0] == '\0' && sim_disk_pending (member->disk) > 0) {
    DESK_CALL (desk, guard, (void)sim_disk_step (member->disk));
    flush (desk, member);
  }
}

static bool settle_once (struct desk *desk) {
  bool moved = link_all (desk);
  raft_id id;
  for (id = 1; id <= desk->count; id++) {
    struct desk_member *member = &desk->members[id];
    flush (desk, member);
    moved = disk_one (desk, member) || moved;
    moved = machine_one (desk, member) || moved;
  }
  return deliver_one (desk) || moved;
}

void desk_settle (struct desk *desk) {
  unsigned steps = 0;
  while (desk->panic[0] == '\0' && settle_once (desk)) {
    if (++steps > DESK_STEPS_MAX) {
      memcpy (desk->panic, "the desk runs in a circle", 26);
    }
  }
}

static raft_time next_deadline (struct desk *desk) {
  raft_time deadline = RAFT_TIME_MAX;
  raft_id id;
  for (id = 1; id <= desk->count; id++) {
    const struct desk_member *member = &desk->members[id];
    if (member->replica != NULL && member->state == DESK_UP) {
      raft_time due = replica_deadline (member->replica);
      deadline = due < deadline ? due : deadline;
    }
  }
  return deadline;
}

static void tell_time_to (struct desk *desk, struct desk_member *member) {
  struct raft_guard guard;
  if (member->state == DESK_UP
      && replica_deadline (member->replica) <= desk->now) {
    DESK_CALL (desk, guard, replica_on_time (member->replica));
    flush (desk, member);
  }
}

static void tell_time (struct desk *desk) {
  raft_id id;
  for (id = 1; id <= desk->count; id++) {
    tell_time_to (desk, &desk->members[id]);
  }
}

void desk_run (struct desk *desk, raft_time length) {
  raft_time end = desk->now + length;
  unsigned steps = 0;
  desk_settle (desk);
  while (desk->panic[0] == '\0') {
    raft_time due = next_deadline (desk);
    if (due > end) {
      break;
    }
    desk->now = due > desk->now ? due : desk->now;
    tell_time (desk);
    desk_settle (desk);
    if (++steps > DESK_STEPS_MAX) {
      memcpy (desk->panic, "a deadline does not move", 25);
    }
  }
  desk->now = end;
}
