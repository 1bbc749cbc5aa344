/* SPDX-License-Identifier: MIT
**
** survey.h - a log that is looked at, segment by segment, and never changed.
**
** Holds:     what recovery would make of each segment (replay.h), and counts
**            of what stands in it.
** Knows not: files, requests: it is given bytes.
** Rule:      segments come in the order of their numbers. After one that is
**            damaged the survey can begin anew behind it, as if what stood
**            before had been removed: so every segment is judged. */

#ifndef RAFT_WAL_SURVEY_H
#define RAFT_WAL_SURVEY_H

#include "wal/contents.h"
#include "wal/replay.h"

struct wal_survey {
  struct wal_contents contents; /* of all segments since it began */
  struct wal_replay replay;
  struct raft_detail detail;    /* of what failed last */
};

/* What stands in one segment, as far as it is believed. */
struct wal_stretch {
  uint64_t end;         /* offset behind the last batch */
  uint64_t batches;
  uint64_t first_batch; /* their numbers; 0: none */
  uint64_t last_batch;
  uint64_t entries;     /* also those that were cut later */
  raft_index first_index; /* the lowest and the highest; 0: no entry */
  raft_index last_index;
  raft_term first_term;
  raft_term last_term;
  uint64_t payload_bytes;
  uint64_t torn;        /* bytes behind 'end' that were never durable */
  raft_index broken;    /* the first whose payload is not what its maker
                           summed; 0: none */
  uint64_t broken_at;   /* offset of its batch */
};

RAFT_HIDDEN_BEGIN

void wal_survey_init (struct wal_survey *survey, struct raft_memory *memory);
void wal_survey_free (struct wal_survey *survey);

/* Forgets what it saw; 'first' is the number of the segment that comes next,
** 'covered' the index up to which a snapshot has what is not there. */
void wal_survey_begin (struct wal_survey *survey, uint64_t first,
                       raft_index covered);

/* Judges the next segment; *stretch is set whatever comes of it.
** Errors, said in survey->detail: RAFT_ECORRUPT, RAFT_EUNSUPPORTED,
** RAFT_ENOMEM. */
int wal_survey_segment (struct wal_survey *survey, uint64_t number,
                        bool is_last, struct wal_bytes *bytes,
                        struct wal_stretch *stretch);

/* After the last one. Errors, said in survey->detail: RAFT_ECORRUPT: what a
** snapshot does not cover is missing. */
int wal_survey_end (struct wal_survey *survey);

/* Whether the entry 'index' of that batch still stands: no later one has cut
** it, no snapshot took its place. */
bool wal_survey_stands (const struct wal_survey *survey, raft_index index,
                        uint64_t segment, uint64_t offset);

/* The batch at 'at', checked. False: there is none. */
bool wal_survey_batch (const struct wal_bytes *bytes, uint64_t at,
                       struct wal_batch_head *head);

RAFT_HIDDEN_END

#endif
