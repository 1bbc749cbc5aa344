-- SPDX-License-Identifier: MIT
--
-- scripts/test may not say that all is well when it is not.

-- What scripts/sum prints for these stages, and its exit code.
-- stages: { ["specs-5.4"] = { status = 0, log = "…" } }
local function sum(stages)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir '" .. folder .. "'"))
  for name, stage in pairs(stages) do
    local result = assert(io.open(folder .. "/" .. name .. ".result", "w"))
    result:write(stage.status, " 3\n")
    result:close()
    local log = assert(io.open(folder .. "/" .. name .. ".log", "w"))
    log:write(stage.log or "")
    log:close()
  end
  local pipe = assert(io.popen("scripts/sum '" .. folder
    .. "' 2>&1; echo status=$?"))
  local output = pipe:read("*a")
  pipe:close()
  os.execute("rm -r '" .. folder .. "'")
  local text, status = output:match("^(.*)status=(%d+)\n$")
  return text:match("([^\n]*)\n$"), tonumber(status), text
end

local GOOD = "noise\nspecs: 40 passed, 0 failed, 1 pending\n"

describe("scripts/sum #once", function ()
  it("adds up what passed", function ()
    local last, status = sum {
      build = { status = 0 },
      ["specs-5.4"] = { status = 0, log = GOOD },
      ["specs-jit"] = { status = 0, log = GOOD },
    }
    assert.equal("80 passed, 0 failed", last)
    assert.equal(0, status)
  end)

  it("counts failed specs, also when busted's exit code wrapped", function ()
    local last, status = sum {
      ["specs-5.4"] = { status = 0,
        log = "specs: 40 passed, 256 failed, 0 pending\n" },
      ["specs-jit"] = { status = 2,
        log = "specs: 40 passed, 2 failed, 0 pending\n" },
    }
    assert.equal("80 passed, 258 failed", last)
    assert.equal(1, status)
  end)

  it("counts a run that ended without its line as a crash", function ()
    for _, code in ipairs { 0, 139 } do
      local last, status, text = sum {
        ["specs-5.4"] = { status = code, log = "++++\nspecs: 40 passed\n" },
      }
      assert.equal("0 passed, 1 failed", last)
      assert.equal(1, status)
      assert.matches("specs-5.4: no count of specs", text, 1, true)
    end
  end)

  it("counts a stage that failed although no spec did", function ()
    local last, status, text = sum {
      tidy = { status = 1 },
      ["specs-asan"] = { status = 1, log = GOOD },
    }
    assert.equal("40 passed, 2 failed", last)
    assert.equal(1, status)
    assert.matches("tidy: failed", text, 1, true)
  end)

  it("does not take nothing for a success", function ()
    local last, status = sum {}
    assert.equal("0 passed, 1 failed", last)
    assert.equal(1, status)
    last, status = sum {
      ["specs-5.4"] = { status = 0,
        log = "specs: 0 passed, 0 failed, 7 pending\n" },
    }
    assert.equal("0 passed, 1 failed", last)
    assert.equal(1, status)
  end)
end)
