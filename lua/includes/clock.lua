-- The server's time in whole milliseconds: skew between hosts changes nothing.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A whole number as text: the server writes out a number with its fraction, which takes it as long as a command.
local function as_text(number)
  return string.format('%d', number)
end
