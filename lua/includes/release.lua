--- @include "conclude"
--- @include "queue"
--- @include "remove_near"
local function let_go(base, id, key, removed)
  --- @include "limits"
  drop_key(base, id, key, removed)
end

local function give_keys_on(base, keys)
  --- @include "limits"
  for _, key in ipairs(keys) do pcall(bring, base, key) end
end

-- Takes a job out of its owner's hands. Everything that ends or moves an active job goes through here, and at its end
-- through finish_release: no sweep may find an id that is no longer active, and its key is let go once.
-- freed: begins empty; holds by base what is released: ids, locks, keys, and how many stay active
local function release(base, id, processed, key, freed)
  local active, of, removed = base .. ':active', freed[base], 0
  if not of then
    of = { left = attempt('LLEN', active), ids = {}, locks = {} }
    freed[base] = of
  end
  if of.left then
    removed = remove_near(active, base, id, 'processedOn', processed, of.left)
    of.left = of.left - removed
  end
  if key and key ~= '' then
    -- A damaged key is the sweep's to mend, and must not cost the job its end.
    pcall(let_go, base, id, key, removed > 0)
    of.keys = of.keys or {}
    of.keys[#of.keys + 1] = key
  end
  local at = #of.ids + 1
  of.ids[at], of.locks[at] = id, base .. ':' .. id .. ':lock'
  return removed
end

-- Deletes the locks of what was released, and gives the keys on. A lock that is deleted one by one costs as much as all
-- of them in one command.
local function finish_release(freed)
  for base, of in pairs(freed) do
    for first = 1, #of.ids, 1000 do
      local last = math.min(first + 999, #of.ids)
      redis.call('DEL', unpack(of.locks, first, last))
      -- A set of another kind is the sweep's to tell of.
      redis.pcall('SREM', base .. ':stalled', unpack(of.ids, first, last))
    end
    -- At the end, so that the jobs stay in order, and one that went back to the front keeps its key. A damaged key is
    -- the sweep's.
    if of.keys then give_keys_on(base, of.keys) end
  end
end

-- Puts a released job back to the front: it waited longest. It has the turn that it held its key by.
local function give_back(base, id, event, ...)
  local job = base .. ':' .. id
  local f = redis.call('HMGET', job, 'priority', 'ts', 'concurrencyKey', 'concurrencyLimit')
  if f[3] and f[3] ~= '' and (tonumber(f[4]) or 0) > 0 then redis.pcall('SADD', base .. ':ready:' .. f[3], id) end
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
