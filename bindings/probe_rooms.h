/* SPDX-License-Identifier: MIT
**
** The rooms of raft.probe, one per line: each has its probe_<room>.c with
** void raft_probe_<room> (lua_State *L). CMake reads this list too. */
X (base)
X (raft)
X (wire)
X (message)
X (trace)
X (samples)
X (hostile)
X (value)
X (machine)
X (desk)
X (machine_desk)
X (replica)
X (session)
X (client)
X (disk)
X (log)
X (life)
X (story)
X (crash)
X (damage)
