-- SPDX-License-Identifier: MIT
--
-- report_draw.lua - the second script of the picture: the canvas.
--
-- Holds:  where lanes are, time, faults, the lives of members, operations.
-- Rule:   only what is in view is drawn.

return [==[
const DENSE = 4000, GUTTER = 112, AXIS = 26, RIGHT = 14;
const view = { from: D.from, to: Math.max(D.to, D.from + 1) };
const canvas = byId("view"), ctx = canvas.getContext("2d");
let colours = {}, haloed = false, W = 0, H = 0, picked = null;
let drawn = [], ticks = [];
const X = t => GUTTER + (t - view.from) / (view.to - view.from)
  * (W - GUTTER - RIGHT);
const T = x => view.from + (x - GUTTER) / (W - GUTTER - RIGHT)
  * (view.to - view.from);

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "soft", "faint", "grid", "panel", "bad",
    "fault", "faultline", "follower", "pre_candidate", "candidate",
    "leader", "down", "vote", "pre_vote", "append", "heartbeat", "other",
    "ok", "unknown", "pick", "commit"]) {
    colours[name] = style.getPropertyValue("--" + name).trim();
  }
  colours.ack = colours.append;
}

/* ---- places ---- */
const lanes = {};
function layOut() {
  const gap = D.nodes <= 3 ? 104 : D.nodes <= 5 ? 84 : 62;
  let y = AXIS + 6 + (NOTEROWS + FAULTROWS) * 20 + (D.violation ? 20 : 0)
    + 40;
  for (const id of MEMBERS) { lanes[id] = y; y += gap; }
  y += -gap + 46;
  for (const c of CLIENTS) { c.y = y; y += c.rows * 20 + 8; }
  H = y + 6;
  W = canvas.parentElement.clientWidth;
  fitCanvas(canvas, ctx, W, H);
}
function fitCanvas(element, context, width, height) {
  const scale = window.devicePixelRatio || 1;
  element.width = Math.round(width * scale);
  element.height = Math.round(height * scale);
  element.style.height = height + "px";
  context.setTransform(scale, 0, 0, scale, 0, 0);
}

/* ---- small tools ---- */
const FONT = '"DejaVu Sans", sans-serif';
function text(what, x, y, colour, size, align, bold) {
  ctx.font = (bold ? "600 " : "") + (size || 11.5) + "px system-ui, " + FONT;
  ctx.fillStyle = colour;
  ctx.textAlign = align || "left";
  if (haloed) {
    ctx.lineWidth = 3.5;
    ctx.lineJoin = "round";
    ctx.strokeStyle = colours.panel;
    ctx.strokeText(what, x, y);
  }
  ctx.fillText(what, x, y);
}
function fitted(what, room) {
  if (room < 14) return "";
  if (ctx.measureText(what).width <= room) return what;
  let n = Math.floor(what.length * room / ctx.measureText(what).width);
  while (n > 1 && ctx.measureText(what.slice(0, n) + "\u2026").width > room) {
    n--;
  }
  return n > 1 ? what.slice(0, n) + "\u2026" : "";
}
function line(x0, y0, x1, y1, colour, width, dash) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash || []);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
  ctx.setLineDash([]);
}
function hatch(x, y, w, h, colour) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, w, h);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let at = x - h - (x % 7); at < x + w; at += 7) {
    ctx.moveTo(at, y + h);
    ctx.lineTo(at + h, y);
  }
  ctx.stroke();
  ctx.restore();
}
function span(item) {
  const from = X(item.from === undefined ? item.t0 : item.from);
  const end = item.t1 !== undefined ? item.t1
    : item.to === undefined ? D.to : item.to;
  return [Math.max(GUTTER, from), Math.min(W - RIGHT, X(end))];
}

/* ---- time ---- */
function stepFor(span) {
  const rough = span / Math.max(2, (W - GUTTER) / 110);
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  for (const k of [1, 2, 5, 10]) if (k * power >= rough) return k * power;
  return 10 * power;
}
function timeText(t, step) {
  if (view.to - view.from >= 4e6) {
    return (t / 1e6).toFixed(step >= 1e6 ? 0 : 1) + " s";
  }
  return (t / 1000).toFixed(step >= 1000 ? 0 : step >= 100 ? 1 : 3) + " ms";
}
function drawAxis() {
  const step = Math.max(1, stepFor(view.to - view.from));
  for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
    line(X(t), AXIS, X(t), H, colours.grid, 1);
    text(timeText(t, step), X(t), 17, colours.soft, 11, "center");
  }
  line(GUTTER, AXIS, W, AXIS, colours.faint, 1);
}

