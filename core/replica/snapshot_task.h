/* SPDX-License-Identifier: MIT
**
** snapshot_task.h - who is busy with a snapshot: taking, restoring, sending,
** receiving and installing.
**
** Holds:     the state of each, and what the files of this room call of them.
** Rule:      an answer of disk or machine is only noted; what follows from it
**            happens in the settle function of its task (inside.h).
** Invariant: one file is written at a time: a snapshot is taken, or received,
**            never both. */

#ifndef RAFT_REPLICA_SNAPSHOT_TASK_H
#define RAFT_REPLICA_SNAPSHOT_TASK_H

#include "port/machine.h"
#include "replica/calls.h"
#include "replica/pace.h"
#include "replica/snapshot.h"
#include "wal/snapshot.h"
#include "wire/message.h"

#define SNAPSHOTS_LISTED 8 /* the newest of a directory */
#define SNAPSHOTS_KEPT 2
#define SNAPSHOT_REFUSED_SHOWN 120 /* bytes of why one was, in a message */

struct replica;

/* ---- taking ------------------------------------------------------------ */

enum replica_take_state {
  TAKE_IDLE,
  TAKE_ENCODING,  /* the sessions, a part per turn; nothing is applied */
  TAKE_MACHINE,   /* the machine remembers its state, or gives a piece */
  TAKE_WRITING,   /* the disk has a piece */
  TAKE_PAUSING,   /* the next piece would be too soon */
  TAKE_NAMING,    /* the last bytes, and the name */
  TAKE_CANCELLING,/* the file goes */
  TAKE_DROPPING,  /* ... and the machine forgets */
  TAKE_TELLING,   /* durable: the engine is to know */
  TAKE_FORGETTING,/* what was encoded goes, a part per turn */
  TAKE_SWEEPING   /* older ones are removed */
};

struct replica_take {
  enum replica_take_state state;
  bool is_asked;            /* for, whatever the log's size */
  bool has_no_method;       /* the machine takes none: never by size */
  bool is_busy;             /* a request is under way */
  bool is_sweep_due;
  int status;               /* of what came back */
  int failed;               /* why it is given up */
  raft_index index;
  struct replica_caller caller; /* who waits for it; connection 0: nobody */
  uint64_t log_bytes;       /* of entries applied since the last one */
  struct replica_pace pace; /* of what is written */
  uint64_t taken;           /* since the process began */
  struct wal_snapshot_writer writer;
  struct machine_request request;
  bool has_turn;            /* one more part may be encoded */
  struct replica_meta_writer meta;
  struct fs_request sweep;
  struct raft_buffer names; /* plain */
  size_t name_at;
};

/* ---- from a file to the machine ---------------------------------------- */

struct replica_restore {
  struct wal_snapshot_reader reader;
  struct machine_request request;
  struct machine_entry piece;
  bool is_reading;          /* from its start to 'done' */
  bool wants_machine;       /* false: only meta is wanted */
  bool has_machine;         /* it was told to begin anew */
  bool has_meta;
  uint64_t next;            /* block to be read */
  bool is_known;            /* 'meta' was read before */
  struct replica_meta_reader decoding;
  struct replica_meta meta;
  const uint8_t *rest;      /* of the block at hand, for the machine */
  size_t rest_size;
  int status;
  bool is_machine_fault;    /* 'status' is the machine's and not the file's */
  struct raft_detail detail;
  void (*done) (struct replica *replica, int status);
};

/* ---- opening ----------------------------------------------------------- */

struct replica_opening {
  raft_index listed[SNAPSHOTS_LISTED]; /* ascending */
  size_t count;             /* those after it were tried */
  bool is_busy;             /* a request is under way */
  bool is_chosen;
  struct wal_snapshot_head head;
  struct raft_buffer names; /* plain */
  struct fs_request request;
  struct wal_snapshot_reader reader;
  struct raft_detail refused; /* the newest one that cannot be used */
};

/* ---- to a follower ----------------------------------------------------- */

#define SNAPSHOT_SILENT 20 /* resends without an answer: it is given up */
#define SNAPSHOT_IDLE_US (10 * RAFT_SECOND) /* half a snapshot is kept so long
                                               for one who may come back */

enum replica_send_state {
  SEND_FREE,
  SEND_WANTED,    /* the file is to be opened */
  SEND_OFFERED,   /* it is asked what is missing */
  SEND_FLOWING,   /* blocks are read and sent, up to a window */
  SEND_CLOSING,   /* the file */
  SEND_PAUSING    /* after a failure, before the engine is told */
};

struct replica_send {
  enum replica_send_state state;
  raft_id member;
  raft_term term;           /* of the leadership that wanted it */
  bool is_busy;             /* a request is under way */
  bool is_wanted_anew;      /* as soon as the file is closed */
  int status;               /* of the request, then of the whole */
  uint64_t next;            /* block to be read and sent */
  uint64_t stored;          /* blocks that the follower has on its disk */
  uint64_t reading;         /* the block that was asked for */
  const uint8_t *data;      /* what was read and is not sent; or NULL */
  size_t size;
  raft_time resend_at;
  raft_time give_up_at;
  struct wal_snapshot_reader reader;
};

/* ---- from a leader ----------------------------------------------------- */

