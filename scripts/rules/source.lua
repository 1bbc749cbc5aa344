-- SPDX-License-Identifier: MIT
--
-- source.lua - reading C and Lua as far as the rules need it.
--
-- Holds:  a text without its comments and strings; the functions in it, with
--         name, first line, number of lines and number of parameters.
-- Rule:   what is taken out leaves its line ends, so that line numbers stay.

local source = {}

--- The lines of a text, without their ends.
function source.lines(text)
  local lines = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

local function line_ends(text)
  return (text:gsub("[^\n]", ""))
end

-- ---- C -------------------------------------------------------------------

-- The end of a quoted text that begins at 'at', and the same for lines that
-- a backslash continues.
local function quoted_end(text, at, quote)
  local i = at + 1
  while i <= #text do
    local char = text:sub(i, i)
    if char == "\\" then
      i = i + 1
    elseif char == quote then
      return i
    end
    i = i + 1
  end
  return #text
end

local function directive_end(text, at)
  local i = at
  while true do
    local stop = text:find("\n", i, true) or #text + 1
    if text:sub(stop - 1, stop - 1) ~= "\\" then
      return stop - 1
    end
    i = stop + 1
  end
end

-- The end of the comment, text or directive at 'i', or nil.
local function skipped_c(text, i, at_line_start)
  local two, one = text:sub(i, i + 1), text:sub(i, i)
  if two == "/*" then
    local _, stop = text:find("*/", i + 2, true)
    return stop or #text
  elseif two == "//" then
    return (text:find("\n", i, true) or #text + 1) - 1
  elseif one == '"' or one == "'" then
    return quoted_end(text, i, one)
  elseif one == "#" and at_line_start then
    return directive_end(text, i)
  end
  return nil
end

--- C without comments, strings and preprocessor lines.
function source.bare_c(text)
  local out, i, at_line_start = {}, 1, true
  while i <= #text do
    local stop = skipped_c(text, i, at_line_start)
    if stop then
      out[#out + 1] = " " .. line_ends(text:sub(i, stop))
      i = stop + 1
    else
      local char = text:sub(i, i)
      out[#out + 1] = char
      if char == "\n" then
        at_line_start = true
      elseif not char:find("%s") then
        at_line_start = false
      end
      i = i + 1
    end
  end
  return table.concat(out)
end

local function count_parameters(list)
  local inside = list:sub(2, -2):gsub("%b()", "")
  if inside:match("^%s*$") or inside:match("^%s*void%s*$") then
    return 0
  end
  local _, commas = inside:gsub(",", "")
  return commas + 1
end

-- The function whose head (the text before its brace) this is, or nil.
local function function_of(head)
  head = head:gsub("__attribute__%s*%b()", "")
  local name, parameters = head:match("([%a_][%w_]*)%s*(%b())%s*$")
  if not name or head:find("=", 1, true) then
    return nil
  end
  return { name = name, parameters = count_parameters(parameters) }
end

--- The functions of a C file: { { name = "f", line = 7, lines = 12,
-- parameters = 2, text = "{ … }" } }.
function source.c_functions(text)
  local bare = source.bare_c(text)
  local found, depth, line = {}, 0, 1
  local head, head_line, open, open_at = "", nil, nil, nil
  for i = 1, #bare do
    local char = bare:sub(i, i)
    if char == "{" then
      if depth == 0 then
        open, open_at = function_of(head), i
        if open then
          open.line = head_line
        end
      end
      depth = depth + 1
    elseif char == "}" then
      depth = depth - 1
      if depth == 0 and open then
        open.lines = line - open.line + 1
        open.text = bare:sub(open_at, i)
        found[#found + 1] = open
        open = nil
      end
    end
    if depth == 0 and (char == ";" or char == "}") then
      head, head_line = "", nil
    elseif depth == 0 then
      if not head_line and not char:find("%s") then
        head_line = line
      end
      head = head .. char
    end
    if char == "\n" then
      line = line + 1
    end
  end
  return found
end

--- Whether a function only dispatches: nearly all of its lines are a switch.
function source.is_dispatch(text)
  local inside = text:match("switch%s*%b()%s*(%b{})")
  local _, lines = text:gsub("\n", "")
  if not inside then
    return false
  end
  local _, inner = inside:gsub("\n", "")
  return lines - inner <= 10
end

-- ---- Lua -----------------------------------------------------------------

-- The end of the comment or string at 'i', or nil.
local function skipped_lua(text, i)
  local equals = text:match("^%-%-%[(=*)%[", i) or text:match("^%[(=*)%[", i)
  if equals then
    local _, stop = text:find("]" .. equals .. "]", i, true)
    return stop or #text
  elseif text:sub(i, i + 1) == "--" then
    return (text:find("\n", i, true) or #text + 1) - 1
  end
  local one = text:sub(i, i)
  if one == '"' or one == "'" then
    return quoted_end(text, i, one)
  end
  return nil
end

--- Lua without comments and strings; a string leaves two quotes.
function source.bare_lua(text)
  local out, i = {}, 1
  if text:sub(1, 1) == "#" then
    i = text:find("\n", 1, true) or #text + 1
  end
  while i <= #text do
    local stop = skipped_lua(text, i)
    if stop then
      local mark = text:sub(i, i) == "-" and " " or '""'
      out[#out + 1] = mark .. line_ends(text:sub(i, stop))
      i = stop + 1
    else
      out[#out + 1] = text:sub(i, i)
      i = i + 1
    end
  end
  return table.concat(out)
end

local OPENS = { ["function"] = true, ["if"] = true, ["do"] = true,
  ["repeat"] = true }
local CLOSES = { ["end"] = true, ["until"] = true }

--- The functions of a Lua file: { { name = "f", line = 7, lines = 12,
-- parameters = 2 } }; a function without a name is called "function".
function source.lua_functions(text)
  local found, stack, line = {}, {}, 1
  local bare = source.bare_lua(text)
  for at, word, stop in bare:gmatch("()([%a_\n][%w_]*)()") do
    if word:sub(1, 1) == "\n" then
      line = line + 1
      word = word:sub(2)
    end
    if word == "function" then
      local name, list = bare:match("^%s*([%w_.:]*)%s*(%b())", stop)
      stack[#stack + 1] = { name = name ~= "" and name or "function",
        line = line, parameters = count_parameters(list or "()"), at = at }
    elseif OPENS[word] then
      stack[#stack + 1] = false
    elseif CLOSES[word] then
      local open = table.remove(stack)
      if open then
        open.lines = line - open.line + 1
        found[#found + 1] = open
      end
    end
  end
  return found
end

return source
