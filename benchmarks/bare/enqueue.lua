-- Stores jobs and queues them. KEYS: the task's base. ARGV: now, then id and payload of each job.
local base, now = KEYS[1], ARGV[1]
local ids = {}
for at = 2, #ARGV, 2 do
  local id = ARGV[at]
  ids[#ids + 1] = id
  redis.call('HSET', base .. ':' .. id,
    'data', ARGV[at + 1], 'state', 'waiting', 'ts', now, 'attempt', '1', 'maxAttempts', '1', 'priority', '0', '_v', '1')
  redis.call('XADD', base .. ':events', 'MAXLEN', '~', '10000', '*', 'event', 'waiting', 'jobId', id)
end
redis.call('LPUSH', base .. ':wait', unpack(ids))
redis.call('ZADD', base .. ':marker', 0, '0')
return #ids
