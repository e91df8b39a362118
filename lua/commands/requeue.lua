-- Queues ended jobs anew, as if they were just dispatched: the named ones, failed or cancelled, or the oldest failed.
-- KEYS: base
-- ARGV: producer, number, limit, ms up to which they failed (0: now), then ids (none: the oldest failed)
-- Returns: a text "COUNT,MORE,UNTIL": how many were queued, 1 if there may be more, and the time that was taken for 0
-- Events: waiting
--- @include "clock"
--- @include "emit"
--- @include "queue"
--- @include "sent"
--- @include "used_keys"
local base, limit, till, now = KEYS[1], tonumber(ARGV[3]), tonumber(ARGV[4]), now_ms()
local repeated = reply_sent(base, ARGV[1], ARGV[2])
if repeated then return repeated end
if till == 0 then till = now end

-- What speaks of the past goes: an old stall, crash, deadline or cancel must not end the new life. Its workflow has
-- ended without it, and is not told of it again.
local function requeue(id)
  local job = base .. ':' .. id
  local f = redis.pcall('HMGET', job, 'state', 'priority', 'dedupKey')
  local state = f[1]
  must_queue(base, f[2])
  if (state ~= 'failed' and state ~= 'cancelled') or redis.call('ZREM', base .. ':' .. state, id) == 0 then
    return false
  end
  redis.call('HDEL', job, 'error', 'errorType', 'trace', 'processedOn', 'finishedOn', 'result', 'cause', 'crashes',
    'crashCause', 'beside', 'stalledCount', 'cancelledAt', 'cancelReason', 'expireAt', 'delay', 'collectKey', '_wf',
    '_wfNode')
  redis.call('HSET', job, 'state', 'waiting', 'attempt', 1, 'ts', now)
  -- As long as nobody has taken it meanwhile.
  if f[3] and f[3] ~= '' and redis.call('SET', f[3], id, 'NX') then
    local name = string.match(f[3], '}:dedup:(.+)$')
    if name then list_held(base, 'dedup', name, now) end
  end
  to_waiting(base, id, f[2], now, false)
  emit(base, 'waiting', id)
  return true
end

local ids, named = {}, #ARGV > 4
if named then
  for at = 5, #ARGV do ids[#ids + 1] = ARGV[at] end
else
  ids = redis.call('ZRANGE', base .. ':failed', '-inf', till, 'BYSCORE', 'LIMIT', 0, limit)
end
local count = 0
for _, id in ipairs(ids) do
  if requeue(id) then
    count = count + 1
  elseif not named then
    redis.call('ZREM', base .. ':failed', id) -- a name without a failed job behind it would stand in the way
  end
end
if count > 0 then wake(base) end

local more = not named and #ids == limit and 1 or 0
local reply = string.format('%d,%d,%d', count, more, till)
remember_sent(base, ARGV[1], ARGV[2], reply)
return reply
