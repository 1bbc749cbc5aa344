/* SPDX-License-Identifier: MIT
**
** drift.c - from the world's time to one's own, and back. */

#include "sim/drift.h"

#include "base/panic.h"

/* Beyond it products would not fit; who waits so long may wake up early. */
#define FAR ((raft_time)1 << 42)

void sim_drift_init (struct sim_drift *drift, raft_time now) {
  drift->rate = SIM_DRIFT_ONE;
  drift->since = now;
  drift->from = now;
}

void sim_drift_set (struct sim_drift *drift, raft_time now, bool is_slower,
                    uint64_t parts) {
  raft_assert (parts <= SIM_DRIFT_MAX);
  drift->from = sim_drift_show (drift, now);
  drift->since = now;
  drift->rate = is_slower ? SIM_DRIFT_ONE - parts : SIM_DRIFT_ONE + parts;
}

raft_time sim_drift_show (const struct sim_drift *drift, raft_time now) {
  raft_time passed = now - drift->since;
  raft_assert (now >= drift->since);
  return drift->from
         + (drift->rate == SIM_DRIFT_ONE
              ? passed
              : passed * drift->rate / SIM_DRIFT_ONE);
}

raft_time sim_drift_until (const struct sim_drift *drift, raft_time time) {
  raft_time wait = time > drift->from ? time - drift->from : 0;
  if (drift->rate == SIM_DRIFT_ONE || wait > FAR) {
    return drift->since + wait;
  }
  return drift->since
         + (wait * SIM_DRIFT_ONE + drift->rate - 1) / drift->rate;
}