#define SNAPSHOT_HELD_MAX 64 /* blocks that wait for the disk: the widest
                                snapshot_window of a leader */

enum replica_receive_state {
  RECEIVE_IDLE,
  RECEIVE_OPEN,       /* the file waits for block 'next' */
  RECEIVE_WHOLE,      /* all is there: the engine decides */
  RECEIVE_CANCELLING, /* the file goes */
  RECEIVE_FORGETTING, /* sessions go, a part per turn: those that were read of
                         it, or those that were this member's before it */
  INSTALL_NAMING,     /* the engine wants it: the file gets its name */
  INSTALL_RESETTING,  /* the log begins anew behind it */
  INSTALL_WAITING,    /* what was given to the machine before comes first */
  INSTALL_RESTORING,  /* the machine gets it */
  INSTALL_TELLING     /* the engine is to know */
};

struct replica_receive {
  enum replica_receive_state state;
  bool is_busy;             /* a request is under way */
  bool is_begun;            /* the file is there */
  bool is_outdated;         /* another one is offered: this one goes */
  bool is_install_wanted;   /* by the engine, in this step */
  bool is_adopted;          /* the member is what the snapshot says */
  int status;               /* of the request */
  raft_id from;
  struct wire_snapshot what;/* as offered; no data */
  uint64_t next;            /* blocks that are written */
  struct raft_slice held[SNAPSHOT_HELD_MAX]; /* those after them, in order; the
                               first one is with the writer, if it is busy */
  uint32_t held_count;
  raft_time heard;
  uint64_t ticket;          /* of the log's reset */
  uint64_t sent;            /* to others, since the process began */
  uint64_t installed;
  struct wal_snapshot_writer writer;
  bool has_meta;
  bool has_turn;            /* one more part of sessions may go */
  struct replica_meta_reader decoding;
  struct replica_meta meta;
};

RAFT_HIDDEN_BEGIN

/* ---- snapshot_open.c: which snapshot to begin with -------------------- */
void replica_opening_start (struct replica *replica);
/* The log has been opened, and says where it begins. */
void replica_opening_judge (struct replica *replica);
/* The machine is there; ends with replica_open_engine. */
void replica_opening_restore (struct replica *replica);
void replica_opening_free (struct replica *replica);

/* ---- snapshot_restore.c ----------------------------------------------- */
void replica_restore_init (struct replica *replica);
/* Reads a snapshot; 'done' is called once, with all requests answered. */
void replica_restore_start (struct replica *replica, raft_index index,
                            bool wants_machine,
                            void (*done) (struct replica *replica,
                                          int status));
/* It has begun: what is not the machine's part was read before, and is taken
** over. */
void replica_restore_know (struct replica *replica,
                           struct replica_meta *meta);
/* What was read besides the machine's part is this member's now; *old becomes
** the sessions that were. */
void replica_restore_adopt (struct replica *replica,
                            struct session_table *old);
void replica_restore_free (struct replica *replica);

/* ---- snapshot_take.c -------------------------------------------------- */
void replica_take_init (struct replica *replica);
bool replica_settle_take (struct replica *replica);
/* Nothing is applied: the sessions are written down as they are. */
bool replica_is_encoding (const struct replica *replica);
raft_time replica_take_deadline (const struct replica *replica);
/* Removes all snapshots but the two newest, and one that was not finished,
** when there is time. */
void replica_take_sweep (struct replica *replica);
/* The member ends: false, something is still under way. */
bool replica_take_end (struct replica *replica);
void replica_take_free (struct replica *replica);

/* ---- snapshot_ask.c --------------------------------------------------- */
void replica_admin_snapshot (struct replica *replica,
                             const struct replica_caller *caller,
                             struct wire_view params);
/* Answers who waits for it. why NULL: the text of the code. */
void replica_take_done (struct replica *replica);
void replica_take_failed (struct replica *replica, int status,
                          const char *why);

/* ---- snapshot_send.c -------------------------------------------------- */
void replica_send_want (struct replica *replica, raft_id member);
bool replica_settle_sends (struct replica *replica);
void replica_on_snapshot_result (struct replica *replica, raft_id from,
                                 const struct wire_snapshot_result *result);
raft_time replica_sends_deadline (const struct replica *replica);
bool replica_sends_end (struct replica *replica);
void replica_sends_free (struct replica *replica);

/* ---- snapshot_receive.c ----------------------------------------------- */
void replica_receive_init (struct replica *replica);
void replica_on_snapshot (struct replica *replica, raft_id from,
                          const struct wire_snapshot *snapshot);
bool replica_settle_receive (struct replica *replica);
void replica_receive_answer (struct replica *replica,
                             enum wire_snapshot_outcome outcome);
/* The file goes, and what was kept of it. */
void replica_receive_cancel (struct replica *replica);
void replica_receive_done (struct replica *replica);
raft_time replica_receive_deadline (const struct replica *replica);
bool replica_receive_end (struct replica *replica);
void replica_receive_free (struct replica *replica);

/* ---- install.c -------------------------------------------------------- */
bool replica_is_installing (const struct replica *replica);
/* The machine is between two states: it is asked nothing. */
bool replica_is_restoring (const struct replica *replica);
void replica_install_start (struct replica *replica);
bool replica_settle_install (struct replica *replica);

RAFT_HIDDEN_END

#endif
