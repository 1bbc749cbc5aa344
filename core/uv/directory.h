/* SPDX-License-Identifier: MIT
**
** directory.h - making a member's directory, once, before its first start; and
** making one out of another, when the majority is lost.
**
** Rule: it waits for the disk: who makes a directory has nothing else to
**       do. */

#ifndef RAFT_UV_DIRECTORY_H
#define RAFT_UV_DIRECTORY_H

#include "base/error.h"
#include "base/slice.h"
#include "base/limit.h"
#include "replica/recover.h"
#include "wire/configuration.h"

RAFT_HIDDEN_BEGIN

/* Makes 'path' the directory of member 'id' of the cluster 'value'.
** Errors: those of replica_init, said in *detail. */
int real_directory_make (const char *path, raft_id id,
                         const struct wire_configuration *value,
                         const struct raft_limits *limits,
                         struct raft_detail *detail);

/* The same for a member that joins: 'first' is entry 1 of the cluster.
** Errors: those of replica_join, said in *detail. */
int real_directory_join (const char *path, raft_id id,
                         struct raft_slice first,
                         const struct raft_limits *limits,
                         struct raft_detail *detail);

/* What stands in 'from', which is locked and not changed; *survivor is set.
** 'is_interrupted' (NULL: never) is asked before each step; once it has said
** yes it goes on saying so. Errors: those of replica_recover, said in *detail;
** RAFT_ECANCELLED: it was interrupted. */
int real_directory_look (const char *from, const struct raft_limits *limits,
                         bool (*is_interrupted) (void),
                         struct replica_survivor *survivor,
                         struct raft_detail *detail);

/* Makes 'into', which must not be there though its parent must, out of
** 'from'. After a failure nothing of it is left; what a killed process leaves
** is marked (wal/record.h), and nobody opens it. *survivor becomes what is in
** 'into'. Interrupted and errors: as real_directory_look; RAFT_EEXISTS. */
int real_directory_recover (const char *from, const char *into,
                            const struct raft_limits *limits,
                            bool (*is_interrupted) (void),
                            struct replica_survivor *survivor,
                            struct raft_detail *detail);

/* Whether 'path', which need not be there, is in 'outer' or deeper, whatever
** links lead there. False as well when that cannot be found out. */
bool real_directory_is_within (const char *path, const char *outer);

RAFT_HIDDEN_END

#endif
