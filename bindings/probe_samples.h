/* SPDX-License-Identifier: MIT
**
** probe_samples.h - one valid encoding of everything that core/wire writes.
**
** The corpus from which hostile inputs are made, and the list of encoders
** whose every allocation is made to fail. */

#ifndef RAFT_BINDINGS_PROBE_SAMPLES_H
#define RAFT_BINDINGS_PROBE_SAMPLES_H

#include "base/buffer.h"

struct probe_sample {
  const char *name;
  int (*encode) (struct raft_buffer *out);
};

RAFT_HIDDEN_BEGIN

extern const struct probe_sample probe_samples[];
extern const unsigned probe_sample_count;

RAFT_HIDDEN_END

#endif
