/* SPDX-License-Identifier: MIT
**
** replay.h - the bytes of one segment, judged and added to the contents.
**
** Holds:     what of a segment is believed, and where it is torn or rotten.
** Knows not: files, requests: it is given bytes.
** Invariant: nothing is added that did not match its checksum, and no batch
**            is added in part.
** Source:    record.h, rules of proof, rot and torn. */

#ifndef RAFT_WAL_REPLAY_H
#define RAFT_WAL_REPLAY_H

#include "wal/contents.h"
#include "wal/record.h"

struct wal_replay {
  struct wal_contents *contents;
  enum raft_bug bug;
  struct wal_identity identity; /* of the first segment */
  uint64_t first;           /* its number */
  raft_index covered;       /* what a snapshot has may be missing before it */
  raft_index begins_after;  /* the log's first entry, as segments that are gone
                               leave it; 0: nothing is gone */
  uint64_t next_number;     /* expected of the next batch */
  struct wal_place last;    /* the last valid batch; size 0: none yet */
  struct raft_detail *detail;
  /* Of the segment replayed last: */
  char name[WAL_NAME_BYTES];
  struct wal_segment_head head;
  uint64_t end;             /* offset where its valid batches end */
  const char *wrong;        /* why they end there; NULL: nothing follows */
  uint64_t end_before;      /* the same of the segment before it */
  const char *wrong_before;
};

RAFT_HIDDEN_BEGIN

/* Replays segment 'number', whose file has these bytes. A segment without a
** batch leaves end at WAL_SECTOR.
** Errors, said in *detail: RAFT_ECORRUPT (rot, or not what this log writes),
** RAFT_EUNSUPPORTED, RAFT_ENOMEM. */
int wal_replay_segment (struct wal_replay *replay, uint64_t number,
                        const uint8_t *data, size_t size);

/* After the last segment: whether a snapshot covers what is gone.
** Errors, said in *detail: RAFT_ECORRUPT. */
int wal_replay_end (struct wal_replay *replay);

/* Refuses where the segment replayed last ends: something proves that valid
** batches stood behind. Returns RAFT_ECORRUPT. */
int wal_replay_refuse (struct wal_replay *replay, const char *proof);

RAFT_HIDDEN_END

#endif
