/* SPDX-License-Identifier: MIT
**
** event.h - what the engine may be told.
**
** Holds:     types only: events, and what a snapshot says of itself.
** Knows not: what comes of them (raft.h). */

#ifndef RAFT_RAFT_EVENT_H
#define RAFT_RAFT_EVENT_H

#include "raft/message.h"

enum raft_event_kind {
  RAFT_EVENT_TIME = 1,   /* the deadline has come (early is harmless) */
  RAFT_EVENT_MESSAGE,    /* from another member, checked and decoded */
  RAFT_EVENT_PROPOSE,    /* a batch of commands */
  RAFT_EVENT_PERSISTED,  /* a ticket, and all before it, are durable */
  RAFT_EVENT_LOADED,     /* the answer to a LOAD effect */
  RAFT_EVENT_APPLIED,    /* the machine has everything up to an index */
  RAFT_EVENT_READ,       /* a batch of reads of one kind */
  RAFT_EVENT_LINK_UP,    /* messages to a member may get through again */
  RAFT_EVENT_LINK_DOWN,
  RAFT_EVENT_DISK_FULL,  /* no entry can be written, or can again */
  RAFT_EVENT_STALLED,    /* the own disk or machine is past its limit */
  RAFT_EVENT_STEP_DOWN,  /* give up leadership (a failed machine, a
                            divergence) */
  RAFT_EVENT_CONFIGURE,  /* another configuration (Diss. 4) */
  RAFT_EVENT_TRANSFER,   /* leadership to another member (Diss. 3.10) */
  RAFT_EVENT_SNAPSHOT,   /* the machine's state at an index is durable */
  RAFT_EVENT_INSTALL,    /* a leader's snapshot has arrived, whole */
  RAFT_EVENT_INSTALLED,  /* the answer to an INSTALL effect */
  RAFT_EVENT_SENT        /* the answer to a SNAPSHOT effect */
};

enum raft_read_kind {
  RAFT_READ_LINEAR = 1, /* a leader asks a majority */
  RAFT_READ_LEASE,      /* ... unless it has a lease */
  RAFT_READ_FOLLOWER,   /* linear, of any member: it asks the leader */
  RAFT_READ_STALE       /* of any member: not older than max_age_us */
};

/* What a snapshot says of itself. */
struct raft_snapshot {
  raft_index index;     /* of the last entry that it covers */
  raft_term term;       /* of that entry */
  raft_time time;       /* of that entry */
  struct raft_configuration configuration; /* the latest it covers */
  raft_index configuration_index;
};

struct raft_event {
  enum raft_event_kind kind;
  raft_time now;    /* monotonic, never less than in the event before */
  raft_time wall;   /* since 1970; may jump */
  uint64_t random;  /* 64 bits, used up by this event */
  union {
    struct raft_message message;
    struct {
      const struct raft_entry *entries; /* kind, size, checksum; borrowed */
      uint32_t count;                   /* 1 … append_entries */
    } propose;
    struct {
      uint64_t ticket;
      bool is_vote; /* only the term and vote of it: entries of it, or before
                       it, wait for room on a full disk */
    } persisted;
    struct {
      uint64_t ticket;    /* of the LOAD effect */
      uint32_t count;     /* entries that came, from its 'first' on */
      const struct raft_entry *entries; /* borrowed */
      bool damaged;       /* the log cannot be read: the member stops */
    } loaded;
    struct { raft_index index; } applied;
    struct {
      const uint64_t *ids; /* ring 1's names of the reads; borrowed */
      uint32_t count;
      enum raft_read_kind kind;
      raft_time max_age_us; /* STALE: the oldest state that will do */
    } read;
    struct {
      raft_id member;
      bool is_gone; /* LINK_DOWN: the connection to it had ended, and another
                       one was refused: nobody listens there any more */
    } link;
    struct { bool yes; } flag; /* DISK_FULL, STALLED */
    struct {
      const struct raft_configuration *value; /* borrowed */
      struct raft_entry entry; /* size and checksum of its encoding */
      raft_index expected; /* of the configuration that it changes; 0: any */
    } configure;
    struct { raft_id member; } transfer; /* RAFT_ID_NONE: whom it likes */
    struct { raft_index index; } snapshot; /* at most the applied one */
    struct {
      raft_id from;
      raft_term term;     /* the leader's, when it sent */
      const struct raft_snapshot *value; /* borrowed */
    } install;
    struct { int status; } installed; /* not 0: nothing was changed */
    struct {
      raft_id member;
      int status;         /* 0: it has installed it, durably */
    } sent;
  } as;
};

#endif
