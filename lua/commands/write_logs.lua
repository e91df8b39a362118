-- Appends log entries of a running job, and keeps the newest 10,000.
-- KEYS: base   ARGV: id, token, entries   Returns: 1, or 0 when the lock is not the token's
local job = KEYS[1] .. ':' .. ARGV[1]
if redis.call('GET', job .. ':lock') ~= ARGV[2] then return 0 end
for first = 3, #ARGV, 1000 do
  redis.call('RPUSH', job .. ':logs', unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
redis.call('LTRIM', job .. ':logs', -10000, -1)
return 1
