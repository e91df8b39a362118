--- @include "used_keys"
-- Counts a dispatch in its key's window, which begins with the first; false when the window is full.
local function admit(base, key, max, window, now)
  local counter = base .. ':throttle:' .. key
  local count = tonumber(redis.call('GET', counter)) or 0
  if count >= max then return false end
  if count > 0 then
    redis.call('INCR', counter)
  else
    redis.call('SET', counter, 1, 'PX', window)
    list_timed(base, 'throttle', key, now, tonumber(window))
  end
  return true
end
