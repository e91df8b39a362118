-- Removes the oldest ended jobs of one state that ended up to a time.
-- KEYS: base   ARGV: producer, number, set, ms, limit   Returns: a text with the number removed
--- @include "forget_job"
--- @include "sent"
local base, set = KEYS[1], KEYS[1] .. ':' .. ARGV[3]
local repeated = reply_sent(base, ARGV[1], ARGV[2])
if repeated then return repeated end
local ids = redis.call('ZRANGE', set, '-inf', ARGV[4], 'BYSCORE', 'LIMIT', 0, ARGV[5])
for _, id in ipairs(ids) do forget_job(base, id) end
if #ids > 0 then redis.call('ZREM', set, unpack(ids)) end
remember_sent(base, ARGV[1], ARGV[2], #ids)
return tostring(#ids)
