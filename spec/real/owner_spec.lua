-- SPDX-License-Identifier: MIT
--
-- Whose process the other end of a connection is.

local owner = require "raft.service_owner"
local wire = require "raft.service_wire"

describe("service_owner", function ()
  it("knows the process that made a connection, and no other", function ()
    local stat = io.open("/proc/self/stat", "rb")
    if not stat then
      pending "there is no /proc here"
      return
    end
    local me = stat:read "*n"
    stat:close()
    local listener = wire.listen "127.0.0.1"
    local made = assert(wire.connect("127.0.0.1", listener.port))
    local came
    repeat
      came = listener.accept()
    until came
    local own, other = came:ports()
    assert.equal(listener.port, own)
    assert.equal(2, owner.of(own, other, { 1, me }))
    assert.is_nil(owner.of(own, other, { 1 }))
    assert.is_nil(owner.of(own, other, {}))
    made:close()
    came:close()
    listener.close()
  end)
end)
