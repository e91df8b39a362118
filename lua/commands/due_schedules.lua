-- Reads which schedules are due. They stay due: who runs them moves them on afterwards.
-- KEYS: schedules   Returns: now, {name, score, value} of each due one, ms until the next other one (-1: none)
--- @include "clock"
local now, due, next_runs = now_ms(), {}, KEYS[1] .. ':next'
local rows = redis.call('ZRANGE', next_runs, '-inf', now, 'BYSCORE', 'WITHSCORES')
for at = 1, #rows, 2 do
  local value = redis.call('HGET', KEYS[1], rows[at])
  if value then due[#due + 1] = { rows[at], rows[at + 1], value } end
end
local found = redis.call('ZRANGE', next_runs, string.format('(%d', now), '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
return { now, due, found[2] and math.ceil(tonumber(found[2]) - now) or -1 }
