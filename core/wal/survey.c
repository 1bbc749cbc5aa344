/* SPDX-License-Identifier: MIT
**
** survey.c - judging segments by replay, and counting what is in them. */

#include "wal/survey.h"

#include <string.h>

#include "wire/entry.h"

void wal_survey_init (struct wal_survey *survey,
                      struct raft_memory *memory) {
  memset (survey, 0, sizeof *survey);
  wal_contents_init (&survey->contents, memory);
}

void wal_survey_free (struct wal_survey *survey) {
  wal_contents_free (&survey->contents);
}

void wal_survey_begin (struct wal_survey *survey, uint64_t first,
                       raft_index covered) {
  wal_contents_free (&survey->contents);
  memset (&survey->replay, 0, sizeof survey->replay);
  survey->replay.contents = &survey->contents;
  survey->replay.detail = &survey->detail;
  survey->replay.first = first;
  survey->replay.covered = covered;
  survey->replay.next_number = 1;
  survey->detail.text[0] = '\0';
}

/* ---- counting ---------------------------------------------------------- */

static void count_entry (struct wal_stretch *stretch,
                         const struct wal_record *record,
                         const uint8_t *body, uint64_t at) {
  struct wire_entry entry;
  if (wire_entry_decode (body, record->size, &entry) != RAFT_OK) {
    return; /* replay has refused it */
  }
  stretch->entries++;
  stretch->payload_bytes += entry.payload_size;
  if (stretch->first_index == 0 || entry.index < stretch->first_index) {
    stretch->first_index = entry.index;
  }
  if (entry.index > stretch->last_index) {
    stretch->last_index = entry.index;
  }
  if (stretch->first_term == 0) {
    stretch->first_term = entry.term;
  }
  stretch->last_term = entry.term;
  if (!wire_entry_is_intact (&entry) && stretch->broken == 0) {
    stretch->broken = entry.index;
    stretch->broken_at = at;
  }
}

static void count_batch (struct wal_stretch *stretch,
                         const struct wal_batch_head *head,
                         const uint8_t *data, uint64_t at) {
  const uint8_t *body
    = data + WAL_BATCH_HEAD + (size_t)head->record_count * WAL_RECORD_HEAD;
  stretch->batches++;
  stretch->last_batch = head->number;
  if (stretch->first_batch == 0) {
    stretch->first_batch = head->number;
  }
  for (uint32_t i = 0; i < head->record_count; i++) {
    struct wal_record record;
    wal_record_decode (data + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD,
                       &record);
    if (record.kind == WAL_ENTRY) {
      count_entry (stretch, &record, body, at);
    }
    body += record.size;
  }
}

/* Up to where replay believed it. */
static void count (const struct wal_survey *survey, uint64_t number,
                   const struct wal_bytes *bytes,
                   struct wal_stretch *stretch) {
  const struct wal_place *last = &survey->replay.last;
  uint64_t end = last->segment == number ? last->offset + last->size
                                         : WAL_SECTOR;
  uint64_t at = WAL_SECTOR;
  struct wal_batch_head head;
  while (at < end && wal_survey_batch (bytes, at, &head)) {
    count_batch (stretch, &head, bytes->data + at, at);
    at += head.size;
  }
  stretch->end = at;
}

static uint64_t torn_behind (const struct wal_bytes *bytes, uint64_t end) {
  uint64_t stop = bytes->size;
  while (stop > end && bytes->data[stop - 1] == 0) {
    stop--;
  }
  return stop > end ? stop - end : 0;
}

bool wal_survey_batch (const struct wal_bytes *bytes, uint64_t at,
                       struct wal_batch_head *head) {
  return wal_batch_head_decode (bytes, at, head)
         && wal_batch_check (bytes, at, head) == NULL;
}

/* ---- judging ----------------------------------------------------------- */

/* A segment without a batch is the next one, made ahead; so it is the last,
** and never the first (recovery.c), unless the survey began anew there. */
static int judge_empty (struct wal_survey *survey, uint64_t number,
                        bool is_last) {
  if (number == survey->replay.first
      && survey->replay.covered < RAFT_INDEX_MAX) {
    return wal_replay_refuse (&survey->replay,
                              "it was made with a batch there");
  }
  return is_last ? RAFT_OK
                 : wal_replay_refuse (&survey->replay,
                                      "a later segment stands");
}

int wal_survey_segment (struct wal_survey *survey, uint64_t number,
                        bool is_last, struct wal_bytes *bytes,
                        struct wal_stretch *stretch) {
  struct wal_replay *replay = &survey->replay;
  int status;
  memset (stretch, 0, sizeof *stretch);
  status = wal_replay_segment (replay, number, bytes->data, bytes->size);
  bytes->offset = 0;
  bytes->salt = replay->head.salt;
  bytes->bug = RAFT_BUG_NONE;
  count (survey, number, bytes, stretch);
  if (status == RAFT_OK && stretch->batches == 0) {
    status = judge_empty (survey, number, is_last);
  }
  if (status == RAFT_OK) {
    stretch->torn = torn_behind (bytes, stretch->end);
  }
  return status;
}

int wal_survey_end (struct wal_survey *survey) {
  return wal_replay_end (&survey->replay);
}

bool wal_survey_stands (const struct wal_survey *survey, raft_index index,
                        uint64_t segment, uint64_t offset) {
  const struct wal_contents *contents = &survey->contents;
  const struct wal_place *place;
  raft_index end;
  if (index <= contents->base_index || index > contents->last_index) {
    return false;
  }
  place = wal_contents_find (contents, index, &end);
  return place->segment == segment && place->offset == offset;
}
