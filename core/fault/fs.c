/* SPDX-License-Identifier: MIT
**
** fs.c - writes and renames held back until they are synced.
**
** Rule:   every request above becomes one or more below, and is done when the
**         last of them is: so all 'done' come in the order of submission. A
**         held write becomes a read of no bytes.
** Rule:   a tool for tests: it asserts that there is memory. */

#include "fault/fs.h"

#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"
#include "fault/held.h"

#define SECTOR ((size_t)512) /* bytes that a disk writes whole */

struct fault_fs {
  struct port_fs port; /* first */
  struct port_fs *below;
  struct held held;
  struct fault_call *calls;    /* under way, newest first */
  bool lies;                   /* syncs do nothing */
  unsigned moved;              /* files that had to make way below */
};

/* One request below. */
struct fault_call {
  struct fs_request request;
  struct fault_call *older;
  struct fault_call *newer;
  struct fault_fs *fault;
  struct fs_request *above;
  struct fault_call *first;    /* of those for the same request above */
  int status;                  /* in the first: of all */
  bool is_last;
  struct held_file *file;      /* OPEN, CREATE, RENAME */
  struct held_write *writes;   /* owned: written, or laid over a read */
  size_t start;                /* of a read: bytes that were there before */
  char name[HELD_NAME_BYTES];       /* below */
  char target[HELD_NAME_BYTES];
  struct raft_buffer nothing;  /* where a read of no bytes goes */
};

static void copy_name (char *to, const char *from) {
  raft_assert (strlen (from) < HELD_NAME_BYTES);
  memset (to, 0, HELD_NAME_BYTES);
  memcpy (to, from, strlen (from));
}

/* ---- completions ------------------------------------------------------- */

/* Lays held bytes over what the disk below gave, lengthening it if need be.
**
**   offset        ... + size
**   |--- asked for ---|
**   |- from below -|            what is there
**        |- held ----|          wins, and may end behind it             */
static void lay_over (const struct fault_call *call) {
  const struct fs_request *above = call->above;
  struct raft_buffer *out = above->bytes;
  uint64_t stop = above->offset + above->size;
  for (const struct held_write *write = call->writes; write != NULL;
       write = write->next) {
    uint64_t from = write->offset > above->offset ? write->offset
                                                  : above->offset;
    uint64_t to = write->offset + write->bytes.size;
    size_t needed;
    to = to < stop ? to : stop;
    if (from >= to) {
      continue;
    }
    needed = call->start + (size_t)(to - above->offset);
    if (needed > out->size) {
      int status = raft_buffer_reserve (out, needed - out->size);
      raft_assert (status == RAFT_OK);
      memset (out->data + out->size, 0, needed - out->size);
      out->size = needed;
    }
    memcpy (out->data + call->start + (size_t)(from - above->offset),
            write->bytes.data + (size_t)(from - write->offset),
            (size_t)(to - from));
  }
}

/* Puts 'name' where it belongs among sorted names from 'start' on. */
static void insert_name (struct raft_buffer *out, size_t start,
                         const char *name) {
  size_t size = strlen (name) + 1;
  size_t at = start;
  int status = raft_buffer_reserve (out, size);
  raft_assert (status == RAFT_OK);
  while (at < out->size && strcmp ((char *)out->data + at, name) < 0) {
    at += strlen ((char *)out->data + at) + 1;
  }
  memmove (out->data + at + size, out->data + at, out->size - at);
  memcpy (out->data + at, name, size);
  out->size += size;
}

/* Names below become names above. */
static void rename_list (const struct fault_call *call) {
  struct raft_buffer *out = call->above->bytes;
  struct raft_buffer below;
  raft_buffer_init (&below, &raft_memory_plain);
  if (out->size > call->start) {
    int status = raft_buffer_append (&below, out->data + call->start,
                                     out->size - call->start);
    raft_assert (status == RAFT_OK);
  }
  out->size = call->start;
  for (size_t at = 0; at < below.size;) {
    const char *name = (const char *)below.data + at;
    const struct held_file *file = held_below (&call->fault->held, name);
    if (file == NULL) {
      insert_name (out, call->start, name);
    } else if (file->name[0] != '\0') {
      insert_name (out, call->start, file->name);
    }
    at += strlen (name) + 1;
  }
  raft_buffer_free (&below);
}

