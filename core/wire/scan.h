/* SPDX-License-Identifier: MIT
**
** scan.h - how long is the MessagePack object at the front of these bytes?
**
** Holds:     a resumable scanner with bounds on depth, elements and bytes. It
**            runs before msgpack-c sees anything: 150 hostile bytes make
**            msgpack-c 4.0 reserve 120 GiB of address space.
** Invariant: it allocates nothing and reads each byte at most once. */

#ifndef RAFT_WIRE_SCAN_H
#define RAFT_WIRE_SCAN_H

#include "base/error.h"
#include "base/types.h"

/* Containers in containers: the 64 of a value (value.h), and those of the
** request or response around it. */
#define WIRE_DEPTH_MAX 68

struct wire_scan_limits {
  uint64_t bytes;    /* of the whole object */
  uint64_t elements; /* values of any kind in it, nested ones included */
  uint32_t depth;    /* at most WIRE_DEPTH_MAX */
};

struct wire_scan {
  struct wire_scan_limits limits;
  uint64_t seen;      /* bytes of the object scanned so far */
  uint64_t skip;      /* bytes of a string or number still to come */
  uint64_t elements;  /* values begun */
  uint64_t owed;      /* values that open containers still miss, in all */
  uint64_t length;    /* a length that is being read, as far as it came */
  uint64_t open[WIRE_DEPTH_MAX]; /* values missing per open container */
  uint32_t depth;     /* open containers */
  uint8_t head;       /* the head byte whose length is being read */
  uint8_t missing;    /* bytes of that length still to come */
  int status;         /* an error stays */
};

RAFT_HIDDEN_BEGIN

void wire_scan_init (struct wire_scan *scan,
                     const struct wire_scan_limits *limits);

/* Goes on with the bytes that follow those it has seen. When the object is
** complete: RAFT_OK and its whole size in *object_size, and the scan is ready
** for the next one; bytes behind the object are not looked at.
** *object_size 0: more is needed.
** Errors: RAFT_EMALFORMED (0xc1, too deep), RAFT_ETOO_LARGE (bytes,
** elements), as soon as it is certain, even when the bytes are yet to come.
** After an error every further call returns it again. */
int wire_scan_feed (struct wire_scan *scan, const uint8_t *data, size_t size,
                    uint64_t *object_size);

RAFT_HIDDEN_END

#endif
