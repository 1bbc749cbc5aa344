-- SPDX-License-Identifier: MIT
--
-- report_style.lua - how the picture of a run looks: the style sheet.
--
-- Holds: colours for light and dark as variables, which the canvas reads too.
-- Rule:  a colour never says something alone: shapes, dashes and words do.

return [==[
:root { color-scheme: light; --back: #fbfbf9; --panel: #ffffff;
  --ink: #1d2329; --soft: #5d6873; --faint: #d9dde1; --grid: #ececea;
  --follower: #7a8ea3; --pre_candidate: #b7860b; --candidate: #d1600a;
  --leader: #0b8a5f; --down: #c9ced3; --vote: #8a3fc0; --pre_vote: #b7860b;
  --append: #1f6fc4; --heartbeat: #93a4b5; --other: #7d858c;
  --bad: #c4241b; --fault: rgba(196,36,27,.09); --faultline: #b4544d;
  --ok: #0b8a5f; --unknown: #b7860b; --pick: #101418; --commit: #1f6fc4; }
:root[data-theme=dark] { color-scheme: dark; --back: #14171b;
  --panel: #1c2026; --ink: #e8ebee; --soft: #9aa5b0; --faint: #363d45;
  --grid: #22272d; --follower: #7f93a8; --pre_candidate: #e0b040;
  --candidate: #f08a3c; --leader: #35c48f; --down: #3a4149; --vote: #c08cf0;
  --pre_vote: #e0b040; --append: #6db1f5; --heartbeat: #64758a;
  --other: #8d969e; --bad: #ff6f61; --fault: rgba(255,111,97,.11);
  --faultline: #d98078; --ok: #35c48f; --unknown: #e0b040; --pick: #ffffff;
  --commit: #6db1f5; }
* { box-sizing: border-box; }
html, body { margin: 0; height: 100%; }
body { background: var(--back); color: var(--ink); display: flex;
  flex-direction: column; min-height: 100%;
  font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
header { padding: 14px 20px 8px; }
h1 { font-size: 18px; margin: 0; font-weight: 650; letter-spacing: -.01em; }
#sum { color: var(--soft); margin-top: 2px; }
#bad { display: flex; gap: 10px; align-items: baseline; text-align: left;
  width: 100%; margin: 10px 0 0; padding: 8px 12px; border-radius: 8px;
  border: 1px solid var(--bad); background: var(--fault);
  color: var(--ink); font: inherit; cursor: pointer; }
#bad b { color: var(--bad); white-space: nowrap; }
#bad span { overflow-wrap: anywhere; }
#story { margin: 10px 0 0; padding-left: 26px; max-width: 110ch; }
#story li::marker { font-weight: 600; }
#story button { font: inherit; color: inherit; background: none; border: 0;
  padding: 1px 4px; text-align: left; cursor: pointer; }
#story button:hover { text-decoration: underline; }
nav { display: flex; flex-wrap: wrap; gap: 6px 8px; padding: 4px 20px 8px;
  align-items: center; }
nav .group { display: flex; flex-wrap: wrap; gap: 4px; align-items: center;
  margin-right: 10px; }
nav .group > span { color: var(--soft); font-size: 12px; margin-right: 2px; }
nav button { font: inherit; font-size: 12.5px; color: var(--ink);
  background: var(--panel); border: 1px solid var(--faint);
  border-radius: 7px; padding: 3px 9px; cursor: pointer; display: flex;
  align-items: center; gap: 6px; min-height: 28px; }
nav button:hover { border-color: var(--soft); }
nav button[aria-pressed=false] { opacity: .45; text-decoration: line-through; }
button:focus-visible, canvas:focus-visible, tr:focus-visible {
  outline: 2px solid var(--append); outline-offset: 1px; }
nav svg { flex: none; }
#stage { position: relative; margin: 0 20px; border-radius: 10px;
  border: 1px solid var(--faint); background: var(--panel); flex: none;
  overflow: hidden; }
#view { display: block; width: 100%; cursor: grab; touch-action: none; }
#view:active { cursor: grabbing; }
#map { display: block; width: 100%; height: 44px; cursor: pointer;
  border-top: 1px solid var(--faint); touch-action: none; }
#tip { position: absolute; pointer-events: none; max-width: 380px;
  background: var(--panel); border: 1px solid var(--soft);
  border-radius: 8px; padding: 7px 10px; font-size: 12.5px; z-index: 2;
  box-shadow: 0 4px 18px rgba(0,0,0,.18); overflow-wrap: anywhere; }
#tip b, #pick b { font-weight: 650; }
#tip div { color: var(--soft); }
main { display: grid; grid-template-columns: minmax(0,1fr) 340px; gap: 16px;
  padding: 12px 20px 20px; align-items: start; }
h2 { font-size: 13px; margin: 0 0 6px; font-weight: 650; }
h2 small { color: var(--soft); font-weight: 400; font-size: 12px; }
.box { border: 1px solid var(--faint); border-radius: 10px;
  background: var(--panel); padding: 10px 12px; }
#list { max-height: 400px; overflow: auto; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px;
  font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft);
  position: sticky; top: 0; background: var(--panel); padding: 3px 8px; }
td { padding: 2px 8px; border-top: 1px solid var(--grid);
  vertical-align: top; overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; text-align: right;
  font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: 12px; }
tbody tr { cursor: pointer; }
tbody tr:hover td { background: var(--grid); }
tr.picked td { background: var(--fault); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px;
  margin: 0; font-size: 12.5px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
kbd { font: 11.5px ui-monospace, "DejaVu Sans Mono", monospace;
  border: 1px solid var(--faint); border-bottom-width: 2px;
  border-radius: 4px; padding: 0 4px; }
#keys { color: var(--soft); font-size: 12px; margin-top: 12px;
  line-height: 2; }
.away { position: absolute; left: -9999px; width: 1px; height: 1px;
  overflow: hidden; }
@media (max-width: 820px) { main { grid-template-columns: 1fr; }
  header, nav, main { padding-left: 10px; padding-right: 10px; }
  #stage { margin: 0 10px; } }
@media print { nav, #keys, #map { display: none; } }
]==]
