/* SPDX-License-Identifier: MIT
**
** disk.c - requests in a row, performed one by one. */

#include "sim/disk.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"
#include "sim/disk_inside.h"

/* ---- choices ----------------------------------------------------------- */

static bool mask_keep (struct sim_choice *choice) {
  struct sim_choice_mask *mask = (struct sim_choice_mask *)choice;
  uint32_t number = mask->asked;
  uint64_t bits = mask->mask;
  mask->asked++;
  if (number >= 64) {
    bits = raft_mix (bits ^ number / 64);
  }
  return (bits >> number % 64 & 1) != 0;
}

void sim_choice_mask_init (struct sim_choice_mask *choice, uint64_t mask) {
  choice->choice.keep = mask_keep;
  choice->mask = mask;
  choice->asked = 0;
}

/* ---- handles ----------------------------------------------------------- */

static int64_t handle_add (struct sim_disk *disk, struct sim_file *file) {
  void *handles = disk->handles;
  int status = raft_reserve (&raft_memory_plain, &handles,
                             &disk->handle_capacity, disk->handle_count + 1,
                             sizeof *disk->handles);
  struct sim_handle *handle;
  raft_assert (status == RAFT_OK);
  disk->handles = handles;
  handle = &disk->handles[disk->handle_count];
  disk->handle_count++;
  disk->last_handle++;
  handle->number = disk->last_handle;
  handle->process = disk->process;
  handle->file = sim_file_retain (file);
  return handle->number;
}

static struct sim_file *handle_file (const struct sim_disk *disk,
                                     int64_t number) {
  for (size_t i = 0; i < disk->handle_count; i++) {
    if (disk->handles[i].number == number) {
      return disk->handles[i].file;
    }
  }
  return NULL;
}

static void handle_remove (struct sim_disk *disk, size_t at) {
  sim_file_release (disk->handles[at].file);
  disk->handle_count--;
  disk->handles[at] = disk->handles[disk->handle_count];
}

static int handle_close (struct sim_disk *disk, int64_t number) {
  for (size_t i = 0; i < disk->handle_count; i++) {
    if (disk->handles[i].number == number) {
      handle_remove (disk, i);
      return RAFT_OK;
    }
  }
  return RAFT_EIO;
}

/* ---- space ------------------------------------------------------------- */

static void add_allocated (struct sim_file *file, void *argument) {
  *(uint64_t *)argument += file->allocated;
}

uint64_t sim_disk_used (const struct sim_disk *disk) {
  uint64_t used = 0;
  sim_names_each (&disk->names, add_allocated, &used);
  return used;
}

static int reserve_space (struct sim_disk *disk, struct sim_file *file,
                          uint64_t size) {
  uint64_t whole
    = (size + SIM_SECTOR_BYTES - 1) / SIM_SECTOR_BYTES * SIM_SECTOR_BYTES;
  if (whole <= file->allocated) {
    return RAFT_OK;
  }
  if (disk->capacity > 0
      && sim_disk_used (disk) + (whole - file->allocated) > disk->capacity) {
    return RAFT_EDISK_FULL;
  }
  file->allocated = whole;
  return RAFT_OK;
}

/* ---- requests ---------------------------------------------------------- */

static int do_lock (struct sim_disk *disk) {
  if (!disk->is_made) {
    return RAFT_ENOT_FOUND;
  }
  if (disk->holder != 0 && disk->holder != disk->process) {
    return RAFT_ELOCKED;
  }
  disk->holder = disk->process;
  return RAFT_OK;
}

static int do_open (struct sim_disk *disk, struct fs_request *request) {
  struct sim_file *file = sim_entries_find (&disk->names.seen, request->name);
  if (file == NULL) {
    return RAFT_ENOT_FOUND;
  }
  request->file = handle_add (disk, file);
  request->size = file->seen.size;
  return RAFT_OK;
}

static int do_create (struct sim_disk *disk, struct fs_request *request) {
  struct sim_file *file;
  if (sim_entries_find (&disk->names.seen, request->name) != NULL) {
    return RAFT_EEXISTS;
  }
  file = sim_file_new ();
  sim_names_move (&disk->names, "", request->name, file);
  request->file = handle_add (disk, file);
  sim_file_release (file);
  return RAFT_OK;
}

