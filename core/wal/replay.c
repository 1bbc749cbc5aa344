/* SPDX-License-Identifier: MIT
**
** replay.c - batch after batch, until one is not there. */

#include "wal/replay.h"

#include <stdio.h>
#include <string.h>

#include "wire/entry.h"
#include "wire/version.h"

/* A batch while its records are read. */
struct replaying {
  struct wal_replay *replay;
  struct wal_place place;
  bool begins_segment;
  const uint8_t *body;   /* of the record at hand */
  struct wal_record record;
};

static int corrupt (struct replaying *now, const char *what) {
  return raft_fail (now->replay->detail, RAFT_ECORRUPT,
                    "%s: %s at offset %llu", now->replay->name, what,
                    (unsigned long long)now->place.offset);
}

static int reserve_one (struct wal_replay *replay) {
  struct wal_room room = { 1, 1, 1, 1 };
  if (wal_contents_reserve (replay->contents, &room) != RAFT_OK) {
    return raft_fail (replay->detail, RAFT_ENOMEM,
                      "%s: out of memory in recovery", replay->name);
  }
  return RAFT_OK;
}

/* ---- records ----------------------------------------------------------- */

/* Segments before it were removed, or are missing. */
static bool begins_log (const struct replaying *now) {
  return now->begins_segment && now->replay->first > 1
         && now->place.segment == now->replay->first;
}

/* Whether a snapshot has them is asked at the end: what the removed segments
** held last may be cut here.
**
**   index   … 320 321 … 330 |          the snapshot covers 325; what was cut
**   segment       6         |  7        does not count for the removal of 6
**                              checkpoint 330, cut from 321, 321 …         */
static int replay_beginning (struct replaying *now) {
  if (now->record.a > WAL_BASE_MAX) {
    return corrupt (now, "a beginning at an index that cannot be");
  }
  wal_contents_reset (now->replay->contents, now->record.a);
  now->replay->begins_after = now->record.a;
  return RAFT_OK;
}

int wal_replay_end (struct wal_replay *replay) {
  char before[WAL_NAME_BYTES], first[WAL_NAME_BYTES];
  if (replay->begins_after <= replay->covered
      || raft_bug (replay, ACCEPT_GAP)) {
    return RAFT_OK;
  }
  wal_segment_name (replay->first - 1, before);
  wal_segment_name (replay->first, first);
  return raft_fail (replay->detail, RAFT_ECORRUPT,
                    "%s: expected at offset 0, the file is missing: %s "
                    "begins after entry %llu, and no snapshot has those "
                    "before",
                    before, first,
                    (unsigned long long)replay->begins_after);
}

/* The log so far must end where the checkpoint says: it was written knowing
** all batches before it. */
static int replay_checkpoint (struct replaying *now, uint32_t position) {
  if (!now->begins_segment || position != 0) {
    return corrupt (now, "unexpected checkpoint");
  }
  if (now->record.b != 0) {
    return raft_fail (now->replay->detail, RAFT_EUNSUPPORTED,
                      "%s: expected snapshot mark 0 at offset %llu, got %llu",
                      now->replay->name,
                      (unsigned long long)now->place.offset,
                      (unsigned long long)now->record.b);
  }
  if (begins_log (now)) {
    return replay_beginning (now);
  }
  if (now->record.a != now->replay->contents->last_index) {
    return corrupt (now, "the log before does not fit the checkpoint");
  }
  return RAFT_OK;
}

static int replay_peer (struct replaying *now) {
  struct wal_peer peer = { now->record.a, now->record.b };
  int status = reserve_one (now->replay);
  if (status != RAFT_OK) {
    return status;
  }
  if (peer.member == 0 || peer.member > RAFT_INDEX_MAX) {
    return corrupt (now, "a peer that cannot be");
  }
  wal_contents_peer (now->replay->contents, &peer);
  return RAFT_OK;
}

/* The first segment speaks for those that are gone. */
static int take_configuration (struct replaying *now) {
  struct wal_contents *contents = now->replay->contents;
  struct raft_slice entry;
  int status = reserve_one (now->replay);
  if (status == RAFT_OK
      && raft_slice_copy (contents->memory, now->body, now->record.size,
                          &entry) != RAFT_OK) {
    status = raft_fail (now->replay->detail, RAFT_ENOMEM,
                        "%s: out of memory in recovery", now->replay->name);
  }
  if (status == RAFT_OK) {
    wal_contents_configure (contents, now->record.a, entry);
    raft_slice_release (&entry);
  }
  return status;
}

static int replay_configuration (struct replaying *now) {
  const struct wal_configuration *latest
    = wal_contents_configuration (now->replay->contents);
  /* The first segment may have begun with one that was cut right after. What
  ** was before it went with the segments before, and is named again by the
  ** next segment. */
  if (begins_log (now)
      || (latest == NULL && now->record.a <= now->replay->begins_after)) {
    return take_configuration (now);
  }
  if (latest == NULL || latest->index != now->record.a
      || latest->entry.size != now->record.size
      || memcmp (latest->entry.data, now->body, now->record.size) != 0) {
    return corrupt (now, "the log before has another configuration");
  }
  return RAFT_OK;
}

