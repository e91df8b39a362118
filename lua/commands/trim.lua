-- Removes ended jobs by age and by count, the oldest first. An id that its caller gave stays taken for a day.
-- KEYS: base   ARGV: set, age ms (-1: none), items (-1: all), age ms below which the count removes none, limit
-- Returns: number removed
--- @include "clock"
local base, set = KEYS[1], KEYS[1] .. ':' .. ARGV[1]
local age, items, young, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now, ids = now_ms(), {}
if age >= 0 then ids = redis.call('ZRANGE', set, '-inf', now - age, 'BYSCORE', 'LIMIT', 0, limit) end
if items >= 0 and #ids < limit then
  local excess = math.min(redis.call('ZCARD', set) - items, limit)
  if excess > #ids then
    local more = redis.call('ZRANGE', set, '-inf', now - young, 'BYSCORE', 'LIMIT', 0, excess)
    if #more > #ids then ids = more end
  end
end
for _, id in ipairs(ids) do
  local job = base .. ':' .. id
  if redis.call('HEXISTS', job, 'given') == 1 then redis.call('SET', base .. ':gone:' .. id, 1, 'PX', 86400000) end
  redis.call('UNLINK', job, job .. ':lock', job .. ':logs')
end
for first = 1, #ids, 1000 do redis.call('ZREM', set, unpack(ids, first, math.min(first + 999, #ids))) end
return #ids
