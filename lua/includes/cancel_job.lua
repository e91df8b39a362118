--- @include "buffer"
--- @include "conclude"
--- @include "limits"
--- @include "remove_near"
-- Cancels a queued job (1) or flags a running one for its worker (2); 0 when it has ended or does not exist.
local function cancel_job(base, root, id, reason, now, owed)
  local job = base .. ':' .. id
  local f = redis.call('HMGET', job, 'state', 'concurrencyKey', 'ts')
  local state, key = f[1], f[2]
  if state == 'active' then
    redis.call('HSET', job, 'cancelledAt', now)
    if reason ~= '' then redis.call('HSET', job, 'cancelReason', reason) end
    redis.call('PUBLISH', base .. ':cancel', id)
    return 2
  end
  if state == 'waiting' then
    local blocked = key and key ~= '' and leave_blocked(base, id, key)
    if not blocked and redis.call('ZREM', base .. ':prioritized', id) == 0 then
      remove_near(base .. ':wait', base, id, 'ts', f[3], redis.call('LLEN', base .. ':wait'))
    end
  elseif state == 'delayed' or state == 'retrying' then
    redis.call('ZREM', base .. ':delayed', id)
  else
    return 0
  end
  -- A batch is cancelled with its items: they can still be read in it.
  local buffered = redis.call('HGET', job, 'collectKey')
  if buffered then fill_batch(base, buffered, id) end
  conclude(base, root, id, now, 'cancelled', reason, '', owed)
  if key and key ~= '' then pcall(give_up_turn, base, id, key) end -- a damaged key is the sweep's to mend
  return 1
end
