-- Stores fields of a workflow that has not started: a repetition must not set back one that has.
-- KEYS: workflow   ARGV: ms until they vanish if it never starts, then fields and values
local key = KEYS[1]
if redis.call('HEXISTS', key, 'state') == 1 then return 0 end
for first = 2, #ARGV, 1000 do
  redis.call('HSET', key, unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
redis.call('PEXPIRE', key, ARGV[1])
return 1
