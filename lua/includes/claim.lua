--- @include "clock"
--- @include "promote"
local MOST_SKIPPED = 2000 -- expired ones cost some 20 µs each of the server's time; what is left wakes the next claim

-- Gives a batch what its buffer holds. Without anything to do it goes; another took the items.
local function claim_batch(base, root, id, key, now, owed)
  --- @include "buffer"
  local ran, data = pcall(fill_batch, base, key, id)
  if ran and data then return data end
  if ran then
    redis.call('UNLINK', base .. ':' .. id)
  else
    conclude(base, root, id, now, 'failed', 'the items of the batch cannot be read', 'AdapterError', owed)
  end
  return nil
end

-- Nothing of a paused task: one look tells of a pause, which counts twice, and of jobs with a priority.
local function pop_waiting(base, count)
  local paused, prioritized = base .. ':paused', base .. ':prioritized'
  local found = redis.call('EXISTS', prioritized, paused, paused)
  if found > 1 then return {} end
  local first = found == 1 and attempt('ZPOPMIN', prioritized, as_text(count)) or {}
  if #first == 0 then return attempt('RPOP', base .. ':wait', as_text(count)) or first end
  local ids = {}
  for at = 1, #first, 2 do ids[#ids + 1] = first[at] end
  if #ids < count then
    for _, id in ipairs(attempt('RPOP', base .. ':wait', as_text(count - #ids)) or {}) do ids[#ids + 1] = id end
  end
  return ids
end

-- Puts claimed jobs back, since the list of the active is damaged.
local function put_back(base, ids, first)
  --- @include "limits"
  for at = #ids, first, -1 do
    local job = base .. ':' .. ids[at]
    local f = redis.call('HMGET', job, 'priority', 'ts', 'concurrencyKey')
    redis.call('DEL', job .. ':lock')
    redis.call('HSET', job, 'state', 'waiting')
    to_waiting(base, ids[at], f[1], f[2], true)
    if f[3] and f[3] ~= '' then pcall(drop_key, base, ids[at], f[3], true) end
  end
end

-- Decides what a popped id is: 'run', 'ghost' (no job behind it), 'expired', or 'skip' (it needed no run, and was
-- dealt with).
local function inspect_popped(base, root, id, f, now, discard, owed)
  local state, expires, wf = f[1], tonumber(f[6]) or 0, f[8]
  if not state and not f[5] then return 'ghost' end
  if state == 'completed' or state == 'failed' or state == 'cancelled' or state == 'expired' then return 'skip' end
  if state == 'active' and redis.call('EXISTS', base .. ':' .. id .. ':lock') == 1 then return 'skip' end
  if expires > 0 and now >= expires then
    expire(base, root, id, now, discard, owed)
    return 'expired'
  end
  if wf and wf ~= '' then
    local workflow_state = attempt('HGET', workflow_key(root, wf), 'state')
    if workflow_state and workflow_state ~= 'running' then
      conclude(base, root, id, now, 'cancelled', 'workflow ' .. workflow_state, '', owed)
      return 'skip'
    end
  end
  return 'run'
end

-- Takes a key for a job that may run: 'run', or 'skip' when it waits for its turn. Another verdict stays.
local function admit_key(base, id, key, now, verdict)
  --- @include "limits"
  if verdict ~= 'run' then
    pcall(give_up_turn, base, id, key)
    return verdict
  end
  local ran, free = pcall(take_key, base, id, key)
  if ran then return free and 'run' or 'skip' end
  -- Something of another kind stands in the place of what counts the key: the sweep mends it.
  redis.call('HSET', base .. ':' .. id, 'state', 'delayed')
  attempt('ZADD', base .. ':delayed', now + 1000, id)
  return 'skip'
end

-- Claims up to count jobs of a task into out, 7 values a job: task number, id, data, version, attempt, ts, cause.
-- Attempt 0 stands for an id without a job. Returns ms until the next delayed job is due, -1 for none.
local function claim(number, base, root, now, stamp, token, ttl, count, discard, singleton, out, owed)
  local due = promote(base, root, now, discard, owed)
  if singleton then
    -- The end of the active one wakes a worker.
    if attempt('LLEN', base .. ':active') ~= 0 then return due end
    count = math.min(count, 1)
  end
  local taken, tries, before, expired = {}, 0, #out, 0
  while #taken < count and tries < MOST_SKIPPED do
    local ids = pop_waiting(base, count - #taken)
    if #ids == 0 then break end
    tries = tries + #ids
    for _, id in ipairs(ids) do
      local job = base .. ':' .. id
      -- A key of another kind in the job's place must not cost the others that were popped with it.
      local f = redis.pcall('HMGET', job, 'state', 'data', '_v', 'attempt', 'ts', 'expireAt', 'cause', '_wf',
        'collectKey', 'concurrencyKey')
      local verdict = f.err and 'ghost' or inspect_popped(base, root, id, f, now, discard, owed)
      local key = f[10]
      if key and key ~= '' then verdict = admit_key(base, id, key, now, verdict) end
      if verdict == 'run' and f[9] then
        f[2] = claim_batch(base, root, id, f[9], now, owed)
        if not f[2] then verdict = 'skip' end
      end
      local at = #out
      if verdict == 'run' then
        redis.call('SET', job .. ':lock', token, 'PX', ttl)
        redis.call('HSET', job, 'state', 'active', 'processedOn', stamp)
        emit(base, 'active', id, 'attempt', f[4] or '1')
        taken[#taken + 1] = id
        out[at + 1], out[at + 2], out[at + 3], out[at + 4] = number, id, f[2], f[3] or 0
        out[at + 5], out[at + 6], out[at + 7] = f[4] or 1, f[5] or 0, f[7] or ''
      elseif verdict == 'ghost' then
        out[at + 1], out[at + 2], out[at + 3], out[at + 4] = number, id, false, 0
        out[at + 5], out[at + 6], out[at + 7] = 0, 0, ''
      elseif verdict == 'expired' then
        expired = expired + 1
      end
    end
  end
  if expired > 0 then count_metric(base, 'expired', now, expired) end
  for first = 1, #taken, 1000 do
    local pushed = redis.pcall('LPUSH', base .. ':active', unpack(taken, first, math.min(first + 999, #taken)))
    if type(pushed) == 'table' then
      note_damage(base .. ':active', pushed)
      put_back(base, taken, first)
      for at = #out, before + 1, -1 do out[at] = nil end
      return due
    end
  end
  rearm(base)
  return due
end

-- Why a worker must not claim from a task: 'halt', 'dead', or '' when it may. A connection whose epoch is below the
-- stored one was given up by its worker: what it still sends must not claim.
local function fenced(base, worker, connection, epoch)
  local f = attempt('HMGET', base .. ':fence:' .. worker, 'halt', 'drain', connection)
  if not f then return 'halt' end -- whatever it said, it was to keep somebody from claiming
  if f[1] or f[2] then return f[1] or f[2] end
  if f[3] and epoch < tonumber(f[3]) then return 'stale' end
  return ''
end