static void finish_good (const struct fault_call *call) {
  struct fs_request *above = call->above;
  switch (above->operation) {
    case FS_OPEN:
    case FS_CREATE:
      above->file = call->request.file;
      above->size = held_end (call->file, call->request.size);
      held_open (&call->fault->held, above->file, call->file);
      break;
    case FS_READ:
      lay_over (call);
      break;
    case FS_LIST:
      rename_list (call);
      break;
    default:
      break;
  }
}

static void call_free (struct fault_call *call) {
  if (call->newer != NULL) {
    call->newer->older = call->older;
  } else {
    call->fault->calls = call->older;
  }
  if (call->older != NULL) {
    call->older->newer = call->newer;
  }
  held_free_writes (call->writes);
  raft_buffer_free (&call->nothing);
  raft_release (&raft_memory_plain, call, sizeof *call);
}

static void on_done (struct fs_request *request) {
  struct fault_call *call = request->owner;
  struct fs_request *above = call->above;
  struct fault_call *first = call->first;
  bool is_last = call->is_last;
  if (first->status == RAFT_OK) {
    first->status = request->status;
  }
  if (is_last) {
    above->status = first->status;
    if (above->status == RAFT_OK) {
      finish_good (call);
    }
  }
  if (call != first) {
    call_free (call);
  }
  if (is_last) {
    call_free (first);
    above->done (above);
  }
}

/* ---- requests ---------------------------------------------------------- */

static struct fault_call *call_new (struct fault_fs *fault,
                                    struct fs_request *above,
                                    enum fs_operation operation) {
  struct fault_call *call = held_need (sizeof *call);
  call->fault = fault;
  call->above = above;
  call->first = call;
  call->is_last = true;
  call->request = *above;
  call->request.operation = operation;
  call->request.done = on_done;
  call->request.owner = call;
  call->request.world = NULL;
  raft_buffer_init (&call->nothing, &raft_memory_plain);
  call->older = fault->calls;
  if (fault->calls != NULL) {
    fault->calls->newer = call;
  }
  fault->calls = call;
  return call;
}

static void send (struct fault_call *call) {
  call->fault->below->submit (call->fault->below, &call->request);
}

static void do_write (struct fault_fs *fault, struct fs_request *above) {
  struct held_file *file = held_of (&fault->held, above->file);
  struct fault_call *call = call_new (fault, above, FS_READ);
  uint64_t offset = above->offset;
  for (size_t i = 0; file != NULL && i < above->slice_count; i++) {
    const struct raft_slice *slice = &above->slices[i];
    if (slice->size > 0) {
      held_append (file, held_copy (offset, slice->data, slice->size));
      offset += slice->size;
      fault->held.bytes += slice->size;
    }
  }
  call->request.size = 0;
  call->request.offset = 0;
  call->request.bytes = &call->nothing;
  send (call);
}

/* What is held now is laid over later: a sync may take it away meanwhile. */
static void do_read (struct fault_fs *fault, struct fs_request *above) {
  const struct held_file *file = held_of (&fault->held, above->file);
  struct fault_call *call = call_new (fault, above, FS_READ);
  struct held_write **end = &call->writes;
  const struct held_write *write = file != NULL ? file->first : NULL;
  call->start = above->bytes->size;
  for (; write != NULL; write = write->next) {
    *end = held_copy (write->offset, write->bytes.data, write->bytes.size);
    end = &(*end)->next;
  }
  send (call);
}

