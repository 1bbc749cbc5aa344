-- SPDX-License-Identifier: MIT
--
-- report_view.lua - the last script of the picture: moving, filters, links.
--
-- Holds:  the overview, mouse and keyboard, filters, and the address
--         (#t=1.25s&w=80ms) that leads back here.
-- Rule:   whatever a mouse can do, the keyboard can.

return [==[
const map = byId("map"), mapCtx = map.getContext("2d");
let mapDots = null, waiting = 0, linkLater = 0, listLater = 0;

/* ---- moving ---- */
function setView(from, to) {
  const whole = Math.max(1, D.to - D.from), pad = whole * 0.02 + 10;
  const width = Math.min(whole + 2 * pad, Math.max(20, to - from));
  from = Math.max(D.from - pad, Math.min(from, D.to + pad - width));
  view.from = from;
  view.to = from + width;
  refresh();
}
function refresh() {
  if (!waiting) waiting = requestAnimationFrame(paint);
  clearTimeout(linkLater);
  linkLater = setTimeout(writeLink, 150);
  clearTimeout(listLater);
  listLater = setTimeout(fillList, 60);
}
function paint() {
  waiting = 0;
  draw();
  drawMap();
}
function zoom(factor, at) {
  if (at === undefined) at = (view.from + view.to) / 2;
  setView(at - (at - view.from) * factor, at + (view.to - at) * factor);
}
function pan(part) {
  const by = (view.to - view.from) * part;
  setView(view.from + by, view.to + by);
}
function show(t) {
  const width = view.to - view.from;
  if (t < view.from + width * .05 || t > view.to - width * .05) {
    setView(t - width / 2, t + width / 2);
  } else refresh();
}
const fit = () => setView(-Infinity, Infinity);

/* ---- overview ---- */
function countDots() {
  const w = Math.max(1, Math.floor(W)), dots = new Uint32Array(w);
  const scale = w / Math.max(1, D.to - D.from);
  for (const r of R) {
    dots[Math.min(w - 1, Math.floor((r.t - D.from) * scale))]++;
  }
  return dots;
}
function drawMap() {
  const h = 44, x = t => (t - D.from) / Math.max(1, D.to - D.from) * W;
  fitCanvas(map, mapCtx, W, h);
  if (!mapDots || mapDots.length !== Math.floor(W)) mapDots = countDots();
  const most = Math.log(1 + mapDots.reduce((a, b) => Math.max(a, b), 1));
  mapCtx.fillStyle = colours.fault;
  for (const f of D.faults) {
    mapCtx.fillRect(x(f.from), 0, Math.max(1,
      x(f.to === undefined ? D.to : f.to) - x(f.from)), h);
  }
  mapCtx.fillStyle = colours.heartbeat;
  mapDots.forEach((n, i) => {
    const tall = n ? 2 + (h - 12) * Math.log(1 + n) / most : 0;
    mapCtx.fillRect(i, h - tall, 1, tall);
  });
  for (const id of MEMBERS) {
    for (const p of LIVES[id].parts) {
      if (p.role !== "leader") continue;
      mapCtx.fillStyle = colours.leader;
      mapCtx.fillRect(x(p.t0), 2, Math.max(1,
        x(p.t1) - x(p.t0)), 3);
    }
  }
  if (D.violation) {
    mapCtx.fillStyle = colours.bad;
    mapCtx.fillRect(x(D.violation.time) - 1, 0, 3, h);
  }
  const x0 = Math.max(0, x(view.from)), x1 = Math.min(W, x(view.to));
  mapCtx.strokeStyle = colours.pick;
  mapCtx.lineWidth = 1.5;
  mapCtx.strokeRect(x0 + .75, .75, Math.max(4, x1 - x0 - 1.5), h - 1.5);
}

/* ---- filters and tools ---- */
function button(label, title, act, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.title = title;
  if (pressed !== undefined) made.setAttribute("aria-pressed", pressed);
  made.onclick = () => act(made);
  return made;
}
function toggle(set, value) {
  if (!set.delete(value)) set.add(value);
  for (const b of document.querySelectorAll("nav [data-of]")) {
    const of = hidden[b.dataset.of];
    const name = b.dataset.of === "member" ? Number(b.dataset.value)
      : b.dataset.value;
    b.setAttribute("aria-pressed", !of.has(name));
  }
  refresh();
}
function sample(family) {
  const dash = LINES[family].join(" ");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", 26);
  svg.setAttribute("height", 10);
  svg.innerHTML = '<line x1="0" y1="5" x2="18" y2="5" stroke-width="'
    + (THICK[family] + .4) + '" stroke-dasharray="' + dash + '"/>'
    + '<path d="M18 1 L26 5 L18 9 Z" fill="'
    + (family === "ack" ? "none" : "var(--" + family + ")") + '"/>';
  svg.style.stroke = "var(--" + (family === "ack" ? "append" : family) + ")";
  return svg;
}
function group(label, buttons) {
  const made = document.createElement("div");
  made.className = "group";
  made.append(element("span", label), ...buttons);
  byId("tools").append(made);
}
function chip(of, value, label, more) {
  const made = button(label, "show or hide", () =>
    toggle(hidden[of], value), true);
  made.dataset.of = of;
  made.dataset.value = value;
  if (more) made.prepend(more);
  return made;
}
function lostOnly() {
  hidden.lostOnly = !hidden.lostOnly;
  byId("lost").setAttribute("aria-pressed", hidden.lostOnly);
  refresh();
}
function theme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  readColours();
  refresh();
}
function makeTools() {
  const present = new Set(A.map(a => a.family));
  group("", [button("\u2212", "zoom out (-)", () => zoom(1.6)),
    button("+", "zoom in (+)", () => zoom(.6)),
    button("all", "the whole run (0)", fit),
    button("\u25d0", "light or dark (d)", theme)]);
  group("messages", Object.keys(FAMILIES).filter(f => present.has(f))
    .map(f => chip("family", f, FAMILIES[f], sample(f))));
  const lost = button("\u2715 lost only", "only what did not arrive (l)",
    lostOnly, false);
  lost.id = "lost";
  lost.style.textDecoration = "none";
  group("", [lost]);
  group("members", MEMBERS.map(id => chip("member", id, String(id))));
}
const violationView = () => {
  if (D.violation) setView(D.violation.time - (view.to - view.from) * .8,
    D.violation.time + (view.to - view.from) * .2);
};

/* ---- keyboard and mouse ---- */
const KEYS = { ArrowLeft: () => pan(-.15), ArrowRight: () => pan(.15),
  "+": () => zoom(.6), "=": () => zoom(.6), "-": () => zoom(1.6),
  ArrowUp: () => zoom(.6), ArrowDown: () => zoom(1.6), 0: fit, n: () =>
  step(1), p: () => step(-1), l: lostOnly, d: theme, v: violationView,
  Escape: () => pick(null),
  Home: () => setView(D.from, D.from + view.to - view.from),
  End: () => setView(D.to - (view.to - view.from), D.to) };
document.addEventListener("keydown", e => {
  const inList = byId("list").contains(e.target)
    && /Arrow|Home|End/.test(e.key);
  if (e.ctrlKey || e.metaKey || e.altKey || inList) return;
  if (/^[1-9]$/.test(e.key) && Number(e.key) <= D.nodes) {
    toggle(hidden.member, Number(e.key));
  } else if (KEYS[e.key]) KEYS[e.key]();
  else return;
  e.preventDefault();
});
function placeIn(e, element) {
  const box = element.getBoundingClientRect();
  return [e.clientX - box.left, e.clientY - box.top];
}
let dragging = null;
canvas.addEventListener("pointerdown", e => {
  dragging = { x: e.clientX, from: view.from, moved: false };
  canvas.setPointerCapture(e.pointerId);
});
canvas.addEventListener("pointermove", e => {
  if (dragging) {
    const by = (dragging.x - e.clientX) * (view.to - view.from)
      / (W - GUTTER - RIGHT);
    dragging.moved = dragging.moved || Math.abs(e.clientX - dragging.x) > 3;
    if (dragging.moved) setView(dragging.from + by,
      dragging.from + by + view.to - view.from);
    return;
  }
  hover(...placeIn(e, canvas));
});
canvas.addEventListener("pointerup", e => {
  if (dragging && !dragging.moved) pick(at(...placeIn(e, canvas)));
  dragging = null;
});
canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
canvas.addEventListener("wheel", e => {
  const [x] = placeIn(e, canvas);
  if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
    pan((e.deltaX || e.deltaY) / 800);
  } else zoom(Math.pow(1.0016, e.deltaY), T(x));
  e.preventDefault();
}, { passive: false });
function hover(x, y) {
  const item = at(x, y), tip = byId("tip");
  tip.hidden = !item;
  if (!item) return;
  tip.textContent = "";
  const bold = document.createElement("b");
  bold.textContent = headOf(item);
  tip.append(bold, element("div", ms(timeOf(item)) + " ms"
    + (item.term ? ", term " + item.term : "")));
  tip.style.left = Math.max(4, Math.min(x + 14, W - 390)) + "px";
  tip.style.top = Math.min(y + 16, H - 60) + "px";
}
function mapMove(e) {
  if (e.buttons !== 1 && e.type !== "pointerdown") return;
  const [x] = placeIn(e, map), half = (view.to - view.from) / 2;
  const t = D.from + x / W * (D.to - D.from);
  setView(t - half, t + half);
}
map.addEventListener("pointerdown", mapMove);
map.addEventListener("pointermove", mapMove);

/* ---- links ---- */
function timeFrom(text) {
  const found = /^([0-9.]+)(us|ms|s)?$/.exec(text || "");
  if (!found) return null;
  return Number(found[1]) * { us: 1, ms: 1e3, s: 1e6 }[found[2] || "s"];
}
function readLink() {
  const given = new URLSearchParams(location.hash.slice(1));
  const t = timeFrom(given.get("t")), w = timeFrom(given.get("w"));
  if (t === null) return false;
  const width = w || Math.min(view.to - view.from, 100 * DELAY);
  setView(t - width / 2, t + width / 2);
  return true;
}
function writeLink() {
  const middle = (view.from + view.to) / 2e6;
  const link = "#t=" + Number(middle.toFixed(6)) + "s&w="
    + Math.round(view.to - view.from) + "us";
  try { history.replaceState(null, "", link); } catch (e) { /* no address */ }
}
window.addEventListener("hashchange", readLink);

/* ---- beginning ---- */
/* As much as can be read, around what matters most. */
function firstView() {
  const role = R.find(r => r.kind === "raft.role");
  const bad = D.violation;
  if (A.length === 0) { fit(); return; }
  if (D.notes.length > 1) {
    const from = D.notes[0].time;
    const to = bad ? bad.time : D.notes[D.notes.length - 1].time;
    setView(from - (to - from) * .06, to + (to - from) * .12);
    return;
  }
  const t = bad ? bad.time : role ? role.t : D.from;
  const i = lower(A.length, k => A[k].t0, t);
  const from = A[Math.max(0, i - (bad ? 90 : 6))].t0;
  const to = A[Math.min(A.length - 1, i + (bad ? 15 : 80))].t1;
  const pad = (to - from) * .04;
  setView(Math.min(from, t) - pad, Math.max(to, t) + pad);
}
function begin() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const lost = D.messages.filter(m => m[8] !== null).length;
  byId("sum").textContent = D.nodes + " members, " + ms(D.to - D.from)
    + " ms, " + R.length + " records, " + D.messages.length + " messages ("
    + lost + " not delivered), " + D.operations.length + " operations, "
    + D.faults.length + " faults";
  byId("keys").innerHTML = "<kbd>\u2190</kbd> <kbd>\u2192</kbd> move "
    + "<kbd>+</kbd> <kbd>\u2212</kbd> zoom <kbd>0</kbd> all "
    + "<kbd>n</kbd> <kbd>p</kbd> next, previous <kbd>l</kbd> lost only "
    + "<kbd>1</kbd>\u2026 members <kbd>v</kbd> violation "
    + "<kbd>d</kbd> light, dark <kbd>Esc</kbd> nothing selected";
  if (byId("bad")) byId("bad").onclick = violationView;
  readColours();
  makeTools();
  listNotes();
  layOut();
  pick(null);
  if (!readLink()) firstView();
  paint();
  fillList();
  document.body.dataset.ready = "yes";
}
window.addEventListener("resize", () => { layOut(); paint(); });
begin();
]==]
