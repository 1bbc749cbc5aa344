/* SPDX-License-Identifier: MIT
**
** inside.h - one member from the inside: struct replica, and what the files
** of this room call of one another.
**
** Holds:     all state of ring 1 that is not in a part of its own (cache.h,
**            session.h, calls.h, digest.h, peer.h, reads.h).
** Rule:      what comes from below or beside (a durable ticket, a loaded
**            range, a machine's answer) is only noted where it arrives, and
**            becomes an event in replica_settle. So an event that meets an
**            exhausted memory is not lost: it is still noted, and tried
**            again. Nothing is stepped from inside an effect.
** Invariant: between calls from the world, every effect of the last step is
**            done or noted. */

#ifndef RAFT_REPLICA_INSIDE_H
#define RAFT_REPLICA_INSIDE_H

#include "base/chunk.h"
#include "base/panic.h"
#include "replica/admin.h"
#include "replica/agree.h"
#include "replica/cache.h"
#include "replica/calls.h"
#include "replica/digest.h"
#include "replica/load.h"
#include "replica/notes.h"
#include "replica/reads.h"
#include "replica/refusal.h"
#include "replica/replica.h"
#include "replica/session.h"
#include "replica/snapshot_task.h"
#include "replica/stall.h"
#include "wire/message.h"
#include "wire/rpc.h"
#include "wire/value.h"

#define REPLICA_RETRY_US (10 * RAFT_MILLISECOND) /* after out of memory */
#define REPLICA_LEAVE_US (500 * RAFT_MILLISECOND) /* once removed */
#define REPLICA_RETRY_HINT_MS 50 /* told to clients with 'overloaded' */
#define REPLICA_LOADS (RAFT_MEMBERS_MAX * 3 + 1) /* one per follower, and the
                                                    machine's */
/* One call of the machine: never past where sessions are trimmed. */
#define REPLICA_APPLY_ENTRIES SESSION_TRIM_ENTRIES

enum replica_life {
  REPLICA_NEW,
  REPLICA_OPENING,  /* the log, then the machine */
  REPLICA_OPEN,
  REPLICA_CLOSING,
  REPLICA_CLOSED,
  REPLICA_STOPPED
};

/* What is done with one entry of the batch that is being applied. */
enum replica_plan_kind {
  PLAN_SKIP,      /* nothing to apply: result nil */
  PLAN_MACHINE,   /* the machine's answer number 'slot' */
  PLAN_DUPLICATE, /* the result in 'record' */
  PLAN_NUMBER,    /* a session was opened: its id */
  PLAN_REFUSED    /* 'status' says why */
};
struct replica_plan {
  enum replica_plan_kind kind;
  int status;
  uint32_t slot;
  raft_term term;
  raft_time time;       /* of the entry */
  uint32_t size;        /* bytes of it */
  struct session_record *record; /* MACHINE: to be kept there, or NULL */
};

struct replica_apply {
  raft_index next;      /* not applied yet, of the effect under way */
  raft_index end;       /* of that effect; next == end: none under way */
  struct replica_load *load; /* where its entries are; NULL: the cache */
  raft_index batch_end; /* of what the machine has; 0: it has nothing */
  bool is_answered;     /* the machine is done with it */
  bool is_told;         /* APPLIED is still to be stepped */
  raft_index done;      /* of them, results up to here (half-open) */
  bool has_part;        /* one more part of the results may be taken */
  bool has_turn;        /* one more part of what was forgotten may go */
  uint32_t count;       /* entries for the machine */
  struct machine_request request;
  struct replica_plan plans[REPLICA_APPLY_ENTRIES];
  struct machine_entry entries[REPLICA_APPLY_ENTRIES];
  struct machine_result results[REPLICA_APPLY_ENTRIES];
};

struct replica {
  struct replica_options options;
  struct raft_memory *memory;
  enum raft_bug bug;
  enum replica_life life;
  unsigned depth;        /* of calls from outside, on the stack */
  raft_time now;         /* of this call */
  raft_time retry_at;    /* memory was out; MAX: it was not */

