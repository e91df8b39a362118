-- Settles finished jobs and claims the next ones. KEYS: the task's base.
-- ARGV: now, lock's ms, token, how many to claim, then id and result of each finished job.
-- Returns id, payload, version, attempt and time of each claimed job, flat.
local base, now, ttl, token, wanted = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local ended = {}
for at = 5, #ARGV, 2 do
  local id = ARGV[at]
  local job = base .. ':' .. id
  if redis.call('GET', job .. ':lock') == token then
    redis.call('DEL', job .. ':lock')
    redis.call('LREM', base .. ':active', 1, id)
    redis.call('SREM', base .. ':stalled', id)
    redis.call('HSET', job, 'state', 'completed', 'finishedOn', now, 'result', ARGV[at + 1])
    redis.call('XADD', base .. ':events', 'MAXLEN', '~', '10000', '*', 'event', 'completed', 'jobId', id)
    ended[#ended + 1] = now
    ended[#ended + 1] = id
  end
end
if #ended > 0 then
  redis.call('ZADD', base .. ':completed', unpack(ended))
  redis.call('INCRBY', base .. ':metrics:completed', #ended / 2)
end

-- An engine has to look for delayed jobs that are due; there are none here, but the look is paid for.
redis.call('ZRANGE', base .. ':delayed', 0, now, 'BYSCORE', 'LIMIT', 0, 100)

local claimed = {}
for _ = 1, wanted do
  local id = redis.call('RPOP', base .. ':wait')
  if not id then
    break
  end
  local job = base .. ':' .. id
  redis.call('LPUSH', base .. ':active', id)
  redis.call('SET', job .. ':lock', token, 'PX', ttl)
  redis.call('HSET', job, 'state', 'active', 'processedOn', now)
  local fields = redis.call('HMGET', job, 'data', '_v', 'attempt', 'ts', 'expireAt', 'concurrencyKey', 'collectKey')
  redis.call('XADD', base .. ':events', 'MAXLEN', '~', '10000', '*', 'event', 'active', 'jobId', id)
  claimed[#claimed + 1] = id
  for at = 1, 4 do
    claimed[#claimed + 1] = fields[at]
  end
end
if redis.call('EXISTS', base .. ':wait') == 1 then
  redis.call('ZADD', base .. ':marker', 0, '0')
end
return claimed
