/* SPDX-License-Identifier: MIT
**
** recover_look.c - what a directory says that nobody uses.
**
** Rule: the log is judged as recovery judges it (wal/survey.h), and the
**       snapshot chosen as a member chooses it (snapshot_open.c): the newest
**       that is whole and reaches the log. Nothing is repaired. */

#include <string.h>

#include "replica/recover_task.h"
#include "wire/entry.h"

typedef void (*step_function) (struct fs_request *request);

static void next_snapshot (struct rescue *rescue);

static struct fs_request *prepare (struct rescue *rescue,
                                   enum fs_operation operation) {
  struct fs_request *request = &rescue->request;
  int64_t file = request->file;
  memset (request, 0, sizeof *request);
  request->operation = operation;
  request->name = rescue->name;
  request->file = file;
  request->owner = rescue;
  return request;
}

static void submit (struct rescue *rescue, step_function done) {
  rescue->request.done = done;
  rescue->options.from->submit (rescue->options.from, &rescue->request);
}

static void fail (struct rescue *rescue, int status, const char *text) {
  struct raft_detail why;
  (void)raft_fail (&why, status, "%s", text);
  rescue_fail (rescue, status, &why);
}

/* Whether the request went well; if not, that is noted. */
static bool is_good (struct rescue *rescue, const char *what) {
  struct raft_detail why;
  int status = rescue->request.status;
  if (status == RAFT_OK) {
    return true;
  }
  (void)raft_fail (&why, status, "%s cannot be %s: %s",
                   rescue->name[0] != '\0' ? rescue->name : "the directory",
                   what, raft_error_text (status));
  rescue_fail (rescue, status, &why);
  return false;
}

/* ---- a segment --------------------------------------------------------- */

static void on_closed (struct fs_request *request) {
  struct rescue *rescue = request->owner;
  (void)is_good (rescue, "closed");
  rescue->is_read (rescue);
}

static void on_read (struct fs_request *request) {
  struct rescue *rescue = request->owner;
  if (!is_good (rescue, "read")) {
    rescue->bytes.size = 0;
  }
  (void)prepare (rescue, FS_CLOSE);
  submit (rescue, on_closed);
}

static void on_opened (struct fs_request *request) {
  struct rescue *rescue = request->owner;
  uint64_t size = request->size;
  if (!is_good (rescue, "opened")) {
    rescue->is_read (rescue);
    return;
  }
  request = prepare (rescue, FS_READ);
  request->size = size;
  request->bytes = &rescue->bytes;
  submit (rescue, on_read);
}

void rescue_read_segment (struct rescue *rescue, uint64_t number,
                          void (*is_read) (struct rescue *rescue)) {
  rescue->number = number;
  rescue->is_read = is_read;
  rescue->bytes.size = 0;
  wal_segment_name (number, rescue->name);
  (void)prepare (rescue, FS_OPEN);
  submit (rescue, on_opened);
}

/* ---- what there is ----------------------------------------------------- */

static raft_term term_at (const struct wal_contents *log, raft_index index) {
  raft_term term = 0;
  for (size_t i = 0; i < log->run_count; i++) {
    if (log->runs[i].first <= index) {
      term = log->runs[i].term;
    }
  }
  return term;
}

/* As snapshot_open.c: if not, an installation has not come to its end, and
** the log is begun anew behind the snapshot. */
static bool log_goes_on (const struct rescue *rescue) {
  const struct wal_contents *log = &rescue->survey.contents;
  const struct wal_snapshot_head *head = &rescue->head;
  return head->index == 0 || head->index == log->base_index
         || (head->index <= log->last_index
             && term_at (log, head->index) == head->term);
}

static int decode_configuration (const struct wal_configuration *from,
                                 struct wire_configuration *value,
                                 struct raft_detail *detail) {
  struct wire_entry entry;
  struct wire_view payload;
  int status = wire_entry_decode (from->entry.data, from->entry.size, &entry);
  if (status != RAFT_OK) {
    return raft_fail (detail, RAFT_ECORRUPT, "entry %llu is no configuration",
                      (unsigned long long)from->index);
  }
  payload.data = entry.payload;
  payload.size = entry.payload_size;
  return wire_configuration_decode (payload, value, detail);
}