  /* For the world, told last of all in a call. */
  bool tell_opened;
  bool tell_stopped;
  bool tell_closed;
  bool *gone;            /* set when the world frees us meanwhile */
  int status;            /* of opened or stopped */
  struct raft_detail detail;
  void (*closed) (void *owner);

  /* Identity. */
  struct wal_identity identity;
  struct wire_configuration configuration; /* the latest in the log */
  raft_index configuration_index;
  struct wire_configuration previous; /* for when that is cut */
  raft_index previous_index;          /* 0: none */
  struct replica_known known;
  struct wal_recovered recovered; /* until the engine is there */
  struct raft_term_run *runs;
  size_t runs_size;      /* bytes of them, as allocated */
  struct wire_version version; /* of this build */
  uint64_t machine_hash;
  char vm[16];
  raft_index held_index;

  struct raft *raft;
  struct raft_id_set voters;
  enum raft_role role;
  raft_term term;
  raft_id leader;
  raft_index commit;
  raft_index applied;    /* results are in */
  raft_time applied_time; /* in the envelope of that entry */
  raft_index last;       /* of the log, as cached or recovered */
  bool is_diverged;      /* nobody knows who is right: read-only */

  struct wal *wal;
  uint64_t wal_ticket;   /* of the newest write, ours and the engine's */
  uint64_t wal_durable;  /* as the log told */
  uint64_t wal_stepped;  /* as the engine was told (a ticket of the log) */
  uint64_t wal_voted;    /* term and vote up to here are durable; 0: told */
  bool disk_full;
  bool disk_full_told;
  bool wal_opened;       /* or failed to */
  bool wal_usable;
  bool wal_closing;
  bool wal_closed;
  raft_time write_since; /* of the oldest write that is not durable */

  struct replica_cache cache;
  struct raft_block *noop;       /* for the no-op of a leader to be */
  struct raft_block *batch;      /* of the propose event being stepped */
  size_t batch_first;            /* its proposals */
  size_t batch_count;
  raft_index incoming_first;     /* entries of the message being stepped */
  uint32_t incoming_count;
  struct raft_slice *slices;     /* scratch: of writes and messages */
  size_t slice_capacity;
  struct raft_entry *entries;    /* scratch: for the engine */
  size_t entry_capacity;
  uint64_t *ids;                 /* scratch: of reads */
  size_t id_capacity;
  struct raft_buffer scratch;    /* messages, answers */
  struct raft_buffer value;      /* details, status */
  struct raft_chunk chunk;
  struct wire_message_room room;

  struct replica_load loads[REPLICA_LOADS];
  uint32_t load_count;           /* not free */
  struct session_table sessions;
  struct replica_calls calls;
  struct replica_reads reads;
  struct replica_peers peers;
  struct replica_refusals refusals;
  raft_index snapshot_index;     /* the newest, under its name; 0: none */
  raft_index snapshot_previous;  /* the one before it */
  uint64_t snapshot_bytes;       /* of the newest: its content */
  raft_time snapshot_time;       /* of the newest: when its entry was made */
  struct replica_opening opening;
  struct replica_restore restore;
  struct replica_take take;
  struct replica_send sends[REPLICA_PEERS_MAX];
  uint32_t send_count;           /* not free */
  struct replica_pace send_pace; /* of all of them together */
  struct replica_receive receive;
  struct replica_digest digest;
  struct replica_apply apply;
  struct replica_stall stall;
  struct replica_admin admin;
  struct replica_agreement agreement;
  struct raft_slice first;       /* entry 1, once applied; data NULL: not */
  struct replica_trouble trouble;
  struct replica_counts counts;
  bool machine_open;             /* it is there */
  bool machine_closing;
  bool machine_closed;
  struct machine_request machine_life; /* OPEN, CLOSE */
  uint64_t malformed;            /* messages refused */
  uint64_t dropped;              /* messages not sent: no memory */
};

RAFT_HIDDEN_BEGIN

/* ---- replica.c: life -------------------------------------------------- */
/* Each call from outside stands between these two. */
void replica_enter (struct replica *replica);
void replica_leave (struct replica *replica);
/* The member ends for good: answers who waits, and tells the world. */
void replica_stop (struct replica *replica, int status, const char *text);
void replica_trace (struct replica *replica, enum raft_trace_kind kind,
                    uint64_t a, uint64_t b, uint64_t c);
