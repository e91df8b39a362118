-- Agrees on the stored layout: writes our record if there is none, and returns what is stored.
-- KEYS: meta   ARGV: wireVersion, minCompat, writtenBy   Returns: wireVersion, minCompat, writtenBy, writtenAt
--- @include "clock"
local meta = KEYS[1]
if redis.call('EXISTS', meta) == 0 then
  redis.call('HSET', meta, 'wireVersion', ARGV[1], 'minCompat', ARGV[2], 'writtenBy', ARGV[3], 'writtenAt', now_ms())
end
return redis.call('HMGET', meta, 'wireVersion', 'minCompat', 'writtenBy', 'writtenAt')
