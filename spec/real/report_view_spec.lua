-- SPDX-License-Identifier: MIT
--
-- The picture of a run in a browser: what it draws, what keys and links do,
-- that it asks for nothing. Headless Chromium (scripts/setup installs it)
-- opens the page and a probe of the spec beside it.

local Cluster = require "spec.real.cluster"
local raft = require "raft"
local report = require "raft.report"
local trace = require "raft.trace"

local sim = raft.sim

describe("the picture in a browser #once", function()
  local dir

  lazy_setup(function()
    dir = Cluster.folder()
    local status = Cluster.sh "command -v chromium"
    assert(status == 0, "this spec needs the command chromium: scripts/setup")
  end)

  lazy_teardown(function()
    os.execute("rm -rf " .. dir)
  end)

  -- Opens a page with 'probe', JavaScript that leaves its findings in
  -- document.body.dataset; 'later' is when all is drawn that waits for a
  -- frame: no clock decides. @return them, and what the browser complained of
  local function open(run, probe, hash)
    local _, page = report.html(run)
    local wait = "const later = async () => {"
      .. "paint(); fillList(); writeLink(); };"
      .. "const press = key => document.dispatchEvent("
      .. "new KeyboardEvent('keydown', { key, bubbles: true }));"
      .. "const out = document.body.dataset; (async () => {"
      .. "await later(300);" .. (probe or "") .. "out.fetched = "
      .. "performance.getEntriesByType('resource').length;"
      .. "out.done = 'yes'; })();"
    page = page:gsub("</body>", function()
      return "<script>" .. wait .. "</script></body>"
    end)
    local file = assert(io.open(dir .. "/page.html", "wb"))
    file:write(page)
    file:close()
    local status, dom = Cluster.sh(("timeout 100 env -u LD_PRELOAD chromium "
      .. "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
      .. "--disable-background-networking --no-first-run "
      .. "--user-data-dir=%s/profile --window-size=1300,900 "
      .. "--virtual-time-budget=20000 --enable-logging=stderr --dump-dom "
      .. "'file://%s/page.html%s' 2> %s/log"):format(dir, dir, hash or "",
        dir))
    assert.equal(0, status)
    local found, complaints = {}, {}
    for name, value in dom:match("<body(.-)>"):gmatch('data%-(%S-)="(.-)"') do
      found[name] = tonumber(value) or value
    end
    for line in io.lines(dir .. "/log") do
      complaints[#complaints + 1] = line:match("CONSOLE.*")
    end
    assert.equal("yes", found.done, table.concat(complaints, "\n"))
    return found, complaints, dom
  end

  local function story()
    local world = sim.new { seed = 4, members = 3 }
    world:start_all()
    local leader, client = world:await_leader(), world:client()
    client:propose { "set", "x", 1 }
    client:wait()
    world:partition({ leader }, world:others(leader))
    world:run_for(1200 * 1000)
    world:heal()
    world:run_for(200 * 1000)
    return trace.of(world, { title = "a leader is cut off" })
  end

  -- Arrows that lie between two moments, counted from the messages.
  local function arrows(run, from, to, wanted)
    local count = 0
    for _, message in ipairs(trace.messages(run)) do
      for _, arrival in ipairs(message.arrivals) do
        if message.sent <= to and arrival.time >= from
           and (not wanted or wanted(message)) then
          count = count + 1
        end
      end
      if message.lost and message.sent >= from and message.sent <= to
         and (not wanted or wanted(message)) then
        count = count + 1
      end
    end
    return count
  end

  it("draws an arrow for each message in view, and complains of nothing",
    function()
      local run = story()
      local found, complaints, dom = open(run, "press('0');await later(300);")
      assert.same({}, complaints)
      assert.is_nil(found.error)
      assert.equal(0, found.fetched)
      local all = arrows(run, found.from, found.to)
      assert.is_true(all > 50)
      assert.same({ all, all }, { found.arrows, found.messages })
      assert.matches("a leader is cut off</h1>", dom, 1, true)
      local rows = select(2, dom:match("<tbody.-</tbody>"):gsub("<tr", ""))
      assert.equal(200, rows)
      assert.matches("becomes leader: a majority voted", dom, 1, true)
    end)

  it("a complaint would have been seen; nothing outside can be asked for",
    function()
      local found, complaints = open(story(),
        "const image = new Image(); image.src = 'https://127.0.0.1/x.png';"
        .. "document.body.append(image); await later(200);"
        .. "console.error('a complaint of the spec');")
      local text = table.concat(complaints, "\n")
      assert.matches("a complaint of the spec", text, 1, true)
      assert.matches("Content Security Policy", text, 1, true)
      assert.equal("yes", found.ready)
    end)

  it("notes are a list, and lead to their moments; cuts of a log are named",
  function()
    local run = story()
    table.insert(run.records, { number = #run.records + 1, time = 1500000,
      member = 1, term = 2, kind = "raft.truncate", level = "warn",
      fields = { from = 5, last = 6 } })
    run.notes = { { time = 1100000, text = "nobody leads" },
                  { time = 1500000, text = "<b>somebody</b> does" } }
    local found, complaints = open(run, [[
      const list = [...document.querySelectorAll("#story button")];
      out.count = list.length; out.said = list[1].textContent;
      out.from0 = out.from; out.to0 = out.to;
      const said = [], fill = ctx.fillText.bind(ctx);
      ctx.fillText = (what, ...rest) => {
        said.push(what); fill(what, ...rest); };
      await later();
      out.drawn = said.includes("1") && said.includes("nobody leads");
      out.cut = said.includes("\u2702 5");
      press("+"); await later(); list[1].click(); await later();]])
    assert.same({}, complaints)
    assert.same({ "true", "true" }, { found.drawn, found.cut })
    assert.equal(2, found.count)
    assert.equal("&lt;b&gt;somebody&lt;/b&gt; does", found.said)
    assert.is_true(found.from0 < 1100000 and found.to0 > 1500000)
    assert.is_true(found.from > 1100000 and found.from < 1500000)
  end)

  it("a link leads to its moment, and moving renews the link", function()
    local run = story()
    local found = open(run, "out.link0 = location.hash;"
      .. "out.from0 = out.from; out.to0 = out.to; press('ArrowRight');"
      .. "await later(400); out.link1 = location.hash;",
      "#t=1.3s&w=40ms")
    assert.same({ 1280000, 1320000 }, { found.from0, found.to0 })
    assert.same({ 1286000, 1326000 }, { found.from, found.to })
    assert.equal("#t=1.3s&amp;w=40000us", found.link0)
    assert.equal("#t=1.306s&amp;w=40000us", found.link1)
    assert.equal(arrows(run, 1286000, 1326000), found.arrows)
  end)

  it("keys zoom, filter members and what is lost, and choose", function()
    local run = story()
    local found = open(run, [[
      press("0"); await later(200);
      out.wide0 = out.to - out.from; press("+"); await later(200);
      out.wide1 = out.to - out.from; press("0"); await later(200);
      press("2"); await later(200); out.without2 = out.arrows;
      press("2"); press("l"); await later(200); out.lost = out.arrows;
      press("l"); press("Home"); press("n"); await later(200);
      out.first = out.picked; press("n"); press("n"); await later(200);
      out.third = out.picked; press("Escape"); await later(200);
      out.none = out.picked;
      document.querySelector("[data-value=heartbeat]").click();
      await later(200); out.pressed = document.querySelector(
        "[data-value=heartbeat]").getAttribute("aria-pressed");
      out.quiet = out.arrows;]])
    assert.is_true(found.wide1 < found.wide0 * 0.7)
    local from, to = found.from, found.to
    assert.equal(arrows(run, from, to, function(message)
      return message.from ~= 2 and message.to ~= 2
    end), found.without2)
    assert.equal(arrows(run, from, to, function(message)
      return message.lost
    end), found.lost)
    assert.equal("member 1: sim.start life=1", found.first)
    assert.equal("member 3: sim.start life=1", found.third)
    assert.equal("", found.none)
    assert.equal("false", found.pressed)
    assert.equal(arrows(run, from, to, function(message)
      return message.kind ~= "append"
        or not message.text:find("entries=0", 1, true)
    end), found.quiet)
  end)

  it("shows the violation where it happened, faults and operations",
    function()
      local run = story()
      run.violation = { name = "log_matching", time = 1500000,
        text = "the <same> index, other bytes" }
      local found, complaints, dom = open(run, [[
        press("0"); await later(200); press("+"); press("+");
        document.getElementById("bad").click(); await later(300);
        out.seen = out.from < 1500000 && out.to > 1500000;
        out.row = document.getElementById("rows").textContent
          .includes("log_matching: the <same> index, other bytes");
        press("0"); await later(300);
        out.fault = itemsInView().some(i => i[1] === "fault"
          && /^partition [123 ]+\| [123 ]+$/.test(i[3]));
        out.asked = itemsInView().some(i => i[1] === "client 1"
          && i[3].startsWith("set x 1 \u2192 "));]])
      assert.same({}, complaints)
      assert.same({ "true", "true", "true", "true" },
        { found.seen, found.row, found.fault, found.asked })
      assert.matches("the &lt;same&gt; index", dom, 1, true)
    end)

  it("of 100,000 records draws only what is in view", function()
    local world = sim.new(sim.mix(sim.profiles.everything, { seed = 5,
      members = 5, keep_traces = 100000, duration_us = 40000000 }))
    world:run()
    local run = trace.of(world)
    assert.equal(100000, #run.records)
    local found, complaints = open(run, [[
      out.first = out.arrows; press("0"); await later(500);
      out.whole = out.messages; out.wholearrows = out.arrows;
      for (let i = 0; i < 8; i++) press("+");
      await later(500);]])
    assert.same({}, complaints)
    assert.is_true(found.first > 50 and found.first < 400)
    assert.is_true(found.whole > 10000)
    assert.equal(0, found.wholearrows)
    assert.is_true(found.messages > 0 and found.messages < 4000)
    assert.equal(found.messages, found.arrows)
  end)
end)
