-- SPDX-License-Identifier: MIT
--
-- report_list.lua - the fourth script of the picture: what is chosen, and the
-- table of what is in view.
--
-- Holds:  what lies under the mouse, the details of one thing, the rows.
-- Rule:   the table says in words all that the canvas shows.

return [==[
const ROWS = 200;

/* ---- choosing ---- */
function distance(px, py, p) {
  const dx = p.x1 - p.x0, dy = p.y1 - p.y0;
  const along = Math.max(0, Math.min(1,
    ((px - p.x0) * dx + (py - p.y0) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(px - p.x0 - along * dx, py - p.y0 - along * dy);
}
function at(px, py) {
  for (const t of ticks) {
    if (t.o ? px >= t.x && px <= t.x + t.width && py >= t.y
      && py <= t.y + 16 : Math.abs(px - t.x) < 4 && Math.abs(py - t.y) < 8) {
      return t.o || t.r;
    }
  }
  let best = null, near = 7;
  for (const d of drawn) {
    const here = distance(px, py, d.p);
    if (here < near) { near = here; best = d.a; }
  }
  return best;
}
const timeOf = item => item.t !== undefined ? item.t
  : item.t0 !== undefined ? item.t0 : item.from;
function headOf(item) {
  if (item.t0 !== undefined) return sayArrow(item);
  if (item.client !== undefined) return "client " + item.client + ": "
    + askOf(item) + " \u2192 " + answerOf(item);
  return "member " + item.member + ": " + say(item);
}
function pairsOf(item) {
  const list = [["time", ms(timeOf(item)) + " ms"]];
  if (item.t0 !== undefined) {
    list.push(["message", item.kind], ["from", item.from], ["to", item.to],
      ["term", item.term], ["says", item.text], ["fate", fateOf(item)]);
    if (item.got >= 0) list.push(["received", ms(item.t1) + " ms"]);
  } else if (item.client !== undefined) {
    list.push(["client", item.client], ["asks", askOf(item)],
      ["gets", answerOf(item)], ["outcome", item.outcome]);
    if (item.to !== undefined) {
      list.push(["after", ms(item.to - item.from) + " ms"]);
    }
  } else {
    list.push(["member", item.member], ["term", item.term],
      ["kind", item.kind], ["level", item.level]);
    for (const k of Object.keys(item.fields)) {
      list.push([k, word(item.fields[k])]);
    }
    if (item.arrow) list.push(["message", sayArrow(item.arrow)]);
  }
  return list;
}
function pick(item) {
  const box = byId("pick");
  picked = item;
  box.textContent = "";
  document.body.dataset.picked = item ? headOf(item) : "";
  if (!item) {
    box.textContent = "Click an arrow, a tick, an operation or a row.";
    refresh();
    return;
  }
  const bold = document.createElement("b");
  bold.textContent = headOf(item);
  const dl = document.createElement("dl");
  for (const [name, value] of pairsOf(item)) {
    if (value === "" || value === undefined) continue;
    dl.append(element("dt", name), element("dd", value));
  }
  box.append(bold, dl);
  show(timeOf(item));
}
function element(name, what) {
  const made = document.createElement(name);
  made.textContent = what;
  return made;
}
function step(by) {
  const t = picked ? timeOf(picked) : view.from;
  const place = picked && picked.at !== undefined ? picked.at
    : picked && picked.record >= 0 ? picked.record
    : lower(R.length, i => R[i].t, t) - (by > 0 ? 1 : 0);
  for (let i = place + by; i >= 0 && i < R.length; i += by) {
    if (shows(R[i])) {
      const arrow = R[i].arrow;
      pick(arrow && arrow.record === i && passes(arrow) ? arrow : R[i]);
      return;
    }
  }
}

/* ---- the table ---- */
function itemsInView() {
  const items = recordsIn(view).map(r => [r.t,
    r.member > 0 ? r.member : "", r.term || "", say(r),
    r.arrow && r.arrow.record === r.at ? r.arrow : r]);
  for (const o of D.operations) {
    if (o.from >= view.from && o.from <= view.to) {
      items.push([o.from, "client " + o.client, "",
        askOf(o) + " \u2192 " + answerOf(o)
          + (o.marked ? " (of the counterexample)" : ""), o]);
    }
  }
  for (const f of D.faults) {
    if (f.from >= view.from && f.from <= view.to) {
      items.push([f.from, "fault", "", f.name + " "
        + (f.text || f.targets.join(" ")), null]);
    }
  }
  D.notes.forEach((n, i) => {
    if (n.time >= view.from && n.time <= view.to) {
      items.push([n.time, "note " + (i + 1), "", n.text, null]);
    }
  });
  const v = D.violation;
  if (v && v.time >= view.from && v.time <= view.to) {
    items.push([v.time, "violation", "", v.name + ": " + v.text, null]);
  }
  return items.sort((a, b) => a[0] - b[0]);
}
function fillList() {
  const items = itemsInView(), rows = byId("rows");
  rows.textContent = "";
  for (const item of items.slice(0, ROWS)) {
    const tr = document.createElement("tr");
    tr.append(element("td", ms(item[0])), element("td", item[1]),
      element("td", item[2]), element("td", item[3]));
    tr.tabIndex = 0;
    if (item[4] && item[4] === picked) tr.className = "picked";
    tr.onclick = () => item[4] && pick(item[4]);
    tr.onkeydown = e => { if (e.key === "Enter") tr.onclick(); };
    rows.append(tr);
  }
  byId("count").textContent = items.length > ROWS
    ? "the first " + ROWS + " of " + items.length + " records: zoom in"
    : items.length + " records";
  const data = document.body.dataset;
  data.records = items.length;
  canvas.setAttribute("aria-label", "message diagram, "
    + ms(view.from) + " to " + ms(view.to) + " ms: " + data.messages
    + " messages, " + items.length + " records");
}
]==]
