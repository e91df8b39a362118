--- @include "conclude"
--- @include "limits"
--- @include "remove_near"
-- Takes a job out of its owner's hands. Everything that ends or moves an active job goes through here, and at its end
-- through finish_release: no sweep may find an id that is no longer active, and its key is let go once.
-- freed: begins empty; holds what is released, three values a job, and by base how many stay active
local function release(base, id, processed, key, freed)
  local active = base .. ':active'
  local length, removed = freed[base] or attempt('LLEN', active), 0
  if length then
    removed = remove_near(active, base, id, 'processedOn', processed, length)
    freed[base] = length - removed
  end
  local at = #freed
  if key and key ~= '' then
    -- A damaged key is the sweep's to mend, and must not cost the job its end.
    pcall(drop_key, base, id, key, removed > 0)
  else
    key = false
  end
  freed[at + 1], freed[at + 2], freed[at + 3] = base, id, key
  return removed
end

-- Deletes the locks of what was released, and gives the keys on. A lock that is deleted one by one costs as much as all
-- of them in one command.
local function finish_release(freed)
  local at = 1
  while at <= #freed do
    local base, locks, ids = freed[at], {}, {}
    while freed[at] == base and #ids < 1000 do
      local id = freed[at + 1]
      ids[#ids + 1], locks[#locks + 1] = id, base .. ':' .. id .. ':lock'
      at = at + 3
    end
    redis.call('DEL', unpack(locks))
    redis.pcall('SREM', base .. ':stalled', unpack(ids)) -- one of another kind is the sweep's to tell of
  end
  for n = 1, #freed, 3 do
    -- At the end, so that the jobs stay in order, and one that went back to the front keeps its key. A key that is
    -- damaged is the sweep's.
    if freed[n + 2] then pcall(bring, freed[n], freed[n + 2]) end
  end
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
local function owns(lock, token, processed, state, stored_processed)
  return lock == token or (not lock and state == 'active' and stored_processed == processed)
end
