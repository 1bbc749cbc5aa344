-- SPDX-License-Identifier: MIT
--
-- report_notes.lua - a script of the picture: what a story says about itself.
--
-- Holds:  notes as a numbered list above the picture, and their numbers as
--         flags at their moments.
-- Rule:   a run without notes looks as if this file were not there.

return [==[
const NOTEROWS = D.notes.length ? 1 : 0;

function drawNotes() {
  const y = AXIS + 6;
  D.notes.forEach((n, i) => {
    if (n.time < view.from || n.time > view.to) return;
    const x = X(n.time), next = D.notes[i + 1];
    const end = next ? Math.min(X(next.time) - 10, W - RIGHT) : W - RIGHT;
    line(x, y, x, H, colours.faint, 1.5, [2, 4]);
    ctx.fillStyle = colours.ink;
    ctx.beginPath();
    ctx.arc(x, y + 8, 8.5, 0, 2 * Math.PI);
    ctx.fill();
    text(String(i + 1), x, y + 12, colours.panel, 11, "center", true);
    ctx.font = "11.5px system-ui, " + FONT;
    haloed = true;
    text(fitted(n.text, end - x - 16), x + 13, y + 12, colours.ink);
    haloed = false;
  });
}
function listNotes() {
  const list = byId("story");
  for (const n of D.notes) {
    const item = document.createElement("li");
    item.append(button(n.text, "show this moment", () =>
      setView(n.time - (view.to - view.from) * .2,
        n.time + (view.to - view.from) * .8)));
    list.append(item);
  }
  list.hidden = !D.notes.length;
}
]==]
