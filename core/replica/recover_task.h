/* SPDX-License-Identifier: MIT
**
** recover_task.h - one recovery after a lost majority, and what its parts ask
** of each other.
**
** Holds: struct rescue. recover_look.c reads the old directory, recover_
**        snapshot.c its snapshot, recover.c makes the new one, recover_log.c
**        fills it.
**
**   lock, list ─► segments ─► snapshots, the newest first ─► looked
**                                                              │ into?
**   done ◄─ unmarked ◄─ closed ◄─ last entry ◄─ … ◄─ snapshot ◄─ marked, made
**
** Rule:  one request to the old directory at a time. What failed is noted, and
**        seen when that request has come back. */

#ifndef RAFT_REPLICA_RECOVER_TASK_H
#define RAFT_REPLICA_RECOVER_TASK_H

#include "replica/recover.h"
#include "replica/snapshot_task.h"
#include "wal/survey.h"

struct rescue {
  struct replica_recover_options options;
  struct replica_survivor survivor;
  int status;                 /* the first that failed */
  struct raft_detail detail;
  /* The old directory: */
  struct wal_survey survey;
  struct raft_buffer names;   /* plain */
  struct raft_buffer bytes;   /* plain: of the segment that was read last */
  struct wal_bytes view;      /* of them */
  uint64_t number;            /* of that segment; 0: none */
  uint64_t last;              /* segment */
  char name[WAL_NAME_BYTES];
  struct fs_request request;
  void (*is_read) (struct rescue *rescue);
  raft_index listed[SNAPSHOTS_LISTED]; /* ascending */
  uint32_t listed_count;
  /* Its snapshot: */
  struct wal_snapshot_head head; /* of the one that is taken; index 0: none */
  struct wal_snapshot_reader reader;
  uint64_t block;             /* is read next */
  struct session_table like;  /* empty: limits of the sessions in it */
  struct replica_meta_reader decoding;
  struct replica_meta meta;
  bool has_meta;
  int snapshot_status;
  void (*snapshot_done) (struct rescue *rescue);
  /* The new directory: */
  struct wire_configuration value;
  struct wal_identity identity;
  struct raft_slice first;    /* entry 1 */
  struct wal *wal;            /* NULL: not open */
  struct wal_snapshot_writer writer;
  struct raft_buffer image;   /* bytes of the snapshot on their way */
  raft_index next;            /* entry to be carried over */
  uint64_t ticket;            /* of the last write */
  uint64_t durable;
  uint64_t waiting_bytes;     /* written and perhaps not durable */
  bool is_waiting;            /* for them, and for nothing else */
  bool is_complete;           /* the last entry is written */
};

RAFT_HIDDEN_BEGIN

/* ---- recover.c --------------------------------------------------------- */

/* The first failure counts. */
void rescue_fail (struct rescue *rescue, int status,
                  const struct raft_detail *detail);
/* The same, and the error's own text explains it. */
void rescue_fail_plainly (struct rescue *rescue, int status);
/* The old directory is known, or cannot be used (status). */
void rescue_looked (struct rescue *rescue);
/* Tells the owner: 'status', and on success 'survivor'. */
void rescue_end (struct rescue *rescue);

/* ---- recover_look.c ---------------------------------------------------- */

/* Ends with rescue_looked. */
void rescue_look (struct rescue *rescue);
/* Reads a whole segment of the old directory; ends with 'is_read', status
** set if it failed. */
void rescue_read_segment (struct rescue *rescue, uint64_t number,
                          void (*is_read) (struct rescue *rescue));

/* ---- recover_snapshot.c ------------------------------------------------ */

/* Reads the snapshot of 'index', every block, and with an open 'wal' writes it
** into the new directory. Ends with 'done'; snapshot_status and detail say
** what was wrong, 'head' and 'meta' what it is. */
void rescue_read_snapshot (struct rescue *rescue, raft_index index,
                           void (*done) (struct rescue *rescue));

/* ---- recover_log.c ----------------------------------------------------- */

/* Of the new directory's log. */
void rescue_log_options (struct rescue *rescue, struct wal_options *options);
/* Opens the log that was made and writes all of it, the snapshot first; ends
** with rescue_end. */
void rescue_open_log (struct rescue *rescue);

RAFT_HIDDEN_END

#endif
