--- @include "conclude"
--- @include "limits"
--- @include "remove_near"
-- Takes a job out of its owner's hands. Everything that ends or moves an active job goes through here, so that no
-- sweep finds an id that is no longer active, and its key is let go once. What freed collects is given on by
-- bring_freed.
local function release(base, id, processed, key, freed)
  redis.call('DEL', base .. ':' .. id .. ':lock')
  redis.call('SREM', base .. ':stalled', id)
  local removed = remove_near(base .. ':active', base, id, 'processedOn', processed)
  if key and key ~= '' then
    -- A damaged key is the sweep's to mend, and must not cost the job its end.
    pcall(drop_key, base, id, key, removed > 0)
    freed[#freed + 1] = { base, key }
  end
  return removed
end

-- Puts a released job back to the front: it waited longest. It has the turn that it held its key by.
local function give_back(base, id, event, ...)
  local job = base .. ':' .. id
  local f = redis.call('HMGET', job, 'priority', 'ts', 'concurrencyKey', 'concurrencyLimit')
  if f[3] and f[3] ~= '' and limit_of(f[4]) > 0 then redis.pcall('SADD', base .. ':ready:' .. f[3], id) end
  redis.call('HSET', job, 'state', 'waiting')
  to_waiting(base, id, f[1], f[2], true)
  emit(base, event, id, ...)
  wake(base)
end

-- A job is its worker's while the lock holds the claim's token, or, after an outage in which the lock ran out, while
-- nobody else has taken it: then it is still active since the same moment.
local function owns(job, token, processed, state, stored_processed)
  local lock = redis.call('GET', job .. ':lock')
  return lock == token or (not lock and state == 'active' and stored_processed == processed)
end