static int replay_reset (struct replaying *now) {
  if (now->record.a < 1 || now->record.a > WAL_BASE_MAX) {
    return corrupt (now, "a reset to an index that cannot be");
  }
  wal_contents_reset (now->replay->contents, now->record.a);
  now->replay->begins_after = 0;
  return RAFT_OK;
}

static int replay_truncate (struct replaying *now) {
  struct wal_contents *contents = now->replay->contents;
  if (contents->base_index == now->replay->begins_after
      && now->record.a >= 1 && now->record.a <= contents->base_index) {
    wal_contents_shorten (contents, now->record.a - 1);
    now->replay->begins_after = now->record.a - 1;
    return RAFT_OK;
  }
  if (now->record.a <= contents->base_index
      || now->record.a > contents->last_index) {
    return corrupt (now, "a cut behind the end of the log");
  }
  wal_contents_truncate (contents, now->record.a);
  return RAFT_OK;
}

static int append (struct replaying *now, const struct wire_entry *envelope) {
  struct wal_contents *contents = now->replay->contents;
  struct wal_new_entry entry;
  entry.index = envelope->index;
  entry.term = envelope->term;
  entry.time = envelope->time;
  entry.is_configuration = envelope->kind == RAFT_ENTRY_CONFIGURATION;
  entry.bytes = raft_slice_borrowed (now->body, now->record.size);
  if (entry.is_configuration
      && raft_slice_copy (contents->memory, now->body, now->record.size,
                          &entry.bytes) != RAFT_OK) {
    return raft_fail (now->replay->detail, RAFT_ENOMEM,
                      "%s: out of memory in recovery", now->replay->name);
  }
  wal_contents_append (contents, &now->place, &entry);
  raft_slice_release (&entry.bytes);
  return RAFT_OK;
}

static int replay_entry (struct replaying *now) {
  struct wire_version own = wire_version_own ();
  struct wire_entry envelope;
  int status = reserve_one (now->replay);
  if (status != RAFT_OK) {
    return status;
  }
  if (wire_entry_decode (now->body, now->record.size, &envelope) != RAFT_OK
      || envelope.payload_size + WIRE_ENTRY_HEAD != now->record.size) {
    return corrupt (now, "an entry without a sound envelope");
  }
  if (envelope.index != now->record.a || envelope.term != now->record.b
      || envelope.index != now->replay->contents->last_index + 1) {
    return corrupt (now, "an entry out of order");
  }
  if (!wire_version_knows (&own, envelope.kind)) {
    return raft_fail (now->replay->detail, RAFT_EUNSUPPORTED,
                      "%s: expected entries of kinds 1 to %d at offset %llu, "
                      "got kind %d", now->replay->name,
                      RAFT_ENTRY_AGREED,
                      (unsigned long long)now->place.offset, envelope.kind);
  }
  return append (now, &envelope);
}

static int replay_record (struct replaying *now, uint32_t position) {
  if (now->begins_segment && position == 0
      && now->record.kind != WAL_CHECKPOINT) {
    return corrupt (now, "expected a checkpoint");
  }
  switch (now->record.kind) {
    case WAL_CHECKPOINT: return replay_checkpoint (now, position);
    case WAL_PEER: return replay_peer (now);
    case WAL_CONFIGURATION: return replay_configuration (now);
    case WAL_TRUNCATE: return replay_truncate (now);
    case WAL_ENTRY: return replay_entry (now);
    case WAL_RESET: return replay_reset (now);
    default:
      if (now->record.kind >= WAL_MUST_UNDERSTAND) {
        return RAFT_OK;
      }
      return raft_fail (now->replay->detail, RAFT_EUNSUPPORTED,
                        "%s: expected records of kinds 1 to %d at offset "
                        "%llu, got kind %d", now->replay->name, WAL_RESET,
                        (unsigned long long)now->place.offset,
                        now->record.kind);
  }
}

/* ---- batches ----------------------------------------------------------- */

/* 'data' is the batch, checked. */
static int replay_batch (struct wal_replay *replay,
                         const struct wal_batch_head *head,
                         const uint8_t *data, uint64_t offset) {
  struct wal_contents *contents = replay->contents;
  struct replaying now;
  now.replay = replay;
  now.place.first = 0;
  now.place.segment = replay->head.number;
  now.place.offset = offset;
  now.place.size = head->size;
  now.begins_segment = offset == WAL_SECTOR;
  now.body
    = data + WAL_BATCH_HEAD + (size_t)head->record_count * WAL_RECORD_HEAD;
  if (head->term < contents->term
      || (now.begins_segment && head->record_count == 0)) {
    return corrupt (&now, "a batch that cannot follow those before");
  }
  for (uint32_t i = 0; i < head->record_count; i++) {
    int status;
    wal_record_decode (data + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD,
                       &now.record);
    status = replay_record (&now, i);
    if (status != RAFT_OK) {
      return status;
    }
    now.body += now.record.size;
  }
  contents->term = head->term;
  contents->vote = head->vote;
  replay->next_number = head->number + 1;
  replay->last = now.place;
  replay->end = offset + head->size;
  return RAFT_OK;
}

