-- Takes jobs from workers that vanished with their host: what was active at the last sweep and has no lock now.
-- Compares what is counted of concurrency keys with the jobs that hold them.
-- KEYS: base   ARGV: root, limit of stalls   Returns: number of jobs taken, workflows to continue
-- Events: stalled, cancelled, failed
--- @include "clock"
--- @include "release"
--- @include "mend_limits"
local base, root, limit = KEYS[1], ARGV[1], tonumber(ARGV[2])
local now, owed, freed, count = now_ms(), {}, {}, 0
local marked = {}
for _, id in ipairs(redis.call('SMEMBERS', base .. ':stalled')) do marked[id] = true end
-- From the newest to the oldest: the oldest is given back last and runs first. What is marked but no longer active was
-- finished by another implementation's worker.
for _, id in ipairs(redis.call('LRANGE', base .. ':active', 0, -1)) do
  local job = base .. ':' .. id
  if marked[id] and redis.call('EXISTS', job .. ':lock') == 0 then
    local f = redis.call('HMGET', job, 'state', 'processedOn', 'cancelledAt', 'cancelReason', 'concurrencyKey')
    if release(base, id, f[2], f[5], freed) > 0 and f[1] == 'active' then
      count = count + 1
      if f[3] then
        conclude(base, root, id, now, 'cancelled', f[4] or '', '', owed)
      else
        local stalls = redis.call('HINCRBY', job, 'stalledCount', 1)
        if stalls > limit then
          emit(base, 'stalled', id, 'count', stalls, 'action', 'failed')
          conclude(base, root, id, now, 'failed', 'the worker vanished ' .. stalls .. ' times while it ran this job',
            'StalledError', owed)
        else
          give_back(base, id, 'stalled', 'count', stalls, 'action', 'recovered')
        end
      end
    end
  end
end
finish_release(freed)
if count > 0 then rearm(base) end -- others of a singleton task sleep until its one job has ended
redis.call('DEL', base .. ':stalled')
local active = redis.call('LRANGE', base .. ':active', 0, -1)
for first = 1, #active, 1000 do
  redis.call('SADD', base .. ':stalled', unpack(active, first, math.min(first + 999, #active)))
end
mend_limits(base, active, now)
return { count, owed }