/* What is held of a file becomes writes below; 'first' is the first request for
** 'above' so far, or NULL. Returns the first one. */
static struct fault_call *write_out (struct fault_fs *fault,
                                     struct fs_request *above,
                                     struct held_file *file,
                                     struct fault_call *first) {
  struct held_write *write = held_take (file);
  while (write != NULL) {
    struct held_write *next = write->next;
    struct fault_call *call = call_new (fault, above, FS_WRITE);
    write->next = NULL;
    first = first != NULL ? first : call;
    call->first = first;
    call->is_last = false;
    call->writes = write;
    call->request.offset = write->offset;
    call->request.slices = &write->bytes;
    call->request.slice_count = 1;
    fault->held.bytes -= write->bytes.size;
    send (call);
    write = next;
  }
  return first;
}

/* The last request for 'above'. */
static void finish_with (struct fault_fs *fault, struct fs_request *above,
                         struct fault_call *first,
                         enum fs_operation operation) {
  struct fault_call *call = call_new (fault, above, operation);
  call->first = first != NULL ? first : call;
  if (operation == FS_LIST) {
    call->request.bytes = &call->nothing;
  }
  send (call);
}

static void do_sync (struct fault_fs *fault, struct fs_request *above) {
  struct held_file *file = held_of (&fault->held, above->file);
  struct fault_call *first = NULL;
  if (fault->lies) {
    finish_with (fault, above, NULL, FS_LIST);
    return;
  }
  if (file != NULL) {
    first = write_out (fault, above, file, NULL);
  }
  finish_with (fault, above, first, FS_SYNC);
}

/* A rename below, as one of several requests for 'above'. */
static struct fault_call *rename_below (struct fault_fs *fault,
                                        struct fs_request *above,
                                        struct held_file *file,
                                        const char *target) {
  struct fault_call *call = call_new (fault, above, FS_RENAME);
  call->is_last = false;
  copy_name (call->name, file->name_below);
  copy_name (call->target, target);
  call->request.name = call->name;
  call->request.target = call->target;
  for (struct held_file *other = fault->held.files; other != NULL;
       other = other->next) {
    if (other != file && strcmp (other->name_below, target) == 0) {
      other->name_below[0] = '\0'; /* replaced */
    }
  }
  copy_name (file->name_below, target);
  return call;
}

static void do_sync_directory (struct fault_fs *fault,
                               struct fs_request *above) {
  struct fault_call *first = NULL;
  struct fault_call *call;
  for (struct held_file *file = fault->lies ? NULL : fault->held.files;
       file != NULL; file = file->next) {
    if (!file->is_renamed || file->name[0] == '\0') {
      continue;
    }
    call = rename_below (fault, above, file, file->name);
    first = first != NULL ? first : call;
    call->first = first;
    file->is_renamed = false;
    send (call);
  }
  finish_with (fault, above, first,
               fault->lies ? FS_LIST : FS_SYNC_DIRECTORY);
}

static struct held_file *file_for (struct fault_fs *fault,
                                   const char *name) {
  struct held_file *file = held_named (&fault->held, name);
  return file != NULL ? file : held_add (&fault->held, name);
}

static void do_rename (struct fault_fs *fault, struct fs_request *above) {
  struct held_file *file = file_for (fault, above->name);
  struct held_file *old = file_for (fault, above->target);
  struct fault_call *call = call_new (fault, above, FS_LIST);
  if (old != file) {
    old->name[0] = '\0'; /* stays below until the rename is passed on */
  }
  copy_name (file->name, above->target);
  file->is_renamed = true;
  call->request.bytes = &call->nothing;
  send (call);
}

/* A name that is free above may still be taken below, by a file whose rename
** is held: that one makes way. */
static void make_way (struct fault_fs *fault, struct fs_request *above,
                      struct fault_call *call) {
  struct held_file *other = held_below (&fault->held, above->name);
  struct fault_call *first;
  char name[HELD_NAME_BYTES];
  if (other == NULL || other->name[0] == '\0' || other == call->file) {
    return;
  }
  fault->moved++;
  (void)snprintf (name, sizeof name, "held-%u", fault->moved);
  first = rename_below (fault, above, other, name);
  call->first = first;
  send (first);
}