/* ---- faults and violation ---- */
function drawFaults() {
  for (const f of D.faults) {
    const end = f.to === undefined ? D.to : f.to;
    if (end < view.from || f.from > view.to) continue;
    const [x0, x1] = span(f), y = AXIS + 6 + (NOTEROWS + f.row) * 20;
    const label = f.name + (f.text ? " " + f.text
      : " " + f.targets.join(" "));
    if (end > f.from) {
      ctx.fillStyle = colours.fault;
      for (const id of f.targets) {
        if (lanes[id]) ctx.fillRect(x0, lanes[id] - 30, x1 - x0, 52);
      }
      ctx.fillRect(x0, y, x1 - x0, 16);
      hatch(x0, y, x1 - x0, 16, colours.fault);
      line(x0, y, x0, y + 16, colours.faultline, 2);
      line(x1, y, x1, y + 16, colours.faultline, 2);
      ctx.font = "11px system-ui, " + FONT;
      text(fitted(label, x1 - x0 - 8), x0 + 5, y + 12, colours.faultline, 11);
    } else {
      ctx.fillStyle = colours.faultline;
      ctx.beginPath();
      ctx.moveTo(x0, y + 2);
      ctx.lineTo(x0 + 6, y + 8);
      ctx.lineTo(x0, y + 14);
      ctx.lineTo(x0 - 6, y + 8);
      ctx.fill();
      if (view.to - view.from < 2e6) {
        text(label, x0 + 9, y + 12, colours.faultline, 11);
      }
      for (const id of f.targets) {
        if (lanes[id]) line(x0, lanes[id] - 12, x0, lanes[id] + 12,
          colours.faultline, 1.5, [3, 2]);
      }
    }
  }
}
function drawViolation() {
  const v = D.violation;
  if (!v || v.time < view.from || v.time > view.to) return;
  const x = X(v.time), y = AXIS + 6 + (NOTEROWS + FAULTROWS) * 20;
  line(x, AXIS, x, H, colours.bad, 2);
  ctx.font = "600 11.5px system-ui, " + FONT;
  const width = ctx.measureText(v.name).width + 14;
  const left = x + width > W - RIGHT;
  ctx.fillStyle = colours.bad;
  ctx.fillRect(left ? x - width : x, y, width, 18);
  text(v.name, left ? x - width + 7 : x + 7, y + 13, colours.panel, 11.5,
    "left", true);
}

/* ---- lanes ---- */
const WEIGHT = { down: 1, follower: 3, pre_candidate: 5, candidate: 7,
  leader: 10 };
const DASHES = { down: [2, 5], pre_candidate: [7, 4], candidate: [3, 3] };
const firstPart = life => lower(life.parts.length,
  i => life.parts[i].t1, view.from);
function drawLane(id) {
  const life = LIVES[id], y = lanes[id];
  ctx.globalAlpha = hidden.member.has(id) ? 0.25 : 1;
  for (let i = firstPart(life); i < life.parts.length; i++) {
    const p = life.parts[i];
    if (p.t0 > view.to) break;
    const [x0, x1] = span(p);
    line(x0, y, Math.max(x1, x0 + 1), y, colours[p.role], WEIGHT[p.role],
      DASHES[p.role]);
  }
  ctx.globalAlpha = 1;
}
function nameOf(p) {
  if (p.role === "down") return "down";
  return p.role.replace("_", "-") + (p.term ? " t" + p.term : "");
}
/* Above the lane its roles and terms, below it the commit index. */
function labelLane(id) {
  const life = LIVES[id], y = lanes[id], first = firstPart(life);
  haloed = true;
  for (let i = first; i < life.parts.length; i++) {
    const p = life.parts[i];
    if (p.t0 > view.to) break;
    const [x0, x1] = span(p), label = nameOf(p), at = x0 + 3;
    ctx.font = "600 11px system-ui, " + FONT;
    if (x1 - at > ctx.measureText(label).width) {
      text(label, at, y - 10, colours[p.role === "down" ? "soft" : p.role],
        11, "left", p.role === "leader");
    }
  }
  drawCommits(id, y);
  drawCuts(id, y);
  haloed = false;
  text("member " + id, 14, y - 2, colours.ink, 13, "left", true);
  if (life.parts[first]) {
    text(nameOf(life.parts[first]), 14, y + 13, colours.soft, 11);
  }
}
function drawCuts(id, y) {
  for (const [t, index] of LIVES[id].cuts) {
    if (t >= view.from && t <= view.to) {
      text("\u2702 " + index, X(t), y + 34, colours.bad, 11, "center", true);
    }
  }
}
function drawCommits(id, y) {
  const list = LIVES[id].commits;
  let after = -1e9;
  for (let i = lower(list.length, i => list[i][0], view.from);
       i < list.length && list[i][0] <= view.to; i++) {
    const x = X(list[i][0]), label = "c" + list[i][1];
    if (x < after) continue;
    line(x, y + 5, x, y + 11, colours.commit, 1.5);
    text(label, x, y + 22, colours.commit, 10.5, "center");
    after = x + 12 + label.length * 7;
  }
}

