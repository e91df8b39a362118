--- @include "release"
-- Completed jobs of one call share their set, their metric and their time.
local function write_completed(completed, now)
  for base, members in pairs(completed) do
    count_metric(base, 'completed', now, #members / 2)
    for first = 1, #members, 1000 do
      local last = math.min(first + 999, #members)
      if not attempt('ZADD', base .. ':completed', unpack(members, first, last)) then
        for at = first + 1, last, 2 do go_unlisted(base, members[at]) end
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

-- Only what did not succeed pays for being remembered.
local function remember(job, now, token, f, entry, overdue)
  --- @include "past"
  keep_attempt(job, now, token, f[8], f[2], entry, overdue)
end

local function settle_defer(base, id, now, meta)
  redis.call('HSET', base .. ':' .. id, 'state', 'delayed')
  redis.call('ZADD', base .. ':delayed', now + meta.delay, id)
  wake_at(base, now + meta.delay)
  emit(base, 'delayed', id)
end

-- Writes the outcome of one run; false when the job is no longer its worker's. A flagged job ends as cancelled
-- whatever its outcome.
-- call: what all outcomes of one call share: root, now, stamp (now as text), freed, owed, the jobs that had theirs, and
--       by base the times and ids of those that completed
local function settle(call, base, id, lock, token, processed, verb, payload, meta)
  local job, root, now, owed = base .. ':' .. id, call.root, call.now, call.owed
  local f = redis.call('HMGET', job, 'state', 'processedOn', 'cancelledAt', '_wf', '_wfNode', 'dedupKey',
    'concurrencyKey', 'attempt')
  if call.had[job] or not owns(lock, token, processed, f[1], f[2]) then return false end
  if verb == 'return' then
    must_queue(base, redis.call('HGET', job, 'priority'))
  elseif verb == 'retry' or verb == 'defer' then
    must_be('zset', base .. ':delayed')
  end
  call.had[job] = true
  release(base, id, processed, f[7], call.freed)
  if verb == 'cancel' or f[3] then
    local why = redis.call('HGET', job, 'cancelReason') or ''
    remember(job, now, token, f, { why = 'cancel', next = 'cancelled', error = why ~= '' and why or nil })
    conclude(base, root, id, now, 'cancelled', why, '', owed)
  elseif verb == 'complete' then
    redis.call('HSET', job, 'state', 'completed', 'finishedOn', call.stamp, 'result', payload)
    emit(base, 'completed', id, 'attempt', f[8] or '1', 'duration', as_text(now - (tonumber(f[2]) or now)))
    local members = call.completed[base] or {}
    call.completed[base] = members
    members[#members + 1] = call.stamp
    members[#members + 1] = id
    if f[6] then release_dedup(f[6], id) end
    if f[4] and f[4] ~= '' and workflows().advance(root, f[4], f[5], payload, now) then owed[#owed + 1] = f[4] end
  elseif verb == 'return' then
    give_back(base, id, 'waiting')
  elseif verb == 'defer' then
    settle_defer(base, id, now, cjson.decode(meta))
  else
    meta = cjson.decode(meta)
    local overdue = redis.call('HDEL', job, 'cause') == 1 -- the reason for this outcome is none for the next
    local retried = verb == 'retry'
    remember(job, now, token, f, {
      why = meta.type == 'TimeoutError' and 'timeout' or 'error', type = meta.type, error = payload,
      next = retried and 'retry' or 'failed', due = retried and now + meta.delay or nil,
    }, overdue)
    if retried then
      settle_retry(base, id, now, payload, meta)
    else
      redis.call('HSET', job, 'trace', meta.trace)
      conclude(base, root, id, now, 'failed', payload, meta.type, owed)
    end
  end
  return true
end
