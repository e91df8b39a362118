-- Removes ended jobs by age and by count, the oldest first.
-- KEYS: base   ARGV: set, age ms (-1: none), items (-1: all), age ms below which the count removes none, limit
-- Returns: number removed
--- @include "forget_job"
--- @include "outdated"
local base, set = KEYS[1], KEYS[1] .. ':' .. ARGV[1]
local ids = outdated(set, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
for _, id in ipairs(ids) do forget_job(base, id) end
for first = 1, #ids, 1000 do redis.call('ZREM', set, unpack(ids, first, math.min(first + 999, #ids))) end
return #ids
