--- @include "lead_on"
--- @include "store_job"
--- @include "used_keys"
-- Stores a delayed job in the place of the last one of its key, if no worker has begun with that one.
local function debounce(base, id, now, version, max_attempts, data, priority, ttl, key, delay)
  local holder = base .. ':debounce:' .. key
  local old = redis.call('GET', holder)
  -- A job that is to be retried stands in the same set, but its turn has come: it is left alone.
  local f = old and redis.call('HMGET', base .. ':' .. old, 'state', 'ix')
  if f and f[1] == 'delayed' and redis.call('ZREM', base .. ':delayed', old) == 1 then
    if f[2] then
      --- @include "index"
      unindex_job(base, old, f[2])
    end
    redis.call('UNLINK', base .. ':' .. old, base .. ':' .. old .. ':lock', base .. ':' .. old .. ':logs')
    lead_on(base, old, id, 2 * delay)
    emit(base, 'debounced', old, 'replacedBy', id)
  end
  store_job(base, id, now, version, max_attempts, data, delay, priority, ttl)
  redis.call('SET', holder, id, 'PX', 2 * delay)
  list_timed(base, 'debounce', key, now, 2 * delay)
end
