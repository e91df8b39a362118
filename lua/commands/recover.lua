-- Gives the jobs of a dead worker back to the front of their queue. The fence comes first: bytes that the dead process
-- had already sent would otherwise claim after this.
-- KEYS: base
-- ARGV: root, worker, cause, 1 to charge a crash, limit of crashes, ms after which a run is overdue (0: never), the
--       number of the last claim of which a job began for each connection ("a17 b3"), then the last eight characters of
--       the ids of jobs that had its interpreter when it ended
-- Returns: number of jobs taken from the worker, workflows to continue, and what was refused because of damaged keys,
--          as text
-- Events: stalled, cancelled, failed
--- @include "clock"
--- @include "release"
--- @include "past"
local base, root, worker, cause = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local charged, limit, overdue = ARGV[4] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])
local fence = base .. ':fence:' .. worker
if not attempt('HSET', fence, 'halt', 'dead') then
  redis.call('DEL', fence)
  redis.call('HSET', fence, 'halt', 'dead')
end
redis.call('PEXPIRE', fence, 3600000)

-- By place, from 1.
local suspects = {}
for at = 8, #ARGV do suspects[ARGV[at]] = at - 7 end

local now, owed, count, prefix, freed = now_ms(), {}, 0, worker .. '.', {}

local answered = {}
for connection, number in string.gmatch(ARGV[7], '(%a)(%d+)') do answered[connection] = tonumber(number) end
-- A claim that was parked here may have been served after the death, or its reply read just before: nothing of it ran.
local function may_have_run(lock)
  local connection, number = string.match(lock, '^(%a)%d+%.(%d+)$', #prefix + 1)
  local last = connection and answered[connection]
  return not last or tonumber(number) <= last
end

-- A job that only waited while others had the interpreter did not kill the process, or so seldom that it may be beside
-- so many deaths. Without that limit, one that kills from a thread of its own making would go on for ever.
local function was_beside(job, place)
  if place or not next(suspects) then return false end
  return (attempt('HINCRBY', job, 'beside', 1) or 1) <= 5 * (limit + 1)
end

-- Jobs that saw two deaths together come back one by one, each a second after the last: so they part. Returns when, nil
-- for at once.
local function bring_back(id, place, crashes)
  local at = now + (place - 1) * 1000
  if crashes == 1 or place == 1 or not attempt('ZADD', base .. ':delayed', at, id) then
    give_back(base, id, 'stalled', 'count', crashes, 'action', 'recovered', 'cause', cause)
    return nil
  end
  redis.call('HSET', base .. ':' .. id, 'state', 'retrying')
  wake_at(base, at)
  emit(base, 'stalled', id, 'count', crashes, 'action', 'recovered', 'cause', cause)
  return at
end

-- Gives a job of the dead worker back, or ends it.
local function take(id, lock)
  local job, place = base .. ':' .. id, suspects[string.sub(id, -8)]
  local f = redis.call('HMGET', job, 'processedOn', 'cancelledAt', 'cancelReason', 'concurrencyKey', 'priority',
    'attempt')
  if not f[2] then must_queue(base, f[5]) end
  release(base, id, f[1], f[4], freed)
  count = count + 1
  local function remember(why, next_step, due, reason_given)
    local entry = { why = why, next = next_step, due = due, cause = cause, error = reason_given }
    keep_attempt(job, now, lock, f[6], f[1], entry)
  end
  if f[2] then
    remember('cancel', 'cancelled', nil, f[3] and f[3] ~= '' and f[3] or nil)
    conclude(base, root, id, now, 'cancelled', f[3] or '', '', owed)
  elseif cause == 'hung' and place and overdue > 0
    and now - (tonumber(f[1]) or now) >= overdue then
    redis.call('HSET', job, 'cause', 'timeout')
    remember('timeout', 'queued')
    give_back(base, id, 'waiting')
  elseif not may_have_run(lock) then
    give_back(base, id, 'waiting')
  elseif not charged or was_beside(job, place) then
    remember('lost', 'queued')
    give_back(base, id, 'waiting')
  else
    local crashes = attempt('HINCRBY', job, 'crashes', 1) or 1
    redis.call('HSET', job, 'crashCause', cause)
    if crashes > limit then
      local message = 'the worker process died ' .. crashes .. ' times while it ran this job; last cause: ' .. cause
      emit(base, 'stalled', id, 'count', crashes, 'action', 'failed', 'cause', cause)
      remember('crash', 'failed')
      conclude(base, root, id, now, 'failed', message, 'StalledError', owed)
    else
      local due = bring_back(id, place or 1, crashes)
      remember('crash', due and 'retry' or 'queued', due)
    end
  end
end

local told = {}
-- From the newest to the oldest: the oldest is pushed last and runs first.
for _, id in ipairs(attempt('LRANGE', base .. ':active', 0, -1) or {}) do
  local lock = attempt('GET', base .. ':' .. id .. ':lock')
  if lock and string.sub(lock, 1, #prefix) == prefix then
    local ran, why = pcall(take, id, lock)
    if not ran then told[#told + 1] = 'job ' .. id .. ' stays until its lock runs out: ' .. reason(why) end
  end
end
finish_release(freed)
if count > 0 then rearm(base) end -- others of a singleton task sleep until its one job has ended
tell_damage(told)
return { count, owed, told }
