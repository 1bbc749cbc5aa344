-- SPDX-License-Identifier: MIT
--
-- report_data.lua - the first script of the picture: from the run's JSON to
-- arrows, lanes and what is in view.
--
-- Holds:     reading, filters, the states of members over time.
-- Knows not: the canvas and the page.
-- Invariant: what is in view is found by binary search: its cost grows with
--            what is drawn, not with the run.

return [==[
const byId = id => document.getElementById(id);
window.addEventListener("error", e => {
  document.body.dataset.error = e.message; });
const D = JSON.parse(byId("data").textContent);
const FAMILIES = { pre_vote: "pre-vote", vote: "vote", append: "append",
  heartbeat: "heartbeat", ack: "ack", other: "other" };

/* ---- records ---- */
const R = D.records.map((line, at) => {
  const kind = D.kinds[line[3]], fields = {};
  for (let i = 2; i < kind.length; i++) {
    if (line[i + 2] !== null) fields[kind[i]] = line[i + 2];
  }
  return { at, t: line[0], member: line[1], term: line[2], kind: kind[0],
    level: kind[1], fields, arrow: null };
});

/* ---- arrows: one for each arrival, loss, and message still under way ---- */
function familyOf(kind, text) {
  if (kind.startsWith("pre_vote")) return "pre_vote";
  if (kind.startsWith("vote")) return "vote";
  if (kind === "append_result") return "ack";
  if (kind !== "append") return "other";
  return / entries=0 /.test(text) ? "heartbeat" : "append";
}
function usualDelay() {
  const all = [];
  for (const m of D.messages) if (m[7].length) all.push(m[7][0] - m[4]);
  all.sort((a, b) => a - b);
  return all.length ? Math.max(1, all[all.length >> 1]) : 1000;
}
const DELAY = usualDelay();
const A = [];
for (const m of D.messages) {
  const base = { from: m[0], to: m[1], kind: m[2], term: m[3], t0: m[4],
    record: m[5], text: m[6], family: familyOf(m[2], m[6]),
    answer: m[2].endsWith("_result"), part: 1, lost: null, copy: false,
    open: false, got: -1 };
  const add = more => {
    const arrow = Object.assign({}, base, more);
    A.push(arrow);
    for (const at of [base.record, arrow.got]) {
      if (at >= 0 && !R[at].arrow) R[at].arrow = arrow;
    }
  };
  for (let i = 0; i < m[7].length; i += 2) {
    add({ t1: m[7][i], got: m[7][i + 1], copy: i > 0 });
  }
  if (m[8] !== null) {
    const early = m[9] - m[4] < DELAY / 4;
    add({ lost: m[8], part: early ? 0.55 : 0.88,
      t1: early ? m[4] + DELAY * 0.55 : m[9] });
  } else if (!m[7].length) {
    add({ open: true, part: 0.7,
      t1: Math.min(D.to, m[4] + DELAY * 0.7) });
  }
}
A.sort((a, b) => a.t0 - b.t0);
const LATEST = new Float64Array(A.length);
A.forEach((a, i) => {
  LATEST[i] = Math.max(a.t1, i > 0 ? LATEST[i - 1] : 0); });

/* ---- filters ---- */
const hidden = { family: new Set(), member: new Set(), lostOnly: false };
const passes = a => !hidden.family.has(a.family)
  && !hidden.member.has(a.from) && !hidden.member.has(a.to)
  && (!hidden.lostOnly || a.lost !== null);
/* What the world notes of a message is in the message's own record. */
const WAYS = new Set(["sim.sent", "sim.arrived"]);
function shows(r) {
  if (r.member > 0 && hidden.member.has(r.member)) return false;
  if (WAYS.has(r.kind) && (!r.arrow || r.arrow.record !== r.at)) return false;
  if (r.arrow && hidden.family.has(r.arrow.family)) return false;
  return !hidden.lostOnly || r.kind === "sim.lost"
    || Boolean(r.arrow && r.arrow.lost !== null);
}

/* The first place whose value is at least t. */
function lower(count, value, t) {
  let lo = 0, hi = count;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (value(mid) < t) lo = mid + 1; else hi = mid;
  }
  return lo;
}
function arrowsIn(v) {
  const found = [];
  for (let i = lower(A.length, i => LATEST[i], v.from);
       i < A.length && A[i].t0 <= v.to; i++) {
    if (A[i].t1 >= v.from && passes(A[i])) found.push(A[i]);
  }
  return found;
}
function recordsIn(v) {
  const found = [];
  for (let i = lower(R.length, i => R[i].t, v.from);
       i < R.length && R[i].t <= v.to; i++) {
    if (shows(R[i])) found.push(R[i]);
  }
  return found;
}

/* ---- members over time ---- */
const DOWN = new Set(["sim.crash", "sim.kill", "sim.stop",
  "replica.stopped"]);
function livesOf(member) {
  const world = R.some(r => r.kind === "sim.start");
  let now = { t0: D.from, role: world ? "down" : "follower", term: 0 };
  const parts = [], commits = [], cuts = [];
  const turn = (t, role, term) => {
    if (role === now.role && term === now.term) return;
    now.t1 = t;
    if (now.t1 > now.t0) parts.push(now);
    now = { t0: t, role, term };
  };
  for (const r of R) {
    if (r.member !== member) continue;
    if (DOWN.has(r.kind)) turn(r.t, "down", now.term);
    else if (r.kind === "sim.start") turn(r.t, "follower", r.term);
    else if (r.kind === "raft.role") turn(r.t, r.fields.to, r.term);
    else if (now.role !== "down" && r.term > now.term) {
      turn(r.t, now.role, r.term);
    }
    if (r.kind === "raft.commit") commits.push([r.t, r.fields.index]);
    if (r.kind === "raft.truncate") cuts.push([r.t, r.fields.from]);
  }
  now.t1 = D.to;
  parts.push(now);
  return { parts, commits, cuts };
}
const MEMBERS = [];
for (let id = 1; id <= D.nodes; id++) MEMBERS.push(id);
const LIVES = {};
for (const id of MEMBERS) LIVES[id] = livesOf(id);

/* Things with from and to in as few rows as they need. */
function pack(list, most) {
  const ends = [];
  for (const item of list) {
    let row = ends.findIndex(end => end <= item.from);
    if (row < 0) row = ends.length < most ? ends.length : most - 1;
    item.row = row;
    ends[row] = Math.max(ends[row] || 0,
      item.to === undefined ? D.to : item.to);
  }
  return Math.max(1, ends.length);
}
const CLIENTS = [];
for (const o of D.operations) {
  let client = CLIENTS.find(c => c.id === o.client);
  if (!client) CLIENTS.push(client = { id: o.client, list: [] });
  client.list.push(o);
}
CLIENTS.sort((a, b) => a.id - b.id);
for (const c of CLIENTS) {
  let latest = 0;
  c.rows = pack(c.list, 6);
  c.latest = c.list.map(o =>
    latest = Math.max(latest, o.to === undefined ? D.to : o.to));
}
const FAULTROWS = D.faults.length ? pack(D.faults, 5) : 0;

/* ---- words ---- */
function word(v) {
  const text = typeof v === "string" ? v : JSON.stringify(v);
  return text.length > 40 ? text.slice(0, 39) + "\u2026" : text;
}
function askOf(o) {
  return [o.f, o.key, o.value].filter(v => v !== undefined).map(word)
    .join(" ");
}
function answerOf(o) {
  if (o.outcome === "ok") return o.result === undefined ? "ok"
    : word(o.result);
  return (o.outcome === "unknown" ? "? " : "failed ")
    + (o.code || "no answer");
}
function fateOf(a) {
  if (a.lost !== null) return "not delivered: " + a.lost;
  if (a.open) return "still under way";
  return "arrived after " + ms(a.t1 - a.t0) + " ms"
    + (a.copy ? ", a copy" : "");
}
const ms = t => (t / 1000).toFixed(3);
function sayArrow(a) {
  return a.kind + " " + a.from + " \u2192 " + a.to
    + (a.text ? " (" + a.text + ")" : "") + ", " + fateOf(a);
}
function say(r) {
  const f = r.fields;
  if (r.arrow && r.arrow.record === r.at) return sayArrow(r.arrow);
  if (r.kind === "raft.receive") return "gets " + f.kind + " from " + f.from;
  if (r.kind === "raft.role") return "becomes " + f.to
    + (f.reason ? ": " + f.reason : "");
  if (r.kind === "raft.vote") return (f.granted ? "votes for "
    : "does not vote for ") + f.for + (f.granted ? "" : ": " + f.reason);
  return r.kind + " " + Object.keys(f).filter(k => f[k] !== "")
    .map(k => k + "=" + word(f[k])).join(" ");
}
]==]
