-- Renews locks of jobs that their worker runs.
-- KEYS: bases   ARGV: ttl, then base number, id, token, processedOn of each
-- Returns: for each 1 renewed, 0 lost, -1 renewed and to be cancelled
--- @include "release"
local ttl, out = ARGV[1], {}
for at = 2, #ARGV, 4 do
  local base, id, token = KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2]
  local job = base .. ':' .. id
  -- A job of another kind is nobody's, a lock of another kind stands for none: neither costs the others their locks.
  local f = attempt('HMGET', job, 'state', 'processedOn', 'cancelledAt')
  if f and owns(attempt('GET', job .. ':lock'), token, ARGV[at + 3], f[1], f[2]) then
    redis.call('SET', job .. ':lock', token, 'PX', ttl)
    attempt('SREM', base .. ':stalled', id)
    out[#out + 1] = f[3] and -1 or 1
  else
    out[#out + 1] = 0
  end
end
return out
