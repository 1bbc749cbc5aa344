-- SPDX-License-Identifier: MIT
--
-- The bugs of base/bug.h that live in core/replica, brought back: the specs
-- beside this one would fail. Only the build with bugs can show it.

local desk = require "spec.desk"
local probe = require "raft.probe"

local describe_bugs = probe.with_bugs and describe
  or function () end

describe_bugs("replica: a member that has the bug", function ()
  it("no_deduplication applies a repeated command again", function ()
    local made = desk.new { bug = "no_deduplication" }
    local client = desk.client(made, 1)
    local session = client:open_session()
    client:apply("once", session, 1, 1)
    client:apply("once", session, 1, 1)
    assert.same({ "once", "once" }, desk.applied(made, 1))
  end)

  it("apply_proposes applies what nobody proposed", function ()
    local made = desk.new { bug = "apply_proposes" }
    local client = desk.client(made, 1)
    local session = client:open_session()
    client:apply("once", session, 1, 1)
    made:run(1e5)
    assert.same({ "once", "once" }, desk.applied(made, 1))
  end)

  it("wiped_accepted lets a wiped member vote again", function ()
    local made = desk.new { members = 3, bug = "wiped_accepted" }
    made:wipe(3)
    assert(made:init(3))
    made:start(3)
    made:run(3e6)
    assert.equal(0, made:refused())
    assert.is_true(made:status(3).last > 1)
  end)
end)
