-- Waking workers, and putting an id where claims look for it.
local function wake(base)
  redis.call('ZADD', base .. ':marker', '0', '0')
end

-- Workers of other implementations sleep until a marker's score; ours learn the time from their next claim.
local function wake_at(base, at)
  redis.call('ZADD', base .. ':marker', 'LT', at, '0')
end

-- Wakes one worker if there is something to claim.
local function rearm(base)
  if redis.call('EXISTS', base .. ':wait', base .. ':prioritized') > 0 then wake(base) end
end

-- A higher priority first, then the older one; exact to the millisecond up to priority 900.
local function priority_score(priority, ts)
  return (tonumber(ts) or 0) - priority * 1e13
end

local function to_waiting(base, id, priority, ts, front)
  priority = tonumber(priority) or 0
  if priority > 0 then
    redis.call('ZADD', base .. ':prioritized', priority_score(priority, ts), id)
  elseif front then
    redis.call('RPUSH', base .. ':wait', id)
  else
    redis.call('LPUSH', base .. ':wait', id)
  end
end
