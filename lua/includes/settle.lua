--- @include "release"
local function add_completed(totals, base, id)
  local ids = totals[base]
  if not ids then
    ids = {}
    totals[base] = ids
  end
  ids[#ids + 1] = id
end

-- Completed jobs of one call share their set, their metric and their time.
local function write_completed(totals, now, stamp)
  for base, ids in pairs(totals) do
    count_metric(base, 'completed', now, #ids)
    for first = 1, #ids, 500 do
      local members = {}
      for at = first, math.min(first + 499, #ids) do
        members[#members + 1] = stamp
        members[#members + 1] = ids[at]
      end
      if not attempt('ZADD', base .. ':completed', unpack(members)) then
        for at = 2, #members, 2 do go_unlisted(base, members[at]) end
      end
    end
  end
end

local function settle_retry(base, id, now, message, meta)
  local job = base .. ':' .. id
  local number = attempt('HINCRBY', job, 'attempt', 1)
  if not number then
    number = 2 -- what stood there was no number
    redis.call('HSET', job, 'attempt', number)
  end
  local at = now + meta.delay
  redis.call('HSET', job, 'state', 'retrying', 'error', message, 'errorType', meta.type, 'trace', meta.trace)
  redis.call('ZADD', base .. ':delayed', at, id)
  wake_at(base, at)
  emit(base, 'retrying', id, 'attempt', number, 'nextAttemptAt', at, 'error', message)
end

local function settle_defer(base, id, now, meta)
  redis.call('HSET', base .. ':' .. id, 'state', 'delayed')
  redis.call('ZADD', base .. ':delayed', now + meta.delay, id)
  wake_at(base, now + meta.delay)
  emit(base, 'delayed', id)
end

-- Writes the outcome of one run; false when the job is no longer its worker's. A flagged job ends as cancelled
-- whatever its outcome.
-- call: what all outcomes of one call share: root, now, stamp (now as text), locks, totals, freed, owed
local function settle(call, base, id, token, processed, verb, payload, meta)
  local job, root, now, owed = base .. ':' .. id, call.root, call.now, call.owed
  local f = redis.call('HMGET', job, 'state', 'processedOn', 'cancelledAt', '_wf', '_wfNode', 'dedupKey',
    'concurrencyKey', 'attempt')
  if not owns(call.locks[job], token, processed, f[1], f[2]) then return false end
  if verb == 'return' then
    must_queue(base, redis.call('HGET', job, 'priority'))
  elseif verb == 'retry' or verb == 'defer' then
    must_be('zset', base .. ':delayed')
  end
  call.locks[job] = false
  release(base, id, processed, f[7], call.freed)
  if verb == 'cancel' or f[3] then
    conclude(base, root, id, now, 'cancelled', redis.call('HGET', job, 'cancelReason') or '', '', owed)
  elseif verb == 'complete' then
    redis.call('HSET', job, 'state', 'completed', 'finishedOn', call.stamp, 'result', payload)
    emit(base, 'completed', id, 'attempt', f[8] or '1', 'duration', now - (tonumber(f[2]) or now))
    add_completed(call.totals, base, id)
    release_dedup(f[6], id)
    if f[4] and f[4] ~= '' and workflows().advance(root, f[4], f[5], payload, now) then owed[#owed + 1] = f[4] end
  elseif verb == 'return' then
    give_back(base, id, 'waiting')
  elseif verb == 'defer' then
    settle_defer(base, id, now, cjson.decode(meta))
  else
    meta = cjson.decode(meta)
    redis.call('HDEL', job, 'cause') -- the reason for this outcome is none for the next
    if verb == 'retry' then
      settle_retry(base, id, now, payload, meta)
    else
      redis.call('HSET', job, 'trace', meta.trace)
      conclude(base, root, id, now, 'failed', payload, meta.type, owed)
    end
  end
  return true
end
