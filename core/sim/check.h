/* SPDX-License-Identifier: MIT
**
** check.h - what must hold after every event, by name.
**
** Holds:     the history of a run as the checks need it: who led and voted
**            in which term, what each log held, what was committed, applied,
**            claimed, acknowledged.
** Invariant: the cost of a check grows with what changed in the event.
** Rule:      checks look, through raft_get_status and the like, at messages
**            and at requests of the machine; they never change a member.
** Source:    Paper Fig. 3; the union of what other harnesses verify.
**
**   election_safety      one leader in a term, ever
**   elected              who leads a term has the votes of a majority in it
**   leader_stays         no vote is granted by a leader, nor by those who
**                        have just heard of one
**   vote_once            one vote of a member in a term, across its lives
**   monotone             term, durable vote, commit, applied, match
**   order                applied <= commit <= last, match < next
**   invariant            what ring 0 says of itself
**   match_is_true        what a leader believes of a follower's log is so
**   probing              where two logs part is found in a step per term
**   late_message         nothing said in an earlier term is counted
**   leader_append_only   a leader never overwrites its log
**   log_matching         same index and term: same bytes, same entry before
**   committed_immutable  no committed entry ever goes or changes
**   committed_on_quorum  it is durable on a majority when first committed
**   leader_completeness  a new leader has all that was committed before
**   durable_ack          what a vote or an acknowledgement claims is durable
**   acknowledged_matches and equal to the leader's log
**   durability           what was claimed is found again after a restart
**   applied_order        commands reach a machine in order, each once a life
**   state_machine_safety and with equal results on every member
**   result_hash          the members' own running hashes agree
**   exactly_once         no command is applied more often than asked for
**   phantom              nothing is applied that no client asked for
**   acknowledged         what a client was told is in the history
**   linearizable         versions respect the order of real time
**   lease                who has one has no later leader, and misses nothing
**                        that is committed
**   transfer_ends        a leader that hands over takes proposals again soon
**   own_term             a leader commits by counting only in its own term
**   configuration        who begins to lead is a voter, as its log says; a
**                        committed configuration is the same everywhere
**   changes              a leader changes the members by one voter, or joint;
**                        one change at a time, in a term that has committed
**   removed              only who is in no committed configuration ends so
**   snapshot_committed   a log begins where an entry was committed
**   snapshot_needed      none is taken over for what is committed here
**   restored_state       a machine from a snapshot is what replay makes of it
**   identity             a wiped directory is refused by who met the old one
**   growth               entries come from requests and elections only
**   memory               a member stays within its memory
**   leak                 a member that ended left no memory
**   must_start           who has lost nothing opens its log
**   must_halt            who has lost what it needs names the file
**   liveness             a leader, convergence, every call completed
**
** Two of them, own_term and of changes what their leader does, are rules: with
** checks = 2 they are left out, and what they protect from is found later. */

#ifndef RAFT_SIM_CHECK_H
#define RAFT_SIM_CHECK_H

#include "sim/client.h"
#include "sim/machine.h"
#include "sim/map.h"
#include "sim/member.h"
#include "sim/world.h"

#define SIM_CHECKS_HARM 2 /* of option checks */
#define SIM_DOUBTFUL 4 /* acknowledgements inspected after a truncation */
#define SIM_CLAIMS_MAX 32 /* of one event: more are checked at once */

/* One entry of a member's log. */
struct check_entry {
  raft_term term;
  uint64_t sum;     /* of all its bytes; 0: not seen */
};

/* One entry that any log ever held at an index. */
struct check_variant {
  raft_term term;
  raft_term previous;
  uint64_t sum;
  uint32_t next;    /* another one of this index, 0: none */
};

struct check_committed {
  raft_term term;
  raft_term by;     /* the term in which it was first seen committed */
};

/* One command that a machine has applied. */
struct check_applied {
  bool is_known;
  uint64_t payload; /* checksum of the command */
  uint64_t chain;   /* over all commands and results up to it */
  uint64_t key;     /* of a set: checksum of its key and value */
  uint64_t value;
};

/* What left a member and claims that something is durable there. */
struct check_claim {
  enum raft_message_kind kind;
  raft_id to;
  raft_term term;
  raft_index match;
};

struct check_leadership {
  raft_id member;
  uint64_t life;
  uint32_t handed; /* bit i: member i was told to take over */
};

/* One that is committed. */
struct check_configuration {
  raft_index index;
  struct raft_configuration value;
};

