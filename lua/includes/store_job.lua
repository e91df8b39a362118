--- @include "emit"
--- @include "queue"
-- Writes a new job and queues it. Does not wake workers: the caller does, once for all its jobs. The queue comes first:
-- if it is damaged, nothing is left behind. What follows ttl are more fields and values of the job.
local function store_job(base, id, now, version, max_attempts, data, delay, priority, ttl, ...)
  local job = base .. ':' .. id
  if delay > 0 then
    redis.call('ZADD', base .. ':delayed', now + delay, id)
    redis.call('HSET', job, 'ts', now, 'delay', delay, '_v', version, 'attempt', 1, 'maxAttempts', max_attempts,
      'state', 'delayed', 'priority', priority, 'data', data, ...)
    emit(base, 'delayed', id)
  else
    to_waiting(base, id, priority, now, false)
    redis.call('HSET', job, 'ts', now, '_v', version, 'attempt', 1, 'maxAttempts', max_attempts,
      'state', 'waiting', 'priority', priority, 'data', data, ...)
    emit(base, 'waiting', id)
  end
  if ttl > 0 then redis.call('HSET', job, 'expireAt', now + ttl) end
end

-- Writes what follows the four numbers in a new job's options: ";FIELD LENGTH:TEXT" for each field of ours, the length
-- in bytes, and ",LIMIT,KEY" of a job with a concurrency key.
local function write_rest(base, id, options, now)
  local job, delay, at = base .. ':' .. id, string.match(options, '^(%d+),%d+,%d+,%d()')
  local field, length, first = string.match(options, '^;(%a+) (%d+):()', at)
  while field do
    at = first + length
    local text = string.sub(options, first, at - 1)
    if field == 'ix' then
      --- @include "index"
      index_job(base, id, text, now, delay)
    else
      redis.call('HSET', job, field, text)
    end
    field, length, first = string.match(options, '^;(%a+) (%d+):()', at)
  end
  local limit, key = string.match(options, '^,(%d+),(.+)$', at)
  if key then redis.call('HSET', job, 'concurrencyKey', key, 'concurrencyLimit', limit) end
end

-- Tells whether an id is taken: by a job, or by one that the caller named and that retention removed.
local function id_taken(base, id)
  return redis.call('EXISTS', base .. ':' .. id, base .. ':gone:' .. id) > 0
end