/* The log's own is later than the snapshot's, or the same. */
static int take_configuration (struct rescue *rescue, bool log_is_kept,
                               struct raft_detail *detail) {
  struct replica_survivor *survivor = &rescue->survivor;
  const struct wal_configuration *latest
    = wal_contents_configuration (&rescue->survey.contents);
  if (log_is_kept && latest != NULL
      && latest->index >= survivor->configuration_index) {
    survivor->configuration_index = latest->index;
    return decode_configuration (latest, &survivor->configuration, detail);
  }
  return survivor->configuration_index > 0
           ? RAFT_OK
           : raft_fail (detail, RAFT_ECORRUPT, "the log has no configuration");
}

static void end (struct rescue *rescue) {
  const struct wal_contents *log = &rescue->survey.contents;
  const struct wal_snapshot_head *head = &rescue->head;
  struct replica_survivor *survivor = &rescue->survivor;
  bool log_is_kept = log_goes_on (rescue);
  struct raft_detail why;
  int status;
  rescue->detail.text[0] = '\0'; /* of newer snapshots: they are done without */
  survivor->identity = rescue->survey.replay.identity;
  survivor->term = log->term;
  survivor->snapshot_index = head->index;
  survivor->last_index = log_is_kept ? log->last_index : head->index;
  survivor->last_term = survivor->last_index > head->index
                          ? term_at (log, survivor->last_index)
                          : head->term;
  survivor->last_time
    = log->last_time > head->time ? log->last_time : head->time;
  status = take_configuration (rescue, log_is_kept, &why);
  if (status != RAFT_OK) {
    rescue_fail (rescue, status, &why);
  }
  rescue_looked (rescue);
}

/* ---- snapshots --------------------------------------------------------- */

static void refuse_all (struct rescue *rescue) {
  struct raft_detail why;
  (void)raft_fail (&why, RAFT_ECORRUPT, "the log begins after entry %llu, "
                   "and no snapshot has those before",
                   (unsigned long long)rescue->survey.contents.base_index);
  rescue_fail (rescue, RAFT_ECORRUPT,
               rescue->detail.text[0] != '\0' ? &rescue->detail : &why);
  rescue_looked (rescue);
}

static bool is_of_this_directory (const struct rescue *rescue) {
  const struct wal_identity *its = &rescue->head.identity;
  const struct wal_identity *own = &rescue->survey.replay.identity;
  return its->cluster == own->cluster && its->member == own->member
         && its->incarnation == own->incarnation;
}

static void on_snapshot (struct rescue *rescue) {
  struct replica_survivor *survivor = &rescue->survivor;
  bool is_taken = rescue->snapshot_status == RAFT_OK
                  && is_of_this_directory (rescue);
  if (is_taken) {
    survivor->configuration = rescue->meta.configuration;
    survivor->configuration_index = rescue->meta.configuration_index;
  } else {
    rescue->head.index = 0;
  }
  replica_meta_free (&rescue->meta);
  if (rescue->snapshot_status == RAFT_ENOMEM) {
    rescue_fail (rescue, RAFT_ENOMEM, &rescue->detail);
    rescue_looked (rescue);
  } else if (is_taken) {
    end (rescue);
  } else {
    next_snapshot (rescue);
  }
}

static void next_snapshot (struct rescue *rescue) {
  raft_index base = rescue->survey.contents.base_index;
  if (rescue->listed_count > 0
      && rescue->listed[rescue->listed_count - 1] >= base) {
    rescue->listed_count--;
    rescue_read_snapshot (rescue, rescue->listed[rescue->listed_count],
                          on_snapshot);
  } else if (base > 0) {
    refuse_all (rescue);
  } else {
    end (rescue);
  }
}