function drawTicks() {
  const list = recordsIn(view);
  if (list.length > DENSE) return;
  for (const r of list) {
    if (!lanes[r.member] || r.arrow || r.kind === "raft.commit") continue;
    const x = X(r.t), y = lanes[r.member];
    const loud = r.level === "warn" || r.level === "error";
    line(x, y - 5, x, y + 5, r === picked ? colours.pick : loud
      ? colours.bad : colours.soft, r === picked ? 3 : loud ? 2 : 1);
    ticks.push({ r, x, y });
  }
}

/* ---- clients ---- */
function drawOperation(c, o) {
  const end = o.to === undefined ? D.to : o.to;
  if (end < view.from || o.from > view.to) return;
  const [x0, x1] = span(o), y = c.y + o.row * 20;
  const colour = o.outcome === "ok" ? colours.ok
    : o.outcome === "fail" ? colours.bad : colours.unknown;
  const width = Math.max(2, x1 - x0);
  ctx.globalAlpha = 0.14;
  ctx.fillStyle = colour;
  ctx.fillRect(x0, y, width, 16);
  ctx.globalAlpha = 1;
  if (o.outcome === "fail") hatch(x0, y, width, 16, colour);
  ctx.strokeStyle = o === picked ? colours.pick
    : o.marked ? colours.bad : colour;
  ctx.lineWidth = o === picked || o.marked ? 2.5 : 1;
  ctx.setLineDash(o.outcome === "unknown" ? [4, 3] : []);
  ctx.strokeRect(x0 + .5, y + .5, width - 1, 15);
  ctx.setLineDash([]);
  ctx.font = "11px system-ui, " + FONT;
  text(fitted(askOf(o) + " \u2192 " + answerOf(o), width - 8), x0 + 4,
    y + 12, colours.ink, 11);
  ticks.push({ o, x: x0, y, width });
}
function drawClients() {
  for (const c of CLIENTS) {
    text("client " + c.id, 14, c.y + 12, colours.ink, 12, "left", true);
    for (let i = lower(c.list.length, i => c.latest[i], view.from);
         i < c.list.length && c.list[i].from <= view.to; i++) {
      drawOperation(c, c.list[i]);
    }
  }
}

function draw() {
  const list = arrowsIn(view), dense = list.length > DENSE;
  drawn = [];
  ticks = [];
  ctx.clearRect(0, 0, W, H);
  drawAxis();
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, 0, W - RIGHT, H);
  ctx.clip();
  drawFaults();
  for (const id of MEMBERS) drawLane(id);
  drawTicks();
  ctx.save();
  ctx.beginPath();
  ctx.rect(GUTTER, AXIS, W - GUTTER, H);
  ctx.clip();
  if (dense) drawDensity(list);
  else for (const a of list) drawArrow(a);
  if (list.length < 400) labelArrows();
  ctx.restore();
  for (const id of MEMBERS) labelLane(id);
  drawClients();
  drawNotes();
  drawViolation();
  ctx.restore();
  const data = document.body.dataset;
  data.messages = list.length;
  data.arrows = drawn.length;
  data.from = Math.round(view.from);
  data.to = Math.round(view.to);
}
]==]
