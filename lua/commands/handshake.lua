-- Agrees on the stored layout: writes our record if there is none, and returns what is stored.
-- KEYS: meta   ARGV: wireVersion, minCompat, writtenBy   Returns: wireVersion, minCompat, writtenBy, writtenAt
--- @include "clock"
local meta = KEYS[1]
if redis.call('EXISTS', meta) == 0 then
  -- Deletes nothing: a server that is out of memory lets a script go on that began with a command which may free some,
  -- and a worker must be able to wait for jobs there.
  redis.call('DEL', meta)
  redis.call('HSET', meta, 'wireVersion', ARGV[1], 'minCompat', ARGV[2], 'writtenBy', ARGV[3], 'writtenAt', now_ms())
end
return redis.call('HMGET', meta, 'wireVersion', 'minCompat', 'writtenBy', 'writtenAt')