/* ---- the log ----------------------------------------------------------- */

static void on_segment (struct rescue *rescue) {
  struct wal_stretch stretch;
  int status = rescue->status;
  if (status == RAFT_OK) {
    rescue->view.data = rescue->bytes.data;
    rescue->view.size = rescue->bytes.size;
    status = wal_survey_segment (&rescue->survey, rescue->number,
                                 rescue->number == rescue->last,
                                 &rescue->view, &stretch);
    if (status != RAFT_OK) {
      rescue_fail (rescue, status, &rescue->survey.detail);
    }
  }
  if (status != RAFT_OK) {
    rescue_looked (rescue);
  } else if (rescue->number < rescue->last) {
    rescue_read_segment (rescue, rescue->number + 1, on_segment);
  } else {
    next_snapshot (rescue);
  }
}

/* ---- names ------------------------------------------------------------- */

static void list_snapshot (struct rescue *rescue, raft_index index) {
  if (rescue->listed_count == SNAPSHOTS_LISTED) {
    rescue->listed_count--; /* the oldest: names are sorted */
    memmove (rescue->listed, rescue->listed + 1,
             rescue->listed_count * sizeof *rescue->listed);
  }
  rescue->listed[rescue->listed_count] = index;
  rescue->listed_count++;
}

/* The number of the first segment of the last row without a gap: what stands
** before one was removed, and its removal lost (wal/recovery.c). Whether
** that may be missing, the snapshot says. */
static uint64_t read_names (struct rescue *rescue) {
  const char *name = (const char *)rescue->names.data;
  const char *stop = name == NULL ? name : name + rescue->names.size;
  uint64_t first = 0;
  for (; name < stop; name += strlen (name) + 1) {
    uint64_t number = wal_segment_number (name);
    raft_index index = wal_snapshot_index (name);
    if (strcmp (name, WAL_NAME_UNFINISHED) == 0) {
      fail (rescue, RAFT_ENOT_INITIALISED, WAL_UNFINISHED);
    } else if (number != 0) {
      first = first == 0 || number != rescue->last + 1 ? number : first;
      rescue->last = number;
    } else if (index != 0) {
      list_snapshot (rescue, index);
    }
  }
  return first;
}

static void on_listed (struct fs_request *request) {
  struct rescue *rescue = request->owner;
  uint64_t first = 0;
  if (is_good (rescue, "listed")) {
    first = read_names (rescue);
    if (first == 0) {
      fail (rescue, RAFT_ENOT_INITIALISED,
            "expected a directory made by init, got one without a log");
    }
  }
  if (rescue->status != RAFT_OK) {
    rescue_looked (rescue);
    return;
  }
  wal_survey_begin (&rescue->survey, first, RAFT_INDEX_MAX - 1);
  rescue->survey.contents.keeps_runs = true;
  rescue_read_segment (rescue, first, on_segment);
}

static void on_locked (struct fs_request *request) {
  struct rescue *rescue = request->owner;
  struct raft_detail why;
  if (request->status == RAFT_OK) {
    prepare (rescue, FS_LIST)->bytes = &rescue->names;
    submit (rescue, on_listed);
    return;
  }
  if (request->status == RAFT_ENOT_FOUND) {
    fail (rescue, RAFT_ENOT_INITIALISED,
          "expected a directory made by init, got none");
  } else if (request->status == RAFT_ELOCKED && request->size > 0) {
    (void)raft_fail (&why, RAFT_ELOCKED, "the directory is in use by process "
                     "%llu: expected a member that was stopped",
                     (unsigned long long)request->size);
    rescue_fail (rescue, RAFT_ELOCKED, &why);
  } else {
    (void)is_good (rescue, "locked");
  }
  rescue_looked (rescue);
}

void rescue_look (struct rescue *rescue) {
  rescue->name[0] = '\0';
  (void)prepare (rescue, FS_LOCK);
  submit (rescue, on_locked);
}
