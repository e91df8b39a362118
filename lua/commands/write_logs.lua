-- Appends log entries of a running job, and keeps the newest 10,000.
-- KEYS: base   ARGV: producer, number, id, token, entries   Returns: "1", or "0" when the lock is not the token's
--- @include "sent"
local repeated = reply_sent(KEYS[1], ARGV[1], ARGV[2])
if repeated then return repeated end
local job = KEYS[1] .. ':' .. ARGV[3]
if redis.call('GET', job .. ':lock') ~= ARGV[4] then return '0' end
for first = 5, #ARGV, 1000 do
  redis.call('RPUSH', job .. ':logs', unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
redis.call('LTRIM', job .. ':logs', -10000, -1)
remember_sent(KEYS[1], ARGV[1], ARGV[2], '1')
return '1'
