-- Stops a living worker from claiming, or lets it go on; never lifts the fence of a dead one.
-- KEYS: base   ARGV: worker, 1 to stop
--- @include "queue"
local fence = KEYS[1] .. ':fence:' .. ARGV[1]
if redis.call('HGET', fence, 'halt') == 'dead' then return 0 end
if ARGV[2] == '1' then
  redis.call('HSET', fence, 'halt', 'halt')
  redis.call('PEXPIRE', fence, 3600000)
else
  redis.call('HDEL', fence, 'halt')
end
return 1
