/* SPDX-License-Identifier: MIT
**
** queue.c - a binary heap whose elements know their place. */

#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

/* A spare event keeps its buffer unless it is larger than this: one message
** of many entries shall not be kept by every event of a run. */
#define KEPT_BYTES_MAX ((size_t)16 * 1024)

void sim_queue_init (struct sim_queue *queue) {
  memset (queue, 0, sizeof *queue);
}

static void event_free (struct sim_event *event) {
  free (event->bytes);
  event->bytes = NULL;
  if (!event->is_owned) {
    free (event);
  }
}

void sim_queue_free (struct sim_queue *queue) {
  for (size_t i = 0; i < queue->count; i++) {
    event_free (queue->heap[i]);
  }
  while (queue->spare != NULL) {
    struct sim_event *event = queue->spare;
    queue->spare = event->next;
    event_free (event);
  }
  free (queue->heap);
  sim_queue_init (queue);
}

struct sim_event *sim_event_new (struct sim_queue *queue,
                                 enum sim_event_kind kind) {
  struct sim_event *event = queue->spare;
  if (event == NULL) {
    event = calloc (1, sizeof *event);
    raft_assert (event != NULL);
  } else {
    queue->spare = event->next;
  }
  event->kind = (uint8_t)kind;
  event->position = SIM_NOT_QUEUED;
  event->reason = 0;
  event->target = 0;
  event->source = 0;
  event->life = 0;
  event->tag = 0;
  event->message = 0;
  event->size = 0;
  event->next = NULL;
  return event;
}

void sim_event_fill (struct sim_event *event, const void *data, size_t size) {
  if (event->capacity < size) {
    size_t capacity = event->capacity < 128 ? 128 : event->capacity;
    while (capacity < size) {
      capacity *= 2;
    }
    free (event->bytes);
    event->bytes = malloc (capacity);
    raft_assert (event->bytes != NULL);
    event->capacity = capacity;
  }
  if (size > 0) {
    memcpy (event->bytes, data, size);
  }
  event->size = size;
}

void sim_event_recycle (struct sim_queue *queue, struct sim_event *event) {
  if (event->is_owned) {
    return;
  }
  raft_assert (event->position == SIM_NOT_QUEUED);
  if (event->capacity > KEPT_BYTES_MAX) {
    free (event->bytes);
    event->bytes = NULL;
    event->capacity = 0;
  }
  event->next = queue->spare;
  queue->spare = event;
}

static bool comes_before (const struct sim_event *a,
                          const struct sim_event *b) {
  return a->time < b->time || (a->time == b->time && a->number < b->number);
}

static void put (struct sim_queue *queue, size_t at,
                 struct sim_event *event) {
  queue->heap[at] = event;
  event->position = (uint32_t)at;
}

static void sift_up (struct sim_queue *queue, struct sim_event *event) {
  size_t at = event->position;
  while (at > 0) {
    size_t parent = (at - 1) / 2;
    if (!comes_before (event, queue->heap[parent])) {
      break;
    }
    put (queue, at, queue->heap[parent]);
    at = parent;
  }
  put (queue, at, event);
}

static void sift_down (struct sim_queue *queue, struct sim_event *event) {
  size_t at = event->position;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= queue->count) {
      break;
    }
    if (child + 1 < queue->count
        && comes_before (queue->heap[child + 1], queue->heap[child])) {
      child++;
    }
    if (!comes_before (queue->heap[child], event)) {
      break;
    }
    put (queue, at, queue->heap[child]);
    at = child;
  }
  put (queue, at, event);
}

void sim_queue_push (struct sim_queue *queue, struct sim_event *event,
                     raft_time time) {
  raft_assert (event->position == SIM_NOT_QUEUED);
  if (queue->count == queue->capacity) {
    size_t capacity = queue->capacity == 0 ? 256 : queue->capacity * 2;
    struct sim_event **heap
      = realloc (queue->heap, capacity * sizeof *heap);
    raft_assert (heap != NULL && capacity < SIM_NOT_QUEUED);
    queue->heap = heap;
    queue->capacity = capacity;
  }
  event->time = time;
  event->number = queue->started++;
  put (queue, queue->count, event);
  queue->count++;
  sift_up (queue, event);
}

void sim_queue_remove (struct sim_queue *queue, struct sim_event *event) {
  struct sim_event *last;
  size_t at = event->position;
  if (event->position == SIM_NOT_QUEUED) {
    return;
  }
  raft_assert (at < queue->count && queue->heap[at] == event);
  event->position = SIM_NOT_QUEUED;
  queue->count--;
  last = queue->heap[queue->count];
  if (last != event) {
    put (queue, at, last);
    sift_up (queue, last);
    sift_down (queue, last);
  }
}

void sim_queue_move (struct sim_queue *queue, struct sim_event *event,
                     raft_time time) {
  if (event->position == SIM_NOT_QUEUED) {
    sim_queue_push (queue, event, time);
    return;
  }
  event->time = time;
  event->number = queue->started++;
  sift_up (queue, event);
  sift_down (queue, event);
}

struct sim_event *sim_queue_first (const struct sim_queue *queue) {
  return queue->count == 0 ? NULL : queue->heap[0];
}

struct sim_event *sim_queue_pop (struct sim_queue *queue) {
  struct sim_event *event = sim_queue_first (queue);
  if (event != NULL) {
    sim_queue_remove (queue, event);
  }
  return event;
}
