/* SPDX-License-Identifier: MIT
**
** disk.c - requests that wait, and requests that fail.
**
**   submit ─► | waiting … | ─► below ─► done
**                 └ a slow sync holds back all behind it
**
** Rule: a request that fails becomes the list of the directory below, which
**       changes nothing and is done in its turn.
** Rule: a tool for tests: it asserts that there is memory. */

#include "fault/disk.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/panic.h"

/* One request, above and below. */
struct fault_task {
  struct fs_request request; /* below */
  struct fault_task *next;   /* waiting */
  struct fault_task *older;  /* all of them */
  struct fault_task *newer;
  struct fault_disk *fault;
  struct fs_request *above;
  int status;                /* that it fails with; RAFT_OK: as below */
  struct raft_buffer nothing;
};

struct fault_file {
  int64_t number;
  uint64_t size;
};

struct fault_disk {
  struct port_fs port; /* first */
  struct port_fs *below;
  struct port_clock *clock;
  struct fault_task *first; /* waiting */
  struct fault_task *last;
  struct fault_task *tasks; /* all, newest first */
  bool is_holding;          /* the first one waits until 'until' */
  raft_time until;
  raft_time slow_us;
  uint64_t left;            /* bytes */
  uint64_t fail;            /* 0: none */
  void (*lost) (void *owner, const struct fs_request *sync);
  void *owner;              /* of 'lost' */
  struct fault_file *files; /* open ones */
  size_t file_count;
  size_t file_capacity;
};

/* ---- files ------------------------------------------------------------- */

static struct fault_file *find (struct fault_disk *fault, int64_t number) {
  for (size_t i = 0; i < fault->file_count; i++) {
    if (fault->files[i].number == number) {
      return &fault->files[i];
    }
  }
  return NULL;
}

static void add_file (struct fault_disk *fault,
                      const struct fs_request *opened, uint64_t size) {
  void *files = fault->files;
  int status = raft_reserve (&raft_memory_plain, &files,
                             &fault->file_capacity, fault->file_count + 1,
                             sizeof *fault->files);
  raft_assert (status == RAFT_OK);
  fault->files = files;
  fault->files[fault->file_count].number = opened->file;
  fault->files[fault->file_count].size = size;
  fault->file_count++;
}

static void remove_file (struct fault_disk *fault, int64_t number) {
  struct fault_file *file = find (fault, number);
  if (file != NULL) {
    *file = fault->files[--fault->file_count];
  }
}

static uint64_t end_of (const struct fs_request *request) {
  uint64_t end = request->offset;
  for (size_t i = 0; i < request->slice_count; i++) {
    end += request->slices[i].size;
  }
  return end;
}

/* Takes from what is left what the file grows by. */
static int grow (struct fault_disk *fault, const struct fs_request *request,
                 uint64_t end) {
  struct fault_file *file = find (fault, request->file);
  uint64_t more;
  if (file == NULL || end <= file->size) {
    return RAFT_OK;
  }
  more = end - file->size;
  if (fault->left != FAULT_DISK_ENDLESS) {
    if (more > fault->left) {
      return RAFT_EDISK_FULL;
    }
    fault->left -= more;
  }
  file->size = end;
  return RAFT_OK;
}

/* ---- failing ----------------------------------------------------------- */

static bool is_sync (const struct fs_request *request) {
  return request->operation == FS_SYNC
         || request->operation == FS_SYNC_DIRECTORY;
}

static int verdict_on (struct fault_disk *fault,
                       const struct fs_request *request) {
  bool can_fail = is_sync (request) || request->operation == FS_WRITE;
  if (can_fail && fault->fail > 0) {
    fault->fail--;
    if (fault->fail == 0) {
      return RAFT_EIO;
    }
  }
  switch (request->operation) {
    case FS_ALLOCATE:
      return grow (fault, request, request->size);
    case FS_WRITE:
      return grow (fault, request, end_of (request));
    case FS_CREATE:
      return fault->left == 0 ? RAFT_EDISK_FULL : RAFT_OK;
    default:
      return RAFT_OK;
  }
}

/* ---- completions ------------------------------------------------------- */

static void task_free (struct fault_task *task) {
  if (task->newer != NULL) {
    task->newer->older = task->older;
  } else {
    task->fault->tasks = task->older;
  }
  if (task->older != NULL) {
    task->older->newer = task->newer;
  }
  raft_buffer_free (&task->nothing);
  raft_release (&raft_memory_plain, task, sizeof *task);
}

