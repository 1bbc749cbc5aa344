/* SPDX-License-Identifier: MIT
**
** inside.h - one open log, and what its parts ask of each other.
**
** Holds:     struct wal. writer.c moves it forward, spare.c keeps a segment
**            ready, remover.c removes old ones, reader.c reads back,
**            recovery.c makes it from a disk.
** Knows not: anything outside this room.
** Invariant: at most one batch is in flight; 'current.offset' is where the
**            next one goes, and everything before it in the segment is
**            durable while none is in flight.
**
**   persist ──► queue: |batch|batch|  ──► flying ──► current segment
**                                                      spare segment (empty)
*/

#ifndef RAFT_WAL_INSIDE_H
#define RAFT_WAL_INSIDE_H

#include "wal/batch.h"
#include "wal/contents.h"
#include "wal/maker.h"
#include "wal/record.h"
#include "wal/wal.h"

/* How long the log is quiet before a mark proves its last batch: longer than
** the pauses of a busy member, shorter than a person's. */
#define WAL_IDLE_US (100 * RAFT_MILLISECOND)
/* Of the end of a long path, in messages; bytes. */
#define WAL_PLACE_SHOWN 100
/* How long after a failed attempt space is asked for again. */
#define WAL_RETRY_US RAFT_SECOND
/* Of a segment, kept for terms and votes once the disk is full. */
#define WAL_RESERVE_PART 8

enum wal_life {
  WAL_OPENING,
  WAL_OPEN,
  WAL_CLOSING, /* finishing what is queued */
  WAL_FAILED,
  WAL_CLOSED
};

struct wal_segment {
  uint64_t number; /* 0: none */
  int64_t file;
  uint64_t size;
  uint64_t salt;
  uint64_t offset; /* of the next batch; WAL_SECTOR: empty */
};

struct wal_reader {
  struct wal_load *first;   /* being served */
  struct wal_load *last;
  raft_index next;          /* of the load: to be read next */
  uint64_t bytes_loaded;
  struct wal_place reading; /* the batch that is being read */
  raft_index reading_end;
  uint64_t salt;            /* of the opened segment */
  struct wal_segment opened;/* an older segment, kept open; number 0: none */
  bool is_busy;
  char name[WAL_NAME_BYTES];/* of the segment being opened */
  struct raft_buffer bytes; /* plain: filled by the world */
  struct fs_request request;
};

struct wal_recovery;

struct wal {
  struct wal_options options;
  struct raft_memory *memory;
  struct port_fs *fs;
  enum raft_bug bug;
  enum wal_life life;
  struct wal_identity identity;
  struct wal_contents contents;

  struct wal_segment current;
  struct wal_segment spare;
  bool spare_is_made;       /* and may be moved to */
  uint64_t next_number;     /* of the next batch */
  bool is_marked;           /* the last batch is a mark */
  raft_time quiet_since;

  struct wal_batch *queue;  /* oldest first */
  struct wal_batch *queue_last;
  struct wal_batch *flying;
  struct wal_batch *unused; /* kept for the next time */
  struct wal_batch *mark;   /* the one without records */
  raft_index queued_last;   /* last index when the queue is done */
  struct wal_room promised; /* to queued records, in 'contents' */
  struct fs_request write_request;
  struct fs_request sync_request;
  struct fs_request close_request;
  uint64_t voted;           /* ticket of the vote that flies; 0: none */
  raft_time sync_started;
  bool sync_is_retried;     /* RETRY_SYNC */

  struct wal_maker maker;
  bool is_making;
  bool is_full;
  raft_time retry_at;

  uint64_t oldest;          /* number of the first segment */
  uint64_t *older_bytes;    /* sizes from it up to the current one */
  size_t older_count;
  size_t older_capacity;
  raft_index compact_to;    /* a snapshot covers entries up to here */
  bool is_removing;
  char remove_name[WAL_NAME_BYTES];
  struct fs_request remove_request;

  struct wal_reader reader;
  struct wal_recovery *recovery;

  void (*closed) (void *owner);
  bool is_closing;          /* asked to */
  bool is_closing_file;     /* close_request is in flight */
  bool is_ending;           /* the files are being closed */
  struct raft_detail detail;
  struct wal_status status;
};

RAFT_HIDDEN_BEGIN

/* ---- wal.c ------------------------------------------------------------- */

raft_time wal_now (const struct wal *wal);
void wal_trace (const struct wal *wal, enum raft_trace_kind kind,
                const uint64_t *fields, size_t count);
/* 'text' after the place of the directory; it may be that of 'detail'. */
void wal_say (const struct wal *wal, int status, const char *text,
              struct raft_detail *detail);
/* The disk failed; 'what' names step and file. */
void wal_fail (struct wal *wal, int status, const char *what,
               const char *name, uint64_t offset);
/* Goes on with closing when nothing is under way any more. */
void wal_maybe_close (struct wal *wal);

/* ---- writer.c ---------------------------------------------------------- */

/* Starts whatever can be started. */
void wal_writer_turn (struct wal *wal);
/* Whether something queued, or a last mark, can still be written. */
bool wal_writer_has_work (const struct wal *wal);
void wal_writer_free (struct wal *wal);

/* ---- spare.c ----------------------------------------------------------- */

/* Makes the next segment ready when there is none that holds 'size' bytes
** of batch. */
void wal_spare_turn (struct wal *wal, uint64_t size);
/* The next segment becomes the current one. */
void wal_spare_take (struct wal *wal);
/* Closes one file; the segment's number becomes 0. */
void wal_close_segment (struct wal *wal, struct wal_segment *segment);

/* ---- remover.c --------------------------------------------------------- */

void wal_remover_turn (struct wal *wal);
/* Room to note one more. Errors: RAFT_ENOMEM. */
int wal_remover_reserve (struct wal *wal);
/* The current segment, of 'size' bytes, becomes an older one; reserved. */
void wal_remover_note (struct wal *wal, uint64_t size);
void wal_remover_free (struct wal *wal);

/* ---- reader.c ---------------------------------------------------------- */

void wal_reader_init (struct wal *wal);
void wal_reader_free (struct wal *wal);
/* Ends waiting loads with RAFT_ECLOSED, except one in flight. */
void wal_reader_stop (struct wal *wal);

/* ---- recovery.c -------------------------------------------------------- */

int wal_recovery_start (struct wal *wal);
void wal_recovery_free (struct wal *wal);

RAFT_HIDDEN_END

#endif