/* A first batch with a later number than expected: batches between it and
** those before are gone. */
static int check_number (struct wal_replay *replay,
                         const struct wal_batch_head *head) {
  bool begins_log = replay->first > 1 && replay->end == WAL_SECTOR
                    && replay->head.number == replay->first;
  if (head->number == replay->next_number || begins_log) {
    return RAFT_OK;
  }
  if (replay->end == WAL_SECTOR && replay->head.number > 1) {
    char text[64];
    (void)snprintf (text, sizeof text, "%s begins with batch %llu",
                    replay->name, (unsigned long long)head->number);
    wal_segment_name (replay->head.number - 1, replay->name);
    replay->end = replay->end_before;
    replay->wrong = replay->wrong_before;
    return wal_replay_refuse (replay, text);
  }
  return raft_fail (replay->detail, RAFT_ECORRUPT, "%s: expected batch %llu "
                    "at offset %llu, got batch %llu", replay->name,
                    (unsigned long long)replay->next_number,
                    (unsigned long long)replay->end,
                    (unsigned long long)head->number);
}

int wal_replay_refuse (struct wal_replay *replay, const char *proof) {
  return raft_fail (replay->detail, RAFT_ECORRUPT,
                    "%s: damaged at offset %llu: %s, and %s",
                    replay->name, (unsigned long long)replay->end,
                    replay->wrong != NULL ? replay->wrong
                                          : "no batch is there",
                    proof);
}

static int replay_batches (struct wal_replay *replay,
                           const struct wal_bytes *bytes) {
  for (;;) {
    struct wal_batch_head head;
    int status;
    if (!wal_batch_head_decode (bytes, replay->end, &head)) {
      replay->wrong = NULL;
      return RAFT_OK;
    }
    replay->wrong = wal_batch_check (bytes, replay->end, &head);
    if (replay->wrong != NULL) {
      return RAFT_OK;
    }
    status = check_number (replay, &head);
    if (status == RAFT_OK) {
      status = replay_batch (replay, &head, bytes->data + replay->end,
                             replay->end);
    }
    if (status != RAFT_OK) {
      return status;
    }
  }
}

/* ---- segments ---------------------------------------------------------- */

static bool same_identity (const struct wal_identity *a,
                           const struct wal_identity *b) {
  return a->cluster == b->cluster && a->member == b->member
         && a->incarnation == b->incarnation;
}

static int check_head (struct wal_replay *replay, uint64_t number,
                       size_t size) {
  const struct wal_segment_head *head = &replay->head;
  if (head->number != number || head->size % WAL_SECTOR != 0
      || head->size < 2 * WAL_SECTOR || head->identity.member == 0) {
    return raft_fail (replay->detail, RAFT_ECORRUPT, "%s: the head at offset "
                      "0 is of segment %llu", replay->name,
                      (unsigned long long)head->number);
  }
  if (number > replay->first
      && !same_identity (&head->identity, &replay->identity)) {
    return raft_fail (replay->detail, RAFT_ECORRUPT, "%s: the head at offset "
                      "0 is of another directory", replay->name);
  }
  replay->identity = head->identity;
  if (size != head->size
      && !(size < head->size && raft_bug (replay, ACCEPT_SHORT_SEGMENT))) {
    return raft_fail (replay->detail, RAFT_ECORRUPT, "%s: expected %llu "
                      "bytes, the file ends at offset %llu", replay->name,
                      (unsigned long long)head->size,
                      (unsigned long long)size);
  }
  return RAFT_OK;
}

int wal_replay_segment (struct wal_replay *replay, uint64_t number,
                        const uint8_t *data, size_t size) {
  struct wal_bytes bytes;
  uint64_t proof;
  char text[64];
  int status;
  wal_segment_name (number, replay->name);
  status = wal_segment_head_decode (data, size, replay->name, &replay->head,
                                    replay->detail);
  if (status == RAFT_OK) {
    status = check_head (replay, number, size);
  }
  if (status != RAFT_OK) {
    return status;
  }
  bytes.data = data;
  bytes.size = size;
  bytes.offset = 0;
  bytes.salt = replay->head.salt;
  bytes.bug = replay->bug;
  replay->end_before = replay->end;
  replay->wrong_before = replay->wrong;
  replay->end = WAL_SECTOR;
  status = replay_batches (replay, &bytes);
  if (status != RAFT_OK) {
    return status;
  }
  proof = wal_find_proof (&bytes, replay->end, replay->next_number);
  if (proof != 0 && !raft_bug (replay, TRUNCATE_AT_ROT)) {
    (void)snprintf (text, sizeof text, "a later batch stands at offset %llu",
                    (unsigned long long)proof);
    return wal_replay_refuse (replay, text);
  }
  return RAFT_OK;
}
