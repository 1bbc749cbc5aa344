/* SPDX-License-Identifier: MIT
**
** queue.h - what is going to happen, in order of (time, start number).
**
** Holds:     events, a heap of them, and the used ones for the next time.
** Invariant: two events of one time happen in the order in which they were
**            put in; nothing is allocated once the heap and the spare events
**            have grown to what a run needs.
** Source:    libuv src/timer.c (heap, start number as tie breaker). */

#ifndef RAFT_SIM_QUEUE_H
#define RAFT_SIM_QUEUE_H

#include "base/types.h"

enum sim_event_kind {
  SIM_EVENT_MEMBER_TIME = 1, /* a member's deadline */
  SIM_EVENT_MESSAGE,         /* from member to member */
  SIM_EVENT_DIAL,            /* a greeting reaches the member dialled */
  SIM_EVENT_GREETED,         /* its own greeting comes back */
  SIM_EVENT_LINK_DOWN,       /* a member learns that its link has ended */
  SIM_EVENT_REDIAL,          /* a member dials again */
  SIM_EVENT_DISK,            /* the oldest request of a disk is done */
  SIM_EVENT_MACHINE,         /* the oldest request of a machine is done */
  SIM_EVENT_CONNECT,         /* a client's dial reaches the member */
  SIM_EVENT_REQUEST,         /* from client to member */
  SIM_EVENT_HANG_UP,         /* a member learns that a client is gone */
  SIM_EVENT_CLIENT_TIME,     /* a client's deadline */
  SIM_EVENT_CONNECTED,       /* a client learns what became of its dial */
  SIM_EVENT_REPLY,           /* from member to client */
  SIM_EVENT_DISCONNECTED,    /* a client learns that its connection ended */
  SIM_EVENT_WORKLOAD,        /* a client's next operation */
  SIM_EVENT_NEMESIS,         /* the next fault, or the end of one */
  SIM_EVENT_KINDS
};

#define SIM_NOT_QUEUED UINT32_MAX

struct sim_event {
  raft_time time;
  uint64_t number;       /* start number */
  uint32_t position;     /* in the heap, or SIM_NOT_QUEUED */
  uint8_t kind;          /* enum sim_event_kind */
  uint8_t reason;        /* enum net_down, enum sim_fault */
  bool is_owned;         /* part of another struct: never recycled */
  uint32_t target;       /* member or client that handles it, from 1 */
  uint32_t source;       /* who sent it, from 1; 0: nobody */
  uint64_t life;         /* of the target's process, 0: of any */
  uint64_t tag;          /* link epoch, connection, incarnation */
  uint64_t message;      /* its number in notes; decides nothing */
  uint8_t *bytes;
  size_t size;
  size_t capacity;
  struct sim_event *next;/* spare, or waiting for a paused member */
};

struct sim_queue {
  struct sim_event **heap;
  size_t count;
  size_t capacity;
  uint64_t started;      /* events so far: the next start number */
  struct sim_event *spare;
};

RAFT_HIDDEN_BEGIN

void sim_queue_init (struct sim_queue *queue);
/* Frees waiting and spare events. */
void sim_queue_free (struct sim_queue *queue);

/* An empty event. Memory of the world is not simulated: it aborts the run
** by an assertion when malloc fails. */
struct sim_event *sim_event_new (struct sim_queue *queue,
                                 enum sim_event_kind kind);
/* Copies bytes into an event. */
void sim_event_fill (struct sim_event *event, const void *data, size_t size);
/* To the spare ones; events that are part of another struct stay there. */
void sim_event_recycle (struct sim_queue *queue, struct sim_event *event);

void sim_queue_push (struct sim_queue *queue, struct sim_event *event,
                     raft_time time);
/* Another time for an event that may be queued or not. */
void sim_queue_move (struct sim_queue *queue, struct sim_event *event,
                     raft_time time);
void sim_queue_remove (struct sim_queue *queue, struct sim_event *event);
/* The next event, NULL when there is none. */
struct sim_event *sim_queue_first (const struct sim_queue *queue);
struct sim_event *sim_queue_pop (struct sim_queue *queue);

RAFT_HIDDEN_END

#endif
