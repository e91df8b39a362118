-- The server's time in whole milliseconds: skew between hosts changes nothing.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A time as text: a number is written out anew for each command that stores it, which takes as long as the command.
local function as_text(ms)
  return string.format('%d', ms)
end
