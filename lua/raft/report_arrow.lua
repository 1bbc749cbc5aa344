-- SPDX-License-Identifier: MIT
--
-- report_arrow.lua - the third script of the picture: messages as arrows.
--
-- Holds:  dashes, heads, crosses and words of arrows; how many there are,
--         where there is no room for them.
-- Rule:   above DENSE arrows the lanes show how many instead: no line is
--         drawn that could not be told from its neighbour.

return [==[
/* ---- arrows ---- */
const LINES = { pre_vote: [6, 4], vote: [], append: [], heartbeat: [2, 3],
  ack: [], other: [9, 3, 2, 3] };
const THICK = { pre_vote: 1.3, vote: 1.8, append: 1.8, heartbeat: 1, ack: 1,
  other: 1 };
function placeOf(a) {
  const y0 = lanes[a.from], y1 = lanes[a.to];
  const off = y1 > y0 ? 6 : -6;
  const p = { x0: X(a.t0), y0: y0 + off, x1: X(a.t1), y1: y1 - off };
  p.y1 = p.y0 + (p.y1 - p.y0) * a.part;
  return p;
}
function drawHead(p, a, colour) {
  const angle = Math.atan2(p.y1 - p.y0, p.x1 - p.x0), n = 8;
  ctx.save();
  ctx.translate(p.x1, p.y1);
  ctx.rotate(angle);
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = a.lost !== null ? colours.bad : colour;
  ctx.fillStyle = a.answer ? colours.panel : colour;
  ctx.beginPath();
  if (a.lost !== null) {
    ctx.lineWidth = 2.2;
    ctx.moveTo(-5, -5);
    ctx.lineTo(5, 5);
    ctx.moveTo(-5, 5);
    ctx.lineTo(5, -5);
  } else if (!a.open) {
    ctx.moveTo(0, 0);
    ctx.lineTo(-n, -n / 2.2);
    ctx.lineTo(-n, n / 2.2);
    ctx.closePath();
    ctx.fill();
  }
  ctx.stroke();
  ctx.restore();
}
function labelOf(a) {
  if (a.family === "append") {
    return "append " + (/entries=(\d+)/.exec(a.text) || ["", "?"])[1];
  }
  if (/granted=no/.test(a.text)) return "no";
  if (/granted=yes/.test(a.text)) return "yes";
  if (/rejected=yes/.test(a.text)) return "rejected";
  const match = /match=(\d+)/.exec(a.text);
  return match ? "ack " + match[1] : FAMILIES[a.family];
}
function drawArrow(a) {
  const p = placeOf(a);
  const colour = a === picked ? colours.pick : colours[a.family];
  ctx.globalAlpha = a.family === "heartbeat" || a.family === "ack"
    ? 0.75 : 1;
  if (a === picked) ctx.globalAlpha = 1;
  line(p.x0, p.y0, p.x1, p.y1, colour,
    THICK[a.family] + (a === picked ? 1.5 : 0),
    a.copy ? [1, 4] : LINES[a.family]);
  drawHead(p, a, colour);
  ctx.globalAlpha = 1;
  drawn.push({ a, p });
}
/* Along an arrow, where no other label is near. */
function labelArrows() {
  const taken = [];
  haloed = true;
  for (const { a, p } of drawn) {
    const label = labelOf(a), x = (p.x0 + p.x1) / 2, y = (p.y0 + p.y1) / 2;
    ctx.font = "10.5px system-ui, " + FONT;
    const wide = ctx.measureText(label).width;
    if (wide > Math.hypot(p.x1 - p.x0, p.y1 - p.y0) - 20 || x < GUTTER
      || taken.some(other => Math.abs(other.x - x) < 17
        && Math.abs(other.y - y) < (other.wide + wide) / 2 + 4)) continue;
    taken.push({ x, y, wide });
    let angle = Math.atan2(p.y1 - p.y0, p.x1 - p.x0);
    if (Math.abs(angle) > Math.PI / 2) angle += Math.PI;
    ctx.save();
    ctx.translate(x, y);
    ctx.rotate(angle);
    text(label, 0, -4, colours[a.family], 10.5, "center");
    ctx.restore();
  }
  haloed = false;
}
function drawDensity(list) {
  const cell = 4, rows = {};
  let most = 1;
  for (const id of MEMBERS) rows[id] = new Map();
  for (const a of list) {
    const at = Math.max(0, Math.floor((X(a.t0) - GUTTER) / cell));
    const here = rows[a.from].get(at) || [0, 0];
    here[0]++;
    here[1] += a.lost !== null;
    rows[a.from].set(at, here);
    most = Math.max(most, here[0]);
  }
  for (const id of MEMBERS) {
    for (const [at, [count, lost]] of rows[id]) {
      const x = GUTTER + at * cell, full = 34 * count / most;
      ctx.fillStyle = colours.append;
      ctx.fillRect(x, lanes[id] + 26, cell - 1, Math.max(1, full) * .8);
      ctx.fillStyle = colours.bad;
      ctx.fillRect(x, lanes[id] + 26, cell - 1, full * .8 * lost / count);
    }
  }
}
]==]