void replica_trace_text (struct replica *replica, enum raft_trace_kind kind,
                         uint64_t a, uint64_t b, const char *text);
/* Memory is out: settle again a little later. */
void replica_retry (struct replica *replica);

/* ---- open.c: recovery ------------------------------------------------- */
int replica_open_log (struct replica *replica);
void replica_on_wal_opened (void *owner, int status,
                            const struct wal_recovered *recovered,
                            const struct raft_detail *detail);
void replica_on_machine_life (struct machine_request *request);
/* The log is open, or could not be opened. */
void replica_open_machine (struct replica *replica);
/* Everything is there: log, machine, what the snapshot says. */
void replica_open_engine (struct replica *replica);

/* ---- step.c: events in, effects out ----------------------------------- */
/* Fills in time and chance, steps, performs. Errors: those of raft_step;
** nothing has changed then. */
int replica_step (struct replica *replica, struct raft_event *event);
/* Steps what was noted. */
void replica_settle (struct replica *replica);
void replica_on_durable (void *owner, uint64_t ticket);
void replica_on_wal_failed (void *owner, int status,
                            const struct raft_detail *detail);
void replica_on_full (void *owner, bool yes);
void replica_on_voted (void *owner, uint64_t ticket);

/* ---- propose.c: the proposals of this turn ---------------------------- */
void replica_flush_proposals (struct replica *replica);

/* ---- effect.c: what a step wants done --------------------------------- */
void replica_perform (struct replica *replica);
int replica_reserve_slices (struct replica *replica, size_t count);
int replica_reserve_entries (struct replica *replica, size_t count);

/* ---- apply.c ---------------------------------------------------------- */
void replica_apply_want (struct replica *replica, raft_index first,
                         uint32_t count, uint64_t ticket);
bool replica_settle_apply (struct replica *replica);
/* What sessions kept, and is forgotten, is given back. */
bool replica_settle_sessions (struct replica *replica);
void replica_apply_turn (struct replica *replica); /* of the world's loop */
raft_time replica_apply_deadline (const struct replica *replica);
void replica_on_machine_applied (struct machine_request *request);
void replica_results_done (struct machine_request *request); /* answered */

/* ---- query.c: reads of all kinds -------------------------------------- */
void replica_flush_reads (struct replica *replica);
void replica_read_confirmed (struct replica *replica,
                             const struct raft_effect *effect);
/* Gives to the machine what may be asked now. */
bool replica_settle_reads (struct replica *replica);
void replica_fail_reads (struct replica *replica, int status);

/* ---- hello.c: peers and their incarnations ---------------------------- */
bool replica_settle_peers (struct replica *replica);
/* ---- compare.c: result hashes ----------------------------------------- */
void replica_compare_point (struct replica *replica);
void replica_compare_all (struct replica *replica); /* a new leader */
void replica_on_result_hash (struct replica *replica, raft_id from,
                             const struct wire_result_hash *hash);

/* ---- stall.c ---------------------------------------------------------- */
void replica_stall_committed (struct replica *replica, raft_index index);
void replica_stall_applied (struct replica *replica);
bool replica_settle_stall (struct replica *replica);
raft_time replica_stall_deadline (const struct replica *replica);

/* ---- answer.c --------------------------------------------------------- */
void replica_answer_value (struct replica *replica,
                           const struct replica_caller *caller,
                           const uint8_t *data, size_t size);
void replica_answer_number (struct replica *replica,
                            const struct replica_caller *caller,
                            uint64_t number);
/* text NULL: that of the code. Adds the leader, or when to retry. */
void replica_answer_error (struct replica *replica,
                           const struct replica_caller *caller, int status,
                           const char *text);

/* ---- status.c --------------------------------------------------------- */
/* Appends the status map. state: with the machine's hash at an index. */
struct replica_state_hash { raft_index index; uint64_t hash; };
int replica_status_encode (struct replica *replica, struct raft_buffer *out,
                           const struct replica_state_hash *state);
/* Appends what an operator sees of the members. */
int replica_members_encode (struct replica *replica, struct raft_buffer *out);

RAFT_HIDDEN_END

#endif