static int do_rename (struct sim_disk *disk,
                      const struct fs_request *request) {
  struct sim_file *file = sim_entries_find (&disk->names.seen, request->name);
  if (file == NULL) {
    return RAFT_ENOT_FOUND;
  }
  sim_names_move (&disk->names, request->name, request->target, file);
  return RAFT_OK;
}

static int do_remove (struct sim_disk *disk,
                      const struct fs_request *request) {
  struct sim_file *file = sim_entries_find (&disk->names.seen, request->name);
  if (file == NULL) {
    return RAFT_ENOT_FOUND;
  }
  sim_names_move (&disk->names, request->name, "", file);
  return RAFT_OK;
}

static int do_allocate (struct sim_disk *disk, struct sim_file *file,
                        uint64_t size) {
  int status = reserve_space (disk, file, size);
  if (status == RAFT_OK) {
    sim_file_resize (file, size);
  }
  return status;
}

static int do_read (struct sim_file *file, struct fs_request *request) {
  struct raft_buffer *bytes = request->bytes;
  uint64_t size = request->size;
  if (request->offset >= file->seen.size || size == 0) {
    return RAFT_OK;
  }
  if (size > file->seen.size - request->offset) {
    size = file->seen.size - request->offset;
  }
  if (raft_buffer_reserve (bytes, (size_t)size) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  sim_file_read (&file->seen, request->offset, bytes->data + bytes->size,
                 (size_t)size);
  bytes->size += (size_t)size;
  return RAFT_OK;
}

static bool keep_nothing (struct sim_choice *choice) {
  (void)choice;
  return false;
}

static int do_write (struct sim_disk *disk, struct sim_file *file,
                     const struct fs_request *request, bool fails) {
  struct sim_choice nothing = { keep_nothing };
  struct sim_choice *choice = disk->choice != NULL ? disk->choice : &nothing;
  uint64_t offset = request->offset;
  uint64_t end = offset;
  for (size_t i = 0; i < request->slice_count; i++) {
    end += request->slices[i].size;
  }
  if (reserve_space (disk, file, end) != RAFT_OK) {
    return RAFT_EDISK_FULL;
  }
  sim_file_begin (file);
  for (size_t i = 0; i < request->slice_count; i++) {
    const struct raft_slice *slice = &request->slices[i];
    sim_file_write (file, offset, slice->data, slice->size,
                    fails ? choice : NULL);
    offset += slice->size;
  }
  return RAFT_OK;
}

static int perform_on_file (struct sim_disk *disk, struct fs_request *request,
                            bool fails) {
  struct sim_file *file = handle_file (disk, request->file);
  if (file == NULL) {
    return RAFT_EIO;
  }
  switch (request->operation) {
    case FS_ALLOCATE:
      return fails ? RAFT_OK : do_allocate (disk, file, request->size);
    case FS_READ:
      return fails ? RAFT_OK : do_read (file, request);
    case FS_WRITE:
      return do_write (disk, file, request, fails);
    case FS_SYNC:
      if (fails) {
        sim_file_sync_failed (file, disk->choice);
      } else {
        sim_file_sync (file);
      }
      return RAFT_OK;
    default:
      return RAFT_EINVALID;
  }
}

static int perform_on_names (struct sim_disk *disk,
                             struct fs_request *request) {
  switch (request->operation) {
    case FS_LOCK:
      return do_lock (disk);
    case FS_MAKE:
      disk->is_made = true;
      return RAFT_OK;
    case FS_LIST:
      return sim_disk_names (disk, false, request->bytes);
    case FS_OPEN:
      return do_open (disk, request);
    case FS_CREATE:
      return do_create (disk, request);
    case FS_CLOSE:
      return handle_close (disk, request->file);
    case FS_RENAME:
      return do_rename (disk, request);
    case FS_REMOVE:
      return do_remove (disk, request);
    default:
      return RAFT_EINVALID;
  }
}

static bool is_on_file (enum fs_operation operation) {
  return operation == FS_ALLOCATE || operation == FS_READ
         || operation == FS_WRITE || operation == FS_SYNC;
}

static bool is_change (enum fs_operation operation) {
  return operation == FS_CREATE || operation == FS_ALLOCATE
         || operation == FS_WRITE || operation == FS_SYNC
         || operation == FS_RENAME || operation == FS_REMOVE
         || operation == FS_SYNC_DIRECTORY;
}

static bool is_sync (enum fs_operation operation) {
  return operation == FS_SYNC || operation == FS_SYNC_DIRECTORY;
}

static int perform (struct sim_disk *disk, struct fs_request *request,
                    bool fails) {
  if (disk->lies && !fails && is_sync (request->operation)) {
    return RAFT_OK;
  }
  if (is_on_file (request->operation)) {
    return perform_on_file (disk, request, fails);
  }
  if (request->operation == FS_SYNC_DIRECTORY) {
    if (fails) {
      sim_names_sync_failed (&disk->names, disk->choice);
    } else {
      sim_names_sync (&disk->names);
    }
    return RAFT_OK;
  }
  return fails ? RAFT_OK : perform_on_names (disk, request);
}

/* The status of a planned fault that is due now; counts plans down. */
static int plan_due (struct sim_disk *disk, enum sim_disk_fault fault) {
  struct sim_plan *plan = &disk->plans[fault];
  int status = plan->status;
  if (status == RAFT_OK) {
    return RAFT_OK;
  }
  if (plan->after > 0) {
    plan->after--;
    return RAFT_OK;
  }
  plan->status = RAFT_OK;
  return status;
}

static int fault_of (struct sim_disk *disk, enum fs_operation operation) {
  int status = RAFT_OK;
  int other;
  if (operation == FS_WRITE || operation == FS_ALLOCATE) {
    disk->counts.writes++;
    status = plan_due (disk, SIM_DISK_WRITE);
  } else if (operation == FS_SYNC || operation == FS_SYNC_DIRECTORY) {
    disk->counts.syncs++;
    status = plan_due (disk, SIM_DISK_SYNC);
  }
  other = operation == FS_CLOSE ? RAFT_OK : plan_due (disk, SIM_DISK_ANY);
  return status != RAFT_OK ? status : other;
}

static void submit (struct port_fs *port, struct fs_request *request) {
  struct sim_disk *disk = (struct sim_disk *)port;
  request->world = NULL;
  if (disk->newest == NULL) {
    disk->oldest = request;
  } else {
    disk->newest->world = request;
  }
  disk->newest = request;
  disk->pending++;
}

bool sim_disk_step (struct sim_disk *disk) {
  struct fs_request *request = disk->oldest;
  int fault;
  if (request == NULL) {
    return false;
  }
  disk->oldest = request->world;
  if (disk->oldest == NULL) {
    disk->newest = NULL;
  }
  disk->pending--;
  disk->counts.requests++;
  disk->counts.changes += is_change (request->operation);
  fault = fault_of (disk, request->operation);
  request->status = perform (disk, request, fault != RAFT_OK);
  if (fault != RAFT_OK) {
    request->status = fault;
    disk->counts.failed++;
  }
  request->done (request);
  return true;
}

void sim_disk_drain (struct sim_disk *disk) {
  while (sim_disk_step (disk)) {
  }
}

size_t sim_disk_pending (const struct sim_disk *disk) {
  return disk->pending;
}

const struct fs_request *sim_disk_oldest (const struct sim_disk *disk) {
  return disk->oldest;
}

/* ---- making, ending ---------------------------------------------------- */

struct sim_disk *sim_disk_new (void) {
  struct sim_disk *disk
    = raft_allocate_zeroed (&raft_memory_plain, sizeof *disk);
  if (disk != NULL) {
    disk->port.submit = submit;
    disk->process = 1;
  }
  return disk;
}

static void close_handles (struct sim_disk *disk, uint64_t process) {
  size_t i = 0;
  while (i < disk->handle_count) {
    if (disk->handles[i].process == process) {
      handle_remove (disk, i);
    } else {
      i++;
    }
  }
}

void sim_disk_free (struct sim_disk *disk) {
  if (disk == NULL) {
    return;
  }
  while (disk->handle_count > 0) {
    handle_remove (disk, 0);
  }
  raft_release (&raft_memory_plain, disk->handles,
                disk->handle_capacity * sizeof *disk->handles);
  sim_names_free (&disk->names);
  raft_release (&raft_memory_plain, disk, sizeof *disk);
}

struct port_fs *sim_disk_port (struct sim_disk *disk) {
  return &disk->port;
}

void sim_disk_release (struct sim_disk *disk, uint64_t process) {
  close_handles (disk, process);
  if (disk->holder == process) {
    disk->holder = 0;
  }
}

void sim_disk_become (struct sim_disk *disk, uint64_t process) {
  raft_assert (process != 0);
  disk->process = process;
}

void sim_disk_kill (struct sim_disk *disk) {
  disk->oldest = NULL;
  disk->newest = NULL;
  disk->pending = 0;
  sim_disk_release (disk, disk->process);
}

static void crash_file (struct sim_file *file, void *argument) {
  sim_file_crash (file, argument);
}

/* Asks another one, and counts what is not kept. */
struct counting {
  struct sim_choice choice; /* first */
  struct sim_choice *inner;
  uint64_t lost;
};

static bool count_lost (struct sim_choice *choice) {
  struct counting *counting = (struct counting *)choice;
  bool is_kept
    = counting->inner != NULL && counting->inner->keep (counting->inner);
  counting->lost += !is_kept;
  return is_kept;
}

void sim_disk_crash (struct sim_disk *disk, struct sim_choice *choice) {
  struct counting counting = { { count_lost }, choice, 0 };
  sim_disk_kill (disk);
  while (disk->handle_count > 0) {
    handle_remove (disk, 0);
  }
  disk->holder = 0;
  sim_names_each (&disk->names, crash_file, &counting.choice);
  disk->counts.sectors_lost += counting.lost;
  counting.lost = 0;
  disk->asks_names = true;
  sim_names_crash (&disk->names, &counting.choice);
  disk->asks_names = false;
  disk->counts.names_lost += counting.lost;
}

bool sim_disk_asks_names (const struct sim_disk *disk) {
  return disk->asks_names;
}

static void add_unsynced (struct sim_file *file, void *argument) {
  *(uint32_t *)argument += sim_file_unsynced (file);
}

uint32_t sim_disk_unsynced (const struct sim_disk *disk) {
  uint32_t count = (uint32_t)disk->names.count;
  sim_names_each (&disk->names, add_unsynced, &count);
  return count;
}

static void and_same (struct sim_file *file, void *argument) {
  *(bool *)argument &= file->is_same;
}

bool sim_disk_is_at_rest (const struct sim_disk *disk) {
  const struct sim_names *names = &disk->names;
  bool is_same = names->count == 0
                 && names->seen.count == names->stored.count;
  for (size_t i = 0; is_same && i < names->seen.count; i++) {
    is_same = names->seen.items[i].file == names->stored.items[i].file
              && strcmp (names->seen.items[i].name,
                         names->stored.items[i].name) == 0;
  }
  sim_names_each (names, and_same, &is_same);
  return is_same;
}

struct sim_disk *sim_disk_copy (const struct sim_disk *disk) {
  struct sim_disk *copy = sim_disk_new ();
  raft_assert (copy != NULL);
  copy->is_made = disk->is_made;
  copy->process = disk->process;
  copy->capacity = disk->capacity;
  sim_names_copy (&copy->names, &disk->names);
  return copy;
}

/* ---- faults ------------------------------------------------------------ */

void sim_disk_fail (struct sim_disk *disk, enum sim_disk_fault fault,
                    uint64_t after, int status) {
  disk->plans[fault].after = after;
  disk->plans[fault].status = status;
}

void sim_disk_set_choice (struct sim_disk *disk, struct sim_choice *choice) {
  disk->choice = choice;
}

void sim_disk_set_lying (struct sim_disk *disk, bool lies) {
  disk->lies = lies;
}

bool sim_disk_lies (const struct sim_disk *disk) {
  return disk->lies;
}

void sim_disk_set_capacity (struct sim_disk *disk, uint64_t bytes) {
  disk->capacity = bytes;
}
