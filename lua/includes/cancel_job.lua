--- @include "conclude"
-- Cancels a queued job (1) or flags a running one for its worker (2); 0 when it has ended or does not exist.
local function cancel_job(base, root, id, reason, now, owed)
  local job = base .. ':' .. id
  local state = redis.call('HGET', job, 'state')
  if state == 'active' then
    redis.call('HSET', job, 'cancelledAt', now)
    if reason ~= '' then redis.call('HSET', job, 'cancelReason', reason) end
    redis.call('PUBLISH', base .. ':cancel', id)
    return 2
  end
  if state == 'waiting' then
    if redis.call('ZREM', base .. ':prioritized', id) == 0 then redis.call('LREM', base .. ':wait', 1, id) end
  elseif state == 'delayed' or state == 'retrying' then
    redis.call('ZREM', base .. ':delayed', id)
  else
    return 0
  end
  conclude(base, root, id, now, 'cancelled', reason, '', owed)
  return 1
end
