--- @include "buffer"
--- @include "store_job"
--- @include "used_keys"
-- The state of the job that stands for a buffer, while its claim is still to come: delayed or waiting, else nil.
local function batch_state(base, key, id)
  if not id then return nil end
  local f = redis.call('HMGET', base .. ':' .. id, 'state', 'collectKey', '_v')
  if f[2] ~= key then return nil end
  if f[1] == 'waiting' or (f[1] == 'delayed' and redis.call('ZSCORE', base .. ':delayed', id)) then
    return f[1], tonumber(f[3]) or 1
  end
  return nil
end

-- Finds the job that will take a buffer: the shared key may have run out, and others may have put one in its place.
local function find_batch(base, key, ours)
  local id = redis.call('GET', base .. ':collect:' .. key .. ':job')
  local state, version = batch_state(base, key, id)
  if not state and ours then
    id = ours
    state, version = batch_state(base, key, id)
  end
  if state then return id, state, version end
  return nil
end

-- A full buffer goes at once: its job is queued, or, if it is queued already, filled where it stands.
local function flush_buffer(base, key, id, state, now, version, max_attempts)
  if not state then
    store_job(base, id, now, version, max_attempts, take_buffer(base, key, id), 0, 0, 0)
    return
  end
  fill_batch(base, key, id)
  if state == 'delayed' then
    redis.call('ZREM', base .. ':delayed', id)
    redis.call('HSET', base .. ':' .. id, 'state', 'waiting', 'priority', 0)
    to_waiting(base, id, 0, now, false)
    emit(base, 'waiting', id)
  end
end

-- Tells whether a buffer cannot take an item more: a batch is of one version, and has no more bytes than it may. What
-- others buffered is not in the count of bytes.
local function has_no_room(at, stored, version, size, max_bytes)
  if stored ~= tonumber(version) then return true end
  return max_bytes > 0 and (tonumber(redis.call('HGET', at .. ':meta', 'bytes')) or 0) + size + 1 > max_bytes
end

-- Finds or begins the buffer that an item goes to: id of its batch, the batch's state, nil for a new one, and whether
-- another was queued. What has no room for the item goes at once.
local function open_buffer(base, fresh, now, version, max_attempts, key, size, max_bytes)
  local at = base .. ':collect:' .. key
  local ours = redis.call('GET', at .. ':batch')
  if redis.call('LLEN', at .. ':items') == 0 then -- which refuses to go on if it is damaged, as those below do
    -- What others took left these behind.
    redis.call('DEL', at .. ':meta', at .. ':batch')
    ours = nil
  end
  local id, state, stored = find_batch(base, key, ours)
  local flushed = state and redis.call('EXISTS', at .. ':items') == 1
    and has_no_room(at, stored, version, size, max_bytes)
  if flushed then
    flush_buffer(base, key, id, state, now, version, max_attempts)
    id, state, ours = nil, nil, nil
  end
  id = id or fresh
  if ours ~= id then
    if ours then lead_on(base, ours, id, 3600000) end
    redis.call('SET', at .. ':batch', id)
  end
  return id, state, flushed
end

-- Buffers an item; returns the id of the job that takes it, and whether one was queued. A job that was promoted and
-- waits for its claim is never replaced: it takes what comes until then.
local function collect(base, fresh, now, version, max_attempts, data, key, delay, max_size, max_wait, max_bytes)
  local at, size = base .. ':collect:' .. key, #data + 1 -- with a comma or bracket
  local id, state, flushed = open_buffer(base, fresh, now, version, max_attempts, key, size, max_bytes)
  local count = redis.call('HINCRBY', at .. ':meta', 'count', 1)
  if count == 1 then list_held(base, 'collect', key, now) end
  redis.call('HINCRBY', at .. ':meta', 'bytes', size)
  redis.call('RPUSH', at .. ':items', data)
  redis.call('HSET', at .. ':meta', 'lastAt', now)
  redis.call('HSETNX', at .. ':meta', 'firstAt', now)
  if max_size > 0 and count >= max_size then
    flush_buffer(base, key, id, state, now, version, max_attempts)
    return id, true
  end
  if state ~= 'waiting' then
    local due = now + delay
    if max_wait > 0 then due = math.min(due, tonumber(redis.call('HGET', at .. ':meta', 'firstAt')) + max_wait) end
    if not state then
      redis.call('HSET', base .. ':' .. id, 'ts', now, '_v', version, 'attempt', 1, 'maxAttempts', max_attempts,
        'state', 'delayed', 'collectKey', key, 'data', '[]')
    end
    redis.call('ZADD', base .. ':delayed', due, id)
    wake_at(base, due)
  end
  redis.call('SET', at .. ':job', id, 'PX', 2 * math.max(delay, max_wait))
  -- Workers of other implementations take a buffer without this.
  redis.call('PEXPIRE', at .. ':batch', string.format('%d', 604800000 + 2 * math.max(delay, max_wait)))
  emit(base, 'collect', id, 'count', count, 'key', key)
  return id, flushed
end
