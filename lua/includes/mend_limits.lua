--- @include "limits"
-- The jobs that hold keys, by key: those among the active that have a limit.
local function holders_by_key(base, active)
  local found = {}
  for _, id in ipairs(active) do
    local f = redis.pcall('HMGET', base .. ':' .. id, 'concurrencyKey', 'concurrencyLimit')
    local key = f[1]
    if key and key ~= '' and limit_of(f[2]) > 0 then
      found[key] = found[key] or {}
      found[key][#found[key] + 1] = id
    end
  end
  return found
end

local function delete_unless(key, kind)
  if redis.call('TYPE', key).ok ~= kind then redis.call('DEL', key) end
end

local function mend_key(base, key, ids)
  local counter, holders, ready = base .. ':conc:' .. key, base .. ':holders:' .. key, base .. ':ready:' .. key
  redis.call('DEL', counter, holders)
  if #ids > 0 then redis.call('SET', counter, #ids) end
  for first = 1, #ids, 1000 do
    redis.call('SADD', holders, unpack(ids, first, math.min(first + 999, #ids)))
  end
  delete_unless(ready, 'set')
  delete_unless(base .. ':blocked:' .. key, 'zset')
  for _, id in ipairs(redis.call('SMEMBERS', ready)) do
    -- A worker of another implementation took it: it knows nothing of turns.
    if redis.call('HGET', base .. ':' .. id, 'state') ~= 'waiting' then redis.call('SREM', ready, id) end
  end
  bring(base, key)
end

-- Sets what is counted of keys to what the active jobs prove, has parked jobs queued for whose keys there is room, and
-- those queued that expired while they were parked. Of very many keys each run takes some, by chance.
local function mend_limits(base, active, now)
  local limited, blocked = base .. ':limited', base .. ':blocked'
  if redis.call('EXISTS', limited, blocked) == 0 then return end
  local found = holders_by_key(base, active)
  for _, key in ipairs(redis.call('HRANDFIELD', limited, 1000)) do pcall(mend_key, base, key, found[key] or {}) end
  for _, id in ipairs(redis.call('ZRANGE', blocked, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000)) do
    local f = redis.call('HMGET', base .. ':' .. id, 'concurrencyKey', 'priority', 'ts')
    if leave_blocked(base, id, f[1] or '') then
      to_waiting(base, id, f[2], f[3], true)
      wake(base)
    end
  end
end
