--- @include "queue"
-- How many jobs of a concurrency key run at a time. By key:
--   conc:KEY      how many hold it: shared with other implementations
--   holders:KEY   ids of ours that hold it: what the counter is proved by between two sweeps
--   blocked:KEY   ids that were met while it was full, in the order of their turns; still in state 'waiting'
--   ready:KEY     ids whose turn has come and that are queued again: what room there is, is theirs
-- and of all keys: limited, a hash of the keys in use with the number of the last one that was parked, and blocked, all
-- parked ids with the time at which each expires.
local function limit_of(value)
  return tonumber(value) or 0 -- none stored, or 0: the key has no limit for this job
end

-- Whichever knows of more: a counter that somebody decremented twice must not let one in.
local function held(base, key)
  return math.max(tonumber(redis.call('GET', base .. ':conc:' .. key)) or 0,
    redis.call('SCARD', base .. ':holders:' .. key))
end

local function forget_if_unused(base, key)
  if redis.call('EXISTS', base .. ':conc:' .. key, base .. ':holders:' .. key, base .. ':blocked:' .. key,
    base .. ':ready:' .. key) == 0 then
    redis.call('HDEL', base .. ':limited', key)
  end
end

local function leave_blocked(base, id, key)
  redis.call('ZREM', base .. ':blocked', id)
  return redis.call('ZREM', base .. ':blocked:' .. key, id) == 1
end

-- Queues as many blocked jobs of a key as there is room for, at the front and in their order.
local function bring(base, key)
  local room_taken = held(base, key) + redis.call('SCARD', base .. ':ready:' .. key)
  local brought = {}
  while true do
    local id = redis.call('ZRANGE', base .. ':blocked:' .. key, 0, 0)[1]
    if not id then break end
    local f = redis.call('HMGET', base .. ':' .. id, 'state', 'concurrencyLimit', 'priority', 'ts')
    if f[1] == 'waiting' then
      local limit = limit_of(f[2])
      if limit > 0 and room_taken + #brought >= limit then break end
      brought[#brought + 1] = { id, f[3], f[4] }
    end
    leave_blocked(base, id, key)
  end
  for at = #brought, 1, -1 do
    redis.call('SADD', base .. ':ready:' .. key, brought[at][1])
    to_waiting(base, brought[at][1], brought[at][2], brought[at][3], true)
  end
  if #brought > 0 then wake(base) else forget_if_unused(base, key) end
end

-- A job that waits in a queue is taken out of it without a run.
local function give_up_turn(base, id, key)
  redis.call('SREM', base .. ':ready:' .. key, id)
  bring(base, key)
end

local function park(base, id, key, first)
  local f = redis.call('HMGET', base .. ':' .. id, 'priority', 'ts', 'expireAt')
  local blocked, priority = base .. ':blocked:' .. key, tonumber(f[1]) or 0
  local number = redis.call('HINCRBY', base .. ':limited', key, 1)
  local score = number
  if first then
    score = (tonumber(redis.call('ZRANGE', blocked, 0, 0, 'WITHSCORES')[2]) or number) - 1
  elseif priority > 0 then
    score = priority_score(priority, f[2])
  end
  local expires = tonumber(f[3]) or 0
  redis.call('ZADD', blocked, score, id)
  redis.call('ZADD', base .. ':blocked', expires > 0 and expires or '+inf', id)
end

-- Takes a key for a job that is about to run; parks the job and returns false when the key is full, or when others have
-- their turn first.
local function take_key(base, id, key)
  local limit = limit_of(redis.call('HGET', base .. ':' .. id, 'concurrencyLimit'))
  if limit <= 0 then return true end
  local ready = redis.call('SREM', base .. ':ready:' .. key, id) == 1
  local taken = held(base, key)
  if not ready then taken = taken + redis.call('SCARD', base .. ':ready:' .. key) end
  local others = not ready and redis.call('EXISTS', base .. ':blocked:' .. key) == 1
  if taken >= limit or others then
    park(base, id, key, ready)
    if others then bring(base, key) end
    return false
  end
  redis.call('HSETNX', base .. ':limited', key, 0)
  redis.call('INCR', base .. ':conc:' .. key)
  redis.call('SADD', base .. ':holders:' .. key, id)
  return true
end

-- Lets go of the key of a job. removed: whether this call took it out of the active list, so that it counts once.
local function drop_key(base, id, key, removed)
  redis.call('SREM', base .. ':holders:' .. key, id)
  if removed and limit_of(redis.call('HGET', base .. ':' .. id, 'concurrencyLimit')) > 0 then
    local counter = base .. ':conc:' .. key
    if redis.call('DECR', counter) <= 0 then redis.call('DEL', counter) end
  end
end
