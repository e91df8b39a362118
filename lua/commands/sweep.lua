-- Takes jobs from workers that vanished with their host: what an earlier sweep marked as active and has no lock now.
-- Compares what is counted of concurrency keys with the jobs that hold them, and forgets keys of rules that are free.
-- KEYS: base
-- ARGV: root, limit of stalls, grace ms: younger marks stay as they are, since the sweep that made them may have been
--       this one, whose reply was lost, or another leader's; those that are much older are made anew
-- Returns: number of jobs taken, workflows to continue, and what was refused because of damaged keys, as text
-- Events: stalled, cancelled, failed
--- @include "clock"
--- @include "release"
--- @include "past"
--- @include "mend_limits"
--- @include "mend_rules"
local base, root, limit, grace = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now, owed, freed, count = now_ms(), {}, {}, 0
local told = {}

-- Gives a job back that its worker left, or ends it.
local function take(id)
  local job = base .. ':' .. id
  -- A key of another kind in a job's place must not keep the others from being taken.
  local f = redis.pcall('HMGET', job, 'state', 'processedOn', 'cancelledAt', 'cancelReason', 'concurrencyKey',
    'priority', 'attempt')
  if f[1] == 'active' and not f[3] then must_queue(base, f[6]) end
  if release(base, id, f[2], f[5], freed) == 0 or f[1] ~= 'active' then return end
  count = count + 1
  if f[3] then
    keep_attempt(job, now, nil, f[7], f[2], { why = 'cancel', next = 'cancelled', error = f[4] ~= '' and f[4] or nil })
    return conclude(base, root, id, now, 'cancelled', f[4] or '', '', owed)
  end
  local stalls = attempt('HINCRBY', job, 'stalledCount', 1) or 1
  keep_attempt(job, now, nil, f[7], f[2], { why = 'stall', next = stalls <= limit and 'queued' or 'failed' })
  if stalls <= limit then return give_back(base, id, 'stalled', 'count', stalls, 'action', 'recovered') end
  emit(base, 'stalled', id, 'count', stalls, 'action', 'failed')
  conclude(base, root, id, now, 'failed', 'the worker vanished ' .. stalls .. ' times while it ran this job',
    'StalledError', owed)
end

local function take_marked()
  local marked = {}
  for _, id in ipairs(attempt('SMEMBERS', base .. ':stalled') or {}) do marked[id] = true end
  -- From the newest to the oldest: the oldest is given back last and runs first. What is marked but no longer active
  -- was finished by another implementation's worker.
  for _, id in ipairs(redis.call('LRANGE', base .. ':active', 0, -1)) do
    if marked[id] and redis.call('EXISTS', base .. ':' .. id .. ':lock') == 0 then
      local ran, why = pcall(take, id)
      if not ran then told[#told + 1] = 'job ' .. id .. ' cannot be taken from its worker: ' .. reason(why) end
    end
  end
  finish_release(freed)
  if count > 0 then rearm(base) end -- others of a singleton task sleep until its one job has ended
end

local function mark(active)
  redis.call('DEL', base .. ':stalled', base .. ':swept')
  for first = 1, #active, 1000 do
    redis.call('SADD', base .. ':stalled', unpack(active, first, math.min(first + 999, #active)))
  end
  if #active > 0 then redis.call('SET', base .. ':swept', now) end
end

local swept = tonumber(redis.pcall('GET', base .. ':swept'))
-- A server that took over from another may be behind it.
local young = swept and swept <= now and now - swept < grace
-- Long after the last sweep: the clock may have been set forward, by which all locks ran out at once. The workers that
-- live renew theirs before the next sweep.
local stale = swept and grace > 0 and now - swept > 10 * grace + 60000
if swept and swept <= now and not young and not stale then take_marked() end
local active = redis.call('LRANGE', base .. ':active', 0, -1)
if not young then mark(active) end
mend_limits(base, active, now)
mend_rules(base, now)
tell_damage(told)
return { count, owed, told }
