-- SPDX-License-Identifier: MIT
local helper = require "spec.helper"
local probe = require "raft.probe"

describe("raft_arena", function ()
  it("counts what is live, and the most that ever was", function ()
    local store = probe.store()
    assert.same({ bytes = 0, peak = 0, calls = 0 }, store:memory())
    assert.equal("ok", store:append(("x"):rep(1000)))
    local full = store:memory()
    assert.is_true(full.bytes >= 1000 and full.peak >= full.bytes)
    assert.is_true(full.calls >= 1)
    store:free()
    assert.equal(0, store:memory().bytes)
    assert.equal(full.peak, store:memory().peak)
  end)

  it("fails the calls that it is told to, and only those", function ()
    local store = probe.store()
    store:fail(2, 2)
    assert.equal("ok", store:append("a"))
    assert.equal("no_memory", store:append(("b"):rep(1000)))
    assert.equal("no_memory", store:append(("b"):rep(1000)))
    assert.equal("ok", store:append(("b"):rep(1000)))
    assert.equal("a" .. ("b"):rep(1000), store:bytes())
  end)

  it("frees everything at once, whoever owns it", function ()
    local store = probe.store()
    store:append("abc")
    store:cut(1, "def")
    store:clear()
    assert.equal(0, store:memory().bytes)
    assert.equal("ok", store:append("again"))
    assert.equal("again", store:bytes())
  end)
end)

describe("raft_buffer", function ()
  it("is a string that grows and is eaten from the front", function ()
    helper.check(200, function (random)
      local store, twin = probe.store(), ""
      for _ = 1, random:integer(0, 30) do
        local bytes = random:bytes(0, 40)
        if random:boolean() then
          assert.equal("ok", store:append(bytes))
          twin = twin .. bytes
        else
          local eaten = random:integer(0, #twin)
          store:consume(eaten)
          twin = twin:sub(eaten + 1)
        end
        assert.equal(twin, store:bytes())
      end
      store:free()
      assert.equal(0, store:memory().bytes)
    end)
  end)

  it("stays as it was when an append fails", function ()
    helper.check(100, function (random)
      local store, twin = probe.store(), ""
      for _ = 1, random:integer(1, 20) do
        local bytes = random:bytes(0, 60)
        if random:one_in(3) then
          store:fail(1)
        end
        if store:append(bytes) == "ok" then
          twin = twin .. bytes
        end
        assert.equal(twin, store:bytes())
      end
    end)
  end)
end)

describe("raft_chunk", function ()
  it("never gives a cut out twice while its slice lives", function ()
    helper.check(100, function (random)
      local store, twin = probe.store(), {}
      for _ = 1, random:integer(1, 60) do
        local n = random:integer(1, 8)
        local action = random:pick { "cut", "release", "share", "fail" }
        if action == "cut" or action == "fail" then
          if action == "fail" then
            store:fail(1)
          end
          local size = random:pick { 0, 1, 300, 4096, 4097, 20000 }
          local bytes = random:pick { "a", "b", "c" }:rep(size)
          if store:cut(n, bytes) == "ok" then
            twin[n] = bytes
          end
          store:fail(0, 0)
        elseif action == "release" then
          store:release(n)
          twin[n] = ""
        else
          local m = random:integer(1, 8)
          store:share(n, m)
          twin[n] = twin[m]
        end
        for i = 1, 8 do
          assert.equal(twin[i] or "", store:slice(i))
        end
      end
      for i = 1, 8 do
        store:release(i)
      end
      store:free()
      assert.equal(0, store:memory().bytes)
    end)
  end)

  it("takes an allocation per block, not per cut", function ()
    local store = probe.store()
    for i = 1, 1000 do
      store:cut(1 + i % 64, ("x"):rep(100))
    end
    -- 64 slices of 100 bytes live at once: two blocks of 16 KiB turn.
    assert.is_true(store:memory().calls <= 1000 * 100 / 16384 + 2)
  end)

  it("cuts a block anew when nobody else owns it", function ()
    local store = probe.store()
    for _ = 1, 5000 do
      store:cut(1, ("x"):rep(100))
      store:release(1)
    end
    assert.equal(1, store:memory().calls)
  end)
end)

describe("raft_assert", function ()
  it("jumps to the innermost guard, with expression and file", function ()
    local inner, outer = probe.guarded(false)
    assert.matches("^answer == 42 probe_base%.c:%d+$", inner)
    assert.equal("", outer)
  end)

  it("jumps to the next guard once the inner one is left", function ()
    local inner, outer = probe.guarded(true)
    assert.matches("^answer == 42 ", inner)
    assert.matches("^also_outside == false probe_base%.c:%d+$", outer)
  end)
end)
