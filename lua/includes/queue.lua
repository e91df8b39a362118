--- @include "attempt"
-- Waking workers, and putting an id where claims look for it.
local function set_marker(base, ...)
  local marker = base .. ':marker'
  if type(redis.pcall('ZADD', marker, ...)) == 'table' then
    -- Of another kind: it wakes nobody, and holds nothing that is ours.
    redis.call('DEL', marker)
    redis.call('ZADD', marker, ...)
  end
end

local function wake(base)
  set_marker(base, '0', '0')
end

-- Workers of other implementations sleep until a marker's score; ours learn the time from their next claim.
local function wake_at(base, at)
  set_marker(base, 'LT', at, '0')
end

-- Wakes one worker if there is something to claim: not while the task is paused, which counts thrice.
local function rearm(base)
  local paused = base .. ':paused'
  local found = redis.call('EXISTS', base .. ':wait', base .. ':prioritized', paused, paused, paused)
  if found == 1 or found == 2 then wake(base) end
end

-- A higher priority first, then the older one; exact to the millisecond up to priority 900.
local function priority_score(priority, ts)
  local score = (tonumber(ts) or 0) - priority * 1e13
  return score == score and score or 0 -- anybody may have written these numbers
end

-- Raises unless a job of this priority can be queued.
local function must_queue(base, priority)
  if (tonumber(priority) or 0) > 0 then
    must_be('zset', base .. ':prioritized')
  else
    must_be('list', base .. ':wait')
  end
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
