/* SPDX-License-Identifier: MIT
**
** link.c - dialling and greeting between members. */

#include "sim/link.h"

#include <stdio.h>

#include "sim/build.h"
#include "sim/check.h"
#include "sim/mark.h"
#include "sim/member.h"
#include "sim/note.h"
#include "wire/greeting.h"

/* What is dialled and ended overtakes whatever else is under way. */
static raft_time dial_delay (struct sim_net *net, enum sim_matter_kind kind,
                             raft_id from, raft_id to) {
  raft_time ignored = 0;
  return sim_net_arrival (
    net, sim_matter (net->world, kind, sim_whom_pair (from, to)),
    net->slow[from][to], &ignored);
}

/* ---- sending ----------------------------------------------------------- */

/* Tells 'to' what became of its dial or link; 'epoch' says of which one. */
static void tell_down (struct sim_net *net, struct sim_member *who,
                       raft_id other, uint64_t epoch, enum net_down why,
                       raft_time time) {
  struct sim_world *world = net->world;
  struct sim_event *event
    = sim_event_new (&world->queue, SIM_EVENT_LINK_DOWN);
  event->target = (uint32_t)who->id;
  event->source = (uint32_t)other;
  event->life = who->life;
  event->tag = epoch;
  event->reason = (uint8_t)why;
  sim_queue_push (&world->queue, event, time);
}

static int encode_greeting (struct sim_member *member,
                            struct raft_buffer *out) {
  struct wire_greeting greeting;
  replica_greeting (member->replica, &greeting);
  member->incarnation = greeting.incarnation;
  raft_buffer_init (out, &raft_memory_plain);
  return wire_greeting_encode (out, &greeting);
}

/* A greeting, or the answer to one. 'bytes' is freed. */
static void send_bytes (struct sim_net *net, struct sim_event *event,
                        struct sim_member *from, raft_id to,
                        struct raft_buffer *bytes) {
  sim_event_fill (event, bytes->data, bytes->size);
  raft_buffer_free (bytes);
  event->target = (uint32_t)to;
  event->source = (uint32_t)from->id;
  sim_queue_push (&net->world->queue, event,
                  dial_delay (net,
                              event->kind == SIM_EVENT_DIAL
                                ? SIM_MATTER_DIAL
                                : SIM_MATTER_GREETING,
                              from->id, to));
}

static void send_greeting (struct sim_net *net, struct sim_member *from,
                           raft_id to, enum sim_event_kind kind,
                           uint64_t life, uint64_t epoch) {
  struct sim_event *event = sim_event_new (&net->world->queue, kind);
  struct raft_buffer bytes;
  int status = encode_greeting (from, &bytes);
  raft_assert (status == RAFT_OK);
  event->life = life;
  event->tag = epoch;
  send_bytes (net, event, from, to, &bytes);
}

static void send_refusal (struct sim_net *net, struct sim_member *from,
                          const struct sim_event *dialled,
                          const struct wire_refusal *refusal) {
  struct sim_event *event
    = sim_event_new (&net->world->queue, SIM_EVENT_GREETED);
  struct raft_buffer bytes;
  int status;
  raft_buffer_init (&bytes, &raft_memory_plain);
  status = wire_refusal_encode (&bytes, refusal);
  raft_assert (status == RAFT_OK);
  event->life = net->world->members[dialled->source]->life;
  event->tag = dialled->tag;
  send_bytes (net, event, from, dialled->source, &bytes);
}

static void dial (struct sim_net *net, struct sim_member *from, raft_id to) {
  struct sim_link *link = &net->links[from->id][to];
  struct sim_world *world = net->world;
  if (!link->is_wanted || link->state != SIM_LINK_DOWN
      || !sim_member_is_up (from)) {
    return;
  }
  world->counters.dials++;
  link->state = SIM_LINK_DIALLING;
  link->epoch++;
  if (sim_net_is_cut (net, from->id, to)
      || sim_net_is_cut (net, to, from->id)) {
    tell_down (net, from, to, link->epoch, NET_DOWN_SILENT,
               world->now + world->options.redial_us * 4);
  } else {
    send_greeting (net, from, to, SIM_EVENT_DIAL, 0, link->epoch);
  }
}

static void dial_later (struct sim_net *net, struct sim_member *from,
                        raft_id to) {
  struct sim_world *world = net->world;
  struct sim_event *event = sim_event_new (&world->queue, SIM_EVENT_REDIAL);
  raft_time pause = world->options.redial_us;
  struct sim_matter matter = sim_matter (world, SIM_MATTER_REDIAL,
                                         sim_whom_pair (from->id, to));
  event->target = (uint32_t)from->id;
  event->source = (uint32_t)to;
  event->life = from->life;
  sim_queue_push (&world->queue, event,
                  world->now + 1 + pause / 2
                    + sim_choose (world, SIM_CHOICE_DELAY, matter,
                                  pause + 1));
}