static void on_done (struct fs_request *request) {
  struct fault_task *task = request->owner;
  struct fs_request *above = task->above;
  above->status = task->status != RAFT_OK ? task->status : request->status;
  if (task->status == RAFT_OK) {
    above->file = request->file;
    above->size = request->size;
  }
  if (above->status == RAFT_OK && above->operation == FS_OPEN) {
    add_file (task->fault, above, above->size);
  } else if (above->status == RAFT_OK && above->operation == FS_CREATE) {
    add_file (task->fault, above, 0);
  }
  task_free (task);
  above->done (above);
}

/* ---- the queue --------------------------------------------------------- */

static void send (struct fault_disk *fault, struct fault_task *task) {
  task->status = verdict_on (fault, &task->request);
  if (task->request.operation == FS_CLOSE) {
    remove_file (fault, task->request.file);
  }
  if (task->status != RAFT_OK) {
    if (fault->lost != NULL && is_sync (&task->request)) {
      fault->lost (fault->owner, &task->request);
    }
    task->request.operation = FS_LIST;
    task->request.bytes = &task->nothing;
  }
  fault->below->submit (fault->below, &task->request);
}

static void pump (struct fault_disk *fault) {
  while (fault->first != NULL) {
    struct fault_task *task = fault->first;
    if (is_sync (&task->request) && fault->slow_us > 0
        && !fault->is_holding) {
      fault->is_holding = true;
      fault->until = fault->clock->now (fault->clock) + fault->slow_us;
    }
    if (fault->is_holding
        && fault->clock->now (fault->clock) < fault->until) {
      return;
    }
    fault->is_holding = false;
    fault->first = task->next;
    if (fault->first == NULL) {
      fault->last = NULL;
    }
    send (fault, task);
  }
}

static void submit (struct port_fs *port, struct fs_request *request) {
  struct fault_disk *fault = (struct fault_disk *)(void *)port;
  struct fault_task *task
    = raft_allocate_zeroed (&raft_memory_plain, sizeof *task);
  raft_assert (task != NULL);
  task->fault = fault;
  task->above = request;
  task->request = *request;
  task->request.done = on_done;
  task->request.owner = task;
  task->request.world = NULL;
  raft_buffer_init (&task->nothing, &raft_memory_plain);
  task->older = fault->tasks;
  if (fault->tasks != NULL) {
    fault->tasks->newer = task;
  }
  fault->tasks = task;
  if (fault->last != NULL) {
    fault->last->next = task;
  } else {
    fault->first = task;
  }
  fault->last = task;
  pump (fault);
}

/* ---- the face ---------------------------------------------------------- */

struct fault_disk *fault_disk_new (struct port_fs *below,
                                   struct port_clock *clock) {
  struct fault_disk *fault
    = raft_allocate_zeroed (&raft_memory_plain, sizeof *fault);
  if (fault != NULL) {
    fault->port.submit = submit;
    fault->below = below;
    fault->clock = clock;
    fault->left = FAULT_DISK_ENDLESS;
  }
  return fault;
}

void fault_disk_free (struct fault_disk *fault) {
  if (fault == NULL) {
    return;
  }
  while (fault->tasks != NULL) {
    task_free (fault->tasks);
  }
  raft_release (&raft_memory_plain, fault->files,
                fault->file_capacity * sizeof *fault->files);
  raft_release (&raft_memory_plain, fault, sizeof *fault);
}

struct port_fs *fault_disk_port (struct fault_disk *fault) {
  return &fault->port;
}

void fault_disk_slow (struct fault_disk *fault, raft_time by) {
  fault->slow_us = by;
  if (by == 0) {
    fault->is_holding = false;
    pump (fault);
  }
}

void fault_disk_fill (struct fault_disk *fault, uint64_t left) {
  fault->left = left;
}

void fault_disk_fail (struct fault_disk *fault, uint64_t nth) {
  fault->fail = nth;
}

void fault_disk_tell (struct fault_disk *fault,
                      void (*lost) (void *owner,
                                    const struct fs_request *sync),
                      void *owner) {
  fault->lost = lost;
  fault->owner = owner;
}

/* ---- time -------------------------------------------------------------- */

raft_time fault_disk_deadline (const struct fault_disk *fault) {
  return fault->is_holding ? fault->until : RAFT_TIME_MAX;
}

void fault_disk_on_time (struct fault_disk *fault) {
  pump (fault);
}
