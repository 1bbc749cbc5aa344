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
** Errors: those of replica_recover, said in *detail. */
int real_directory_look (const char *from, const struct raft_limits *limits,
                         struct replica_survivor *survivor,
                         struct raft_detail *detail);

/* Makes 'into', which must not be there, out of 'from'. It is written as
** "into.unfinished" and gets its name when it is whole and durable; after a
** failure nothing of it is left. *survivor becomes what is in 'into'.
** Errors: those of replica_recover, said in *detail; RAFT_EEXISTS. */
int real_directory_recover (const char *from, const char *into,
                            const struct raft_limits *limits,
                            struct replica_survivor *survivor,
                            struct raft_detail *detail);

RAFT_HIDDEN_END

#endif