void sim_link_want (struct sim_net *net, struct sim_member *from, raft_id to,
                    bool is_wanted) {
  struct sim_link *link = &net->links[from->id][to];
  bool is_new = is_wanted && !link->is_wanted;
  link->is_wanted = is_wanted;
  if (!is_wanted) {
    link->state = SIM_LINK_DOWN;
    link->epoch++;
  } else if (is_new) {
    dial (net, from, to);
  }
}

void sim_link_dial_all (struct sim_net *net, struct sim_member *from) {
  for (raft_id to = 1; to <= net->world->member_count; to++) {
    dial (net, from, to);
  }
}

/* ---- arriving ---------------------------------------------------------- */

#define ADDRESS_TEXT 24

static struct replica_origin origin_of (const struct sim_event *event,
                                        char text[ADDRESS_TEXT]) {
  struct replica_origin origin = { RAFT_ID_NONE, text };
  (void)snprintf (text, ADDRESS_TEXT, "host %u", event->source);
  if (event->kind == SIM_EVENT_GREETED) {
    origin.dialled = event->source;
  }
  return origin;
}

/* Of who was removed, or is about to be. */
static bool is_outside (const struct sim_world *world, int status) {
  return world->counters.configurations > 0
         && (status == RAFT_EREMOVED || status == RAFT_ENOT_FOUND);
}

/* Who was added with a build that lacks what this member has on by now. */
static bool is_outdated (const struct sim_member *member,
                         const struct wire_greeting *greeting, int status) {
  struct replica_status own;
  replica_get_status (member->replica, &own);
  return status == RAFT_EUNSUPPORTED
         && sim_build_may_lack (member->world, greeting->member)
         && (own.features_agreed & ~greeting->features) != 0;
}

static int judge (struct sim_net *net, struct sim_member *member,
                  struct sim_event *event, uint64_t *incarnation,
                  struct wire_refusal *refusal) {
  struct wire_view bytes = { event->bytes, event->size };
  struct sim_world *world = net->world;
  char address[ADDRESS_TEXT];
  struct replica_origin origin = origin_of (event, address);
  struct wire_greeting greeting;
  struct wire_rpc rpc;
  int status = wire_rpc_decode (bytes.data, bytes.size, &rpc);
  if (status == RAFT_OK) {
    status = wire_greeting_decode (rpc.params, &greeting, NULL);
  }
  if (status == RAFT_OK) {
    status = replica_judge (member->replica, &greeting, &origin, refusal);
    *incarnation = greeting.incarnation;
  }
  if (status == RAFT_OK
      && sim_check_is_impostor (world, member->id, event->source,
                                *incarnation)) {
    sim_violate (world, "identity", "member %llu accepts wiped member %u",
                 (unsigned long long)member->id, event->source);
  }
  if (status != RAFT_OK) {
    world->counters.judged++;
    if (status == RAFT_EWIPED) {
      world->counters.wiped_refused++;
    } else if (status != RAFT_ENOMEM && !is_outside (world, status)
               && !is_outdated (member, &greeting, status)) {
      sim_violate (world, "greeting", "member %llu refuses member %u: %s",
                   (unsigned long long)member->id, event->source,
                   raft_error_name (status));
    }
  }
  return status;
}

void sim_link_refuse (struct sim_net *net, const struct sim_event *event) {
  tell_down (net, net->world->members[event->source], event->target,
             event->tag, NET_DOWN_REFUSED,
             dial_delay (net, SIM_MATTER_DOWN, event->target,
                         event->source));
}

void sim_link_on_dial (struct sim_net *net, struct sim_member *member,
                       struct sim_event *event) {
  struct sim_member *from = net->world->members[event->source];
  raft_time time
    = dial_delay (net, SIM_MATTER_DOWN, member->id, event->source);
  uint64_t incarnation = 0;
  struct wire_refusal refusal = { 0 };
  if (sim_net_is_cut (net, event->source, member->id)
      || sim_net_is_cut (net, member->id, event->source)) {
    tell_down (net, from, member->id, event->tag, NET_DOWN_SILENT, time);
  } else if (!sim_member_is_up (member)) {
    tell_down (net, from, member->id, event->tag, NET_DOWN_REFUSED, time);
  } else if (judge (net, member, event, &incarnation, &refusal) != RAFT_OK) {
    if (refusal.code != RAFT_OK) {
      send_refusal (net, member, event, &refusal);
    } else {
      tell_down (net, from, member->id, event->tag, NET_DOWN_ENDED, time);
    }
  } else {
    member->greeted[event->source] = incarnation;
    send_greeting (net, member, event->source, SIM_EVENT_GREETED, from->life,
                   event->tag);
  }
}

