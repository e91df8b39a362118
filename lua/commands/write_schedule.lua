-- Stores a schedule if it still is as its writer read it.
-- KEYS: schedules
-- ARGV: name, value as read ("": none), next run as read ("": paused), value, next run ("": paused),
--       token that must lead ("": anybody may)
-- Returns: 1 stored, 0 refused
local next_runs, name, token = KEYS[1] .. ':next', ARGV[1], ARGV[6]
if token ~= '' and redis.call('GET', KEYS[1] .. ':lock') ~= token then return 0 end
if (redis.call('HGET', KEYS[1], name) or '') ~= ARGV[2] then return 0 end
if ARGV[2] ~= '' then
  local score = redis.call('ZSCORE', next_runs, name)
  -- As it was read: anybody may have written an infinite one.
  score = score and math.floor(math.max(0, math.min(tonumber(score), 250000000000000)))
  if (score or nil) ~= tonumber(ARGV[3]) then return 0 end
end
redis.call('HSET', KEYS[1], name, ARGV[4])
if ARGV[5] == '' then
  redis.call('ZREM', next_runs, name)
else
  redis.call('ZADD', next_runs, ARGV[5], name)
end
return 1
