--- @include "attempt"
--- @include "clock"
--- @include "emit"
--- @include "workflow"
local function count_metric(base, state, now, by)
  local key = base .. ':metrics:' .. state .. ':' .. as_text(now - now % 60000)
  if attempt('INCRBY', key, as_text(by)) == by then redis.call('EXPIRE', key, 86400) end
end

-- A job deletes only the deduplication key that it still holds.
local function release_dedup(key, id)
  if key and key ~= '' and attempt('GET', key) == id then
    --- @include "used_keys"
    redis.call('DEL', key)
    local base, name = string.match(key, '^(.-}):dedup:(.+)$')
    if base then unlist(base, 'dedup', name) end
  end
end

-- Retention cannot find what is missing in its set: it goes by itself, after a week.
local function go_unlisted(base, id)
  redis.call('PEXPIRE', base .. ':' .. id, 604800000)
  redis.call('PEXPIRE', base .. ':' .. id .. ':logs', 604800000)
end

-- Ends a job that did not complete: state, set, event, metric, and its workflow. The caller took it out of its queue.
-- owed collects the workflows for which continue_workflow must run.
local function conclude(base, root, id, now, state, message, error_type, owed)
  local job = base .. ':' .. id
  local f = redis.call('HMGET', job, '_wf', '_wfNode', 'dedupKey', 'attempt')
  redis.call('HSET', job, 'state', state, 'finishedOn', now)
  if not attempt('ZADD', base .. ':' .. state, now, id) then go_unlisted(base, id) end
  release_dedup(f[3], id)
  if state ~= 'expired' then count_metric(base, state, now, 1) end
  if state == 'failed' then
    redis.call('HSET', job, 'error', message)
    if error_type ~= '' then redis.call('HSET', job, 'errorType', error_type) end
    emit(base, 'failed', id, 'attempt', f[4] or 1, 'error', message)
  elseif state == 'cancelled' then
    if message ~= '' then redis.call('HSET', job, 'cancelReason', message) end
    emit(base, 'cancelled', id, 'reason', message)
  else
    emit(base, state, id)
  end
  if f[1] and f[1] ~= '' then
    local workflow_state = state == 'cancelled' and 'cancelled' or 'failed'
    local node = { f[2], string.match(base, '{([^{}]*)}$'), id, error_type }
    if workflows().stop(root, f[1], node, workflow_state, message, now) then owed[#owed + 1] = f[1] end
  end
end

-- Ends a job whose time to live is over; discarding deletes it. Many do so at once: the caller counts them together.
local function expire(base, root, id, now, discard, owed)
  conclude(base, root, id, now, 'expired', 'the job expired before a worker took it', 'ExpiredError', owed)
  if discard then
    --- @include "forget_job"
    attempt('ZREM', base .. ':expired', id)
    forget_job(base, id)
  end
end
