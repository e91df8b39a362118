-- Renews every lock of a living worker that cannot do it itself.
-- KEYS: base   ARGV: worker, ttl   Returns: how many
--- @include "attempt"
local base, prefix, count = KEYS[1], ARGV[1] .. '.', 0
for _, id in ipairs(redis.call('LRANGE', base .. ':active', 0, -1)) do
  local lock = base .. ':' .. id .. ':lock'
  local token = attempt('GET', lock)
  if token and string.sub(token, 1, #prefix) == prefix then
    redis.call('PEXPIRE', lock, ARGV[2])
    attempt('SREM', base .. ':stalled', id)
    count = count + 1
  end
end
return count
