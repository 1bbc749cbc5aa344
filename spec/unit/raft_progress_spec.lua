-- SPDX-License-Identifier: MIT

local helper = require("spec.helper")
local probe = require("raft.probe")

local function state(progress)
  local mode, match, next_index, window, bytes = progress:state()
  return { mode = mode, match = match, next = next_index, window = window,
    bytes = bytes }
end

describe("raft_progress", function()
  it("begins as a probe just past the leader's end", function()
    local progress = probe.progress_new(7)
    assert.same({ mode = "probe", match = 0, next = 8, window = 0, bytes = 0 },
      state(progress))
  end)

  it("sends one probe at a time", function()
    local progress = probe.progress_new(3)
    assert.is_true(progress:may_send(64, 1000))
    progress:sent(4, 10)
    assert.is_false(progress:may_send(64, 1000))
    assert.equal(4, state(progress).next) -- a guess is not moved on
  end)

  it("replicates once the follower agrees with the guess", function()
    local progress = probe.progress_new(3)
    progress:sent(4, 10)
    assert.is_true(progress:on_ack(4))
    assert.same({ mode = "replicate", match = 4, next = 5, window = 0,
      bytes = 0 }, state(progress))
  end)

  it("goes on guessing while the follower is short of it", function()
    local progress = probe.progress_new(9)
    assert.is_true(progress:on_ack(2))
    assert.equal("probe", state(progress).mode)
    assert.equal(2, state(progress).match)
  end)

  it("fills its window by messages and by bytes, acknowledgements free it",
    function()
      local progress = probe.progress_new(0)
      progress:on_ack(0)
      for i = 1, 3 do progress:sent(i, 100) end
      assert.is_false(progress:may_send(3, 10000))
      assert.is_false(progress:may_send(64, 300))
      assert.is_true(progress:may_send(4, 301))
      progress:on_ack(2)
      assert.same({ 1, 100 }, { state(progress).window,
        state(progress).bytes })
    end)

  it("a rejection of what was acknowledged since is late", function()
    local progress = probe.progress_new(5)
    progress:on_ack(5)
    assert.is_false(progress:on_reject(4, 2))
    assert.equal("replicate", state(progress).mode)
  end)

  it("a rejection of another guess is late", function()
    local progress = probe.progress_new(9)
    assert.is_true(progress:on_reject(9, 4))
    assert.equal(5, state(progress).next)
    assert.is_false(progress:on_reject(9, 3))
    assert.equal(5, state(progress).next)
  end)

  it("never guesses at or below what is known to match", function()
    local progress = probe.progress_new(9)
    progress:on_ack(5)
    assert.is_true(progress:on_reject(9, 2))
    assert.equal(6, state(progress).next)
  end)

  it("a snapshot ends with what acknowledges it, not with less", function()
    local progress = probe.progress_new(9)
    progress:on_reject(9, 2)
    progress:snapshot(10)
    assert.is_false(progress:may_send(4, 400))
    assert.is_false(progress:on_reject(9, 2))
    progress:on_ack(9)
    assert.equal("snapshot", state(progress).mode)
    progress:on_ack(10)
    assert.equal("replicate", state(progress).mode)
    assert.equal(11, state(progress).next)
    assert.is_true(progress:may_send(4, 400))
  end)

  it("match never falls and stays below next, whatever arrives", function()
    helper.check(1000, function(random)
      local last = random:integer(0, 10)
      local progress = probe.progress_new(last)
      local match = 0
      for _ = 1, random:integer(0, 30) do
        local now = state(progress)
        if random:boolean() and progress:may_send(4, 400) then
          progress:sent(now.next + random:integer(0, 2),
            random:integer(1, 200))
        elseif random:boolean() then
          progress:on_ack(random:integer(0, 20))
        else
          progress:on_reject(random:integer(0, 20), random:integer(0, 20))
        end
        now = state(progress)
        assert.is_true(now.match >= match)
        assert.is_true(now.match < now.next)
        assert.is_true(now.window <= 4)
        assert.is_true(now.mode == "replicate" or now.window == 0)
        match = now.match
      end
    end)
  end)
end)