struct check_member {
  bool has_agreed;          /* features were on */
  bool is_open;              /* this life's log is known */
  struct check_entry *log;   /* by index */
  size_t log_capacity;
  raft_index last;
  raft_index base;           /* the log begins after it */
  raft_index dirty;          /* lowest index that may have changed */
  enum raft_role role;
  raft_term term;
  raft_id vote;
  raft_id leader;
  raft_time heard;           /* of a leader of its term, by its clock */
  raft_time reigned;         /* as a leader: its last event, by its clock */
  raft_time transferring;    /* for so long, without pauses */
  raft_index commit;
  raft_index applied;
  raft_index installing;     /* a snapshot, until its base is taken; 0 */
  raft_index stable;         /* durable as it says; kept while it is down */
  raft_term durable_term;
  raft_id durable_vote;
  struct raft_configuration configuration; /* before this event */
  raft_index configuration_index;
  bool has_yielded;          /* in this event: to a change without it */
  bool hears_late;           /* in this event, from an earlier term */
  raft_term match_term;      /* the leadership that 'match' is of */
  raft_index match[SIM_MEMBERS_MAX + 1];
  raft_index next[SIM_MEMBERS_MAX + 1];
  unsigned steps[SIM_MEMBERS_MAX + 1]; /* back, one after the other */
  raft_index machine_index;  /* last command given to this life's machine */
  uint64_t machine_chain;
  unsigned doubtful;         /* acknowledgements to come that are inspected */
  uint16_t met;              /* bit i: knows the directory of member i */
  raft_id *votes;            /* by term */
  size_t vote_capacity;
  struct check_claim claims[SIM_CLAIMS_MAX];
  unsigned claim_count;
};

/* A version of a key became known to a client. */
struct check_raise {
  raft_time time;
  uint64_t key;
  raft_index version;
};

struct sim_checks {
  struct check_member members[SIM_MEMBERS_MAX + 1];
  raft_term led;                    /* the highest that had a leader */
  struct check_leadership *leaders; /* by term */
  size_t leader_capacity;
  uint32_t *heads;                  /* by index: its first variant */
  size_t head_capacity;
  struct check_variant *variants;   /* from 1 */
  size_t variant_capacity;
  uint32_t variant_count;
  struct check_committed *committed;/* by index */
  size_t committed_capacity;
  raft_index committed_index;
  struct check_applied *applied;    /* by index */
  size_t applied_capacity;
  raft_index applied_index;
  uint64_t *states;                 /* of machines by index, 0: unknown */
  size_t state_capacity;
  uint64_t *hashes;                 /* result hashes by index, 0: unknown */
  size_t hash_capacity;
  struct sim_map payloads;          /* checksum -> struct check_payload */
  struct check_payload *asked;      /* from 1 */
  size_t asked_capacity;
  uint32_t asked_count;
  struct sim_map floors;            /* key -> latest version known */
  struct check_configuration *configurations; /* by index, as first seen */
  size_t configuration_capacity;
  size_t configuration_count;
  struct check_raise *raises;       /* how that came, oldest first */
  size_t raise_count;
  size_t raise_capacity;
  uint64_t agreed;                  /* features that any member has on */
  raft_id used;                     /* highest id in any log's latest one */
};

struct check_payload {
  uint32_t invoked;
  uint32_t applied;
  bool is_loose;     /* a client without session asked: at least once */
  bool is_refused;   /* the client was told that it did nothing */
};

RAFT_HIDDEN_BEGIN

struct sim_checks *sim_checks_new (struct sim_world *world);
void sim_checks_free (struct sim_checks *checks);

/* ---- told by the world ------------------------------------------------- */

void sim_check_started (struct sim_world *world, struct sim_member *member);
void sim_check_opened (struct sim_world *world, struct sim_member *member);
void sim_check_ended (struct sim_world *world, struct sim_member *member);

/* Its connection ended, and another was refused: what it had heard from there
** was said by a process that is gone, whoever answers there next. */
void sim_check_gone (struct sim_world *world, raft_id who, raft_id whom);

void sim_check_trace (struct sim_world *world, struct sim_member *member,
                      const struct raft_trace *trace);
/* Gives the kind of the message. */
enum sim_matter_kind sim_check_sent (struct sim_world *world,
                                     struct sim_member *member, raft_id to,
                                     const uint8_t *data, size_t size);
/* After each event of a member. */
void sim_check_member (struct sim_world *world, struct sim_member *member);
void sim_check_applied (struct sim_world *world, struct sim_member *member,
                        const struct machine_request *request);
/* A machine remembers its state for a snapshot. */
void sim_check_remembered (struct sim_world *world, struct sim_member *member,
                           struct machine *machine);
void sim_check_invoked (struct sim_world *world, struct sim_client *client,
                        struct sim_operation *operation,
                        struct wire_view bytes);
void sim_check_done (struct sim_world *world, struct sim_client *client,
                     struct sim_operation *operation);

/* Whether any machine was given the entry of that index. */
bool sim_check_has_applied (const struct sim_world *world, raft_index index);

/* Whether one member has the other's incarnation on its disk: it has answered
** a message of it, or counted an answer. */
bool sim_check_has_met (const struct sim_world *world, raft_id who,
                        raft_id whom);

/* Whether a greeting is of a wiped directory, at one who has met the old. */
bool sim_check_is_impostor (const struct sim_world *world, raft_id who,
                            raft_id whom, uint64_t incarnation);

/* After the faults have ended: whether all is quiet and equal now. */
bool sim_check_converged (struct sim_world *world);
/* Why not, as a violation named liveness. */
void sim_check_give_up (struct sim_world *world);

RAFT_HIDDEN_END

#endif
