--- @include "conclude"
--- @include "queue"
local function next_due(base, now)
  local head = attempt('ZRANGE', base .. ':delayed', '0', '0', 'WITHSCORES')
  return head and head[1] and math.max(0, tonumber(head[2]) - now) or -1
end

-- Moves up to 100 due jobs to their queue, the earliest first; returns ms until the next is due, -1 for none.
local function promote(base, root, now, discard, owed)
  local wait = next_due(base, now)
  if wait ~= 0 then return wait end
  -- They must have somewhere to go to, before they are taken out.
  if not attempt('LLEN', base .. ':wait') or not attempt('ZCARD', base .. ':prioritized') then return -1 end
  local due = redis.call('ZRANGE', base .. ':delayed', '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)
  redis.call('ZREM', base .. ':delayed', unpack(due))
  local expired = 0
  for _, id in ipairs(due) do
    -- A key of another kind in the job's place must not cost those that follow: they are out of the set already.
    local f = redis.pcall('HMGET', base .. ':' .. id, 'expireAt', 'priority', 'ts')
    local expires = tonumber(f[1]) or 0
    if f[3] and expires > 0 and now >= expires then
      expire(base, root, id, now, discard, owed)
      expired = expired + 1
    elseif f[3] then
      redis.call('HSET', base .. ':' .. id, 'state', 'waiting')
      to_waiting(base, id, f[2], f[3], false)
      emit(base, 'promoted', id)
    end
  end
  if expired > 0 then count_metric(base, 'expired', now, expired) end
  wake(base)
  return next_due(base, now)
end