/* Whether the answer is no; then the dial is over. */
static bool take_refusal (struct sim_member *member,
                          const struct sim_event *event) {
  char address[ADDRESS_TEXT];
  struct replica_origin origin = origin_of (event, address);
  struct wire_refusal refusal;
  struct wire_rpc rpc;
  if (wire_rpc_decode (event->bytes, event->size, &rpc) != RAFT_OK
      || !wire_rpc_is_refusal (&rpc)
      || wire_refusal_decode (rpc.params, &refusal) != RAFT_OK) {
    return false;
  }
  replica_on_refused (member->replica, &origin, &refusal);
  return true;
}

void sim_link_on_greeted (struct sim_net *net, struct sim_member *member,
                          struct sim_event *event) {
  struct sim_link *link = &net->links[member->id][event->source];
  uint64_t incarnation = 0;
  struct wire_refusal refusal;
  if (link->epoch != event->tag || link->state != SIM_LINK_DIALLING) {
    return;
  }
  if (sim_net_is_cut (net, event->source, member->id)) {
    tell_down (net, member, event->source, event->tag, NET_DOWN_SILENT,
               net->world->now);
  } else if (take_refusal (member, event)
             || judge (net, member, event, &incarnation, &refusal)
                  != RAFT_OK) {
    tell_down (net, member, event->source, event->tag, NET_DOWN_ENDED,
               net->world->now);
  } else {
    link->state = SIM_LINK_UP;
    link->has_ended = false;
    net->world->counters.links++;
    replica_on_link_up (member->replica, event->source, incarnation);
  }
}

void sim_link_on_down (struct sim_net *net, struct sim_member *member,
                       struct sim_event *event) {
  struct sim_link *link = &net->links[member->id][event->source];
  bool was_up = link->state == SIM_LINK_UP;
  if (link->epoch != event->tag || link->state == SIM_LINK_DOWN) {
    return;
  }
  /* A link that was cut and mended in time has not ended. */
  if (was_up && event->reason == NET_DOWN_SILENT
      && !sim_net_is_cut (net, member->id, event->source)
      && !sim_net_is_cut (net, event->source, member->id)) {
    return;
  }
  link->state = SIM_LINK_DOWN;
  if (was_up || event->reason == NET_DOWN_SILENT) {
    link->has_ended = event->reason == NET_DOWN_ENDED;
  } else if (event->reason == NET_DOWN_REFUSED && link->has_ended) {
    sim_check_gone (net->world, member->id, event->source);
  }
  sim_mark_link_down (net->world, (enum net_down)event->reason);
  replica_on_link_down (member->replica, event->source,
                        (enum net_down)event->reason);
  dial_later (net, member, event->source);
}

void sim_link_on_redial (struct sim_net *net, struct sim_member *member,
                         struct sim_event *event) {
  dial (net, member, event->source);
}

/* ---- ending ------------------------------------------------------------ */

void sim_link_grow_silent (struct sim_net *net, raft_id from, raft_id to) {
  struct sim_link *link = &net->links[from][to];
  struct sim_member *member = net->world->members[from];
  if (member != NULL && link->state == SIM_LINK_UP) {
    tell_down (net, member, to, link->epoch, NET_DOWN_SILENT,
               net->world->now + net->world->options.silent_us);
  }
}

void sim_net_reset (struct sim_net *net, raft_id from, raft_id to) {
  struct sim_link *link = &net->links[from][to];
  struct sim_member *member = net->world->members[from];
  if (from == 0 || to == 0) {
    sim_connection_reset (net, from + to);
  } else if (link->state == SIM_LINK_UP && !sim_net_is_cut (net, to, from)) {
    const uint64_t fields[4] = { from, to };
    net->world->counters.resets++;
    sim_note_fields (net->world, RAFT_TRACE_SIM_RESET, RAFT_ID_NONE, fields);
    tell_down (net, member, to, link->epoch, NET_DOWN_ENDED,
               dial_delay (net, SIM_MATTER_DOWN, to, from));
  }
}

/* Its own links are gone at once; the others get an end of file, unless it
** is lost at a cut: then they learn of it from silence. */
void sim_net_forget (struct sim_net *net, raft_id id) {
  struct sim_world *world = net->world;
  for (raft_id other = 1; other <= world->member_count; other++) {
    struct sim_link *own = &net->links[id][other];
    struct sim_link *theirs = &net->links[other][id];
    own->state = SIM_LINK_DOWN;
    own->is_wanted = false;
    own->has_ended = false;
    own->epoch++;
    if (other == id || theirs->state != SIM_LINK_UP) {
      continue;
    }
    if (sim_net_is_cut (net, id, other)) {
      sim_link_grow_silent (net, other, id);
    } else {
      tell_down (net, world->members[other], id, theirs->epoch,
                 NET_DOWN_ENDED,
                 dial_delay (net, SIM_MATTER_DOWN, id, other));
    }
  }
  sim_connection_forget (net, id);
}