static void do_named (struct fault_fs *fault, struct fs_request *above) {
  struct fault_call *call = call_new (fault, above, above->operation);
  call->file = file_for (fault, above->name);
  if (above->operation == FS_CREATE) {
    make_way (fault, above, call);
  }
  copy_name (call->name, call->file->name_below);
  call->request.name = call->name;
  if (above->operation == FS_REMOVE) {
    call->file->name[0] = '\0';
    call->file->name_below[0] = '\0';
    call->file->is_renamed = false;
  }
  send (call);
}

static void submit (struct port_fs *port, struct fs_request *request) {
  struct fault_fs *fault = (struct fault_fs *)port;
  struct fault_call *call;
  switch (request->operation) {
    case FS_WRITE: do_write (fault, request); return;
    case FS_READ: do_read (fault, request); return;
    case FS_SYNC: do_sync (fault, request); return;
    case FS_SYNC_DIRECTORY: do_sync_directory (fault, request); return;
    case FS_RENAME: do_rename (fault, request); return;
    case FS_OPEN:
    case FS_CREATE:
    case FS_REMOVE: do_named (fault, request); return;
    default: break;
  }
  call = call_new (fault, request, request->operation);
  if (request->operation == FS_CLOSE) {
    held_close (&fault->held, request->file);
  } else if (request->operation == FS_LIST) {
    call->start = request->bytes->size;
  }
  send (call);
}

/* ---- the face ---------------------------------------------------------- */

struct fault_fs *fault_fs_new (struct port_fs *below) {
  struct fault_fs *fault
    = raft_allocate_zeroed (&raft_memory_plain, sizeof *fault);
  if (fault != NULL) {
    fault->port.submit = submit;
    fault->below = below;
  }
  return fault;
}

void fault_fs_free (struct fault_fs *fault) {
  if (fault == NULL) {
    return;
  }
  while (fault->calls != NULL) {
    call_free (fault->calls);
  }
  held_free (&fault->held);
  raft_release (&raft_memory_plain, fault, sizeof *fault);
}

struct port_fs *fault_fs_port (struct fault_fs *fault) {
  return &fault->port;
}

uint64_t fault_fs_held (const struct fault_fs *fault) {
  return fault->held.bytes;
}

void fault_fs_lie (struct fault_fs *fault, bool lies) {
  fault->lies = lies;
}

void fault_fs_lose (struct fault_fs *fault, const struct fs_request *sync) {
  struct held_file *file = fault->held.files;
  if (sync->operation == FS_SYNC) {
    file = held_of (&fault->held, sync->file);
    fault->held.bytes -= file != NULL ? held_settle (file) : 0;
    return;
  }
  for (; file != NULL; file = file->next) {
    file->is_renamed = false;
  }
}

/* Takes away what a loss of power takes: whole writes, or their ends. */
static void tear (struct fault_fs *fault, struct held_file *file,
                  uint64_t bits) {
  uint64_t number = 0;
  for (struct held_write *write = file->first; write != NULL;
       write = write->next) {
    uint64_t fate = raft_mix (bits + number++) % 4;
    if (fate < 2 && !write->is_settled) {
      size_t kept = fate == 0 ? 0 : write->bytes.size / 2 / SECTOR * SECTOR;
      fault->held.bytes -= write->bytes.size - kept;
      write->bytes.size = kept;
    }
  }
}

void fault_fs_spill (struct fault_fs *fault, uint64_t bits,
                     struct fs_request *last) {
  struct fault_call *first = NULL;
  last->operation = FS_SYNC;
  for (struct held_file *file = fault->held.files; file != NULL;
       file = file->next) {
    if (held_handle (&fault->held, file, &last->file)) {
      if (bits != FAULT_FS_ALL) {
        tear (fault, file, ++bits);
      }
      first = write_out (fault, last, file, first);
    }
  }
  finish_with (fault, last, first, FS_LIST);
}
