-- Has no worker claim jobs of a task, until it is resumed, which wakes one.
-- KEYS: base   ARGV: producer, number, 1 to pause, 0 to resume   Returns: "1", or "0" if nothing was changed
--- @include "clock"
--- @include "queue"
--- @include "sent"
local base, paused = KEYS[1], KEYS[1] .. ':paused'
local repeated = reply_sent(base, ARGV[1], ARGV[2])
if repeated then return repeated end
local changed
if ARGV[3] == '1' then
  changed = redis.call('SET', paused, as_text(now_ms()), 'NX') and 1 or 0
else
  changed = redis.call('DEL', paused)
  rearm(base)
end
remember_sent(base, ARGV[1], ARGV[2], changed)
return tostring(changed)
