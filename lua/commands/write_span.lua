-- Keeps the trace context of a job's run, for the runs after it to be linked to.
-- KEYS: base   ARGV: id, token, context   Returns: 1, or 0 when the lock is not the token's or the job is gone
local job = KEYS[1] .. ':' .. ARGV[1]
if redis.call('GET', job .. ':lock') ~= ARGV[2] or redis.call('EXISTS', job) == 0 then return 0 end
redis.call('HSET', job, 'spanContext', ARGV[3])
return 1
