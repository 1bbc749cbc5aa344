-- SPDX-License-Identifier: MIT
local quantity = require "raft.quantity"

describe("quantity.duration", function ()
  it("is whole microseconds", function ()
    for text, us in pairs {
      ["0s"] = 0, ["1us"] = 1, ["150ms"] = 150000, ["5s"] = 5000000,
      ["1.5s"] = 1500000, ["2min"] = 120000000, ["1h"] = 3600000000,
      ["30d"] = 2592000000000, ["7 ms"] = 7000,
    } do
      local value = quantity.duration(text)
      assert.equal(us, value)
      assert.is_nil(tostring(value):find(".", 1, true)) -- an integer
    end
  end)

  it("refuses what has no unit, a wrong one, or no end", function ()
    for _, bad in ipairs { 5, "5", "s", "-1s", "5 sec", "1m30s", "1e3s", "",
      "5S", "9999999999999d", {}, true } do
      local value, message = quantity.duration(bad)
      assert.is_nil(value)
      assert.matches('expected a duration such as "150ms", "5s" or "2min", '
        .. "got ", message, 1, true)
    end
    assert.is_nil((quantity.duration(nil)))
  end)
end)

describe("quantity.size", function ()
  it("is whole bytes", function ()
    for text, bytes in pairs {
      ["0B"] = 0, ["512B"] = 512, ["4KiB"] = 4096, ["64MiB"] = 67108864,
      ["1.5GiB"] = 1610612736, ["1TiB"] = 1099511627776,
    } do
      assert.equal(bytes, quantity.size(text))
    end
    assert.equal(4096, quantity.size(4096))
  end)

  it("refuses units that people mean differently", function ()
    for _, bad in ipairs { "64MB", "64M", "64", "64mib", -1, 1.5, 2 ^ 53,
      "99999TiB", {} } do
      local value, message = quantity.size(bad)
      assert.is_nil(value)
      assert.matches('expected a size such as "512KiB" or "64MiB", got ',
        message, 1, true)
    end
  end)
end)

describe("quantity: in words", function ()
  it("uses the largest unit that says it exactly", function ()
    for text, us in pairs { ["150ms"] = 150000, ["2s"] = 2e6, ["1us"] = 1,
      ["90s"] = 9e7, ["1h"] = 3.6e9, ["0h"] = 0 } do
      assert.equal(text, quantity.duration_text(us))
      assert.equal(us, quantity.duration(text))
    end
    for text, bytes in pairs { ["64MiB"] = 2 ^ 26, ["1KiB"] = 1024,
      ["1025B"] = 1025, ["3GiB"] = 3 * 2 ^ 30 } do
      assert.equal(text, quantity.size_text(bytes))
      assert.equal(bytes, quantity.size(text))
    end
  end)
end)
