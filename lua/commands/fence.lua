-- Stops a living worker from claiming, or lets it go on; never lifts the fence of a dead one.
-- KEYS: base   ARGV: worker, 1 to stop, who asks: "halt" (its steward) or "drain" (the worker itself)
--- @include "queue"
local fence = KEYS[1] .. ':fence:' .. ARGV[1]
local halted = attempt('HGET', fence, 'halt')
if halted == 'dead' then return 0 end
if halted == nil then redis.call('DEL', fence) end
if ARGV[2] == '1' then
  redis.call('HSET', fence, ARGV[3], 'halt')
  redis.call('PEXPIRE', fence, ARGV[3] == 'halt' and 86400000 or 3600000)
else
  redis.call('HDEL', fence, ARGV[3])
end
return 1
