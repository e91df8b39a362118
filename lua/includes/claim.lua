--- @include "promote"
local function rearm(base)
  if redis.call('EXISTS', base .. ':wait', base .. ':prioritized') > 0 then wake(base) end
end

local function pop_waiting(base, count)
  local ids = {}
  local pairs_ = redis.call('ZPOPMIN', base .. ':prioritized', count)
  for at = 1, #pairs_, 2 do ids[#ids + 1] = pairs_[at] end
  if #ids < count then
    local more = redis.call('RPOP', base .. ':wait', count - #ids)
    if more then
      for _, id in ipairs(more) do ids[#ids + 1] = id end
    end
  end
  return ids
end

-- Decides what a popped id is: 'run', 'ghost' (no job behind it) or 'skip' (it needed no run, and was dealt with).
local function inspect_popped(base, root, id, f, now, discard, owed)
  local state, expires, wf = f[1], tonumber(f[6]) or 0, f[8]
  if not state and not f[5] then return 'ghost' end
  if state == 'completed' or state == 'failed' or state == 'cancelled' or state == 'expired' then return 'skip' end
  if state == 'active' and redis.call('EXISTS', base .. ':' .. id .. ':lock') == 1 then return 'skip' end
  if expires > 0 and now >= expires then
    expire(base, root, id, now, discard, owed)
    return 'skip'
  end
  if wf and wf ~= '' then
    local workflow_state = redis.call('HGET', workflow_key(root, wf), 'state')
    if workflow_state and workflow_state ~= 'running' then
      conclude(base, root, id, now, 'cancelled', 'workflow ' .. workflow_state, '', owed)
      return 'skip'
    end
  end
  return 'run'
end

-- Claims up to want jobs of a task into out, 7 values a job: task number, id, data, version, attempt, ts, cause.
-- Attempt 0 stands for an id without a job. Returns ms until the next delayed job is due, -1 for none.
local function claim(number, base, root, now, token, ttl, want, discard, out, owed)
  local due = promote(base, root, now, discard, owed)
  local taken, tries = {}, 0
  while #taken < want and tries < 1000 do
    local ids = pop_waiting(base, want - #taken)
    if #ids == 0 then break end
    tries = tries + #ids
    for _, id in ipairs(ids) do
      local job = base .. ':' .. id
      -- A key of another kind in the job's place must not cost the others that were popped with it.
      local f = redis.pcall('HMGET', job, 'state', 'data', '_v', 'attempt', 'ts', 'expireAt', 'cause', '_wf')
      local verdict = f.err and 'ghost' or inspect_popped(base, root, id, f, now, discard, owed)
      local at = #out
      if verdict == 'run' then
        redis.call('SET', job .. ':lock', token, 'PX', ttl)
        redis.call('HSET', job, 'state', 'active', 'processedOn', now)
        emit(base, 'active', id)
        taken[#taken + 1] = id
        out[at + 1], out[at + 2], out[at + 3], out[at + 4] = number, id, f[2], f[3] or 0
        out[at + 5], out[at + 6], out[at + 7] = f[4] or 1, f[5] or 0, f[7] or ''
      elseif verdict == 'ghost' then
        out[at + 1], out[at + 2], out[at + 3], out[at + 4] = number, id, false, 0
        out[at + 5], out[at + 6], out[at + 7] = 0, 0, ''
      end
    end
  end
  for first = 1, #taken, 1000 do
    redis.call('LPUSH', base .. ':active', unpack(taken, first, math.min(first + 999, #taken)))
  end
  rearm(base)
  return due
end

-- Why a worker must not claim from a task: 'halt', 'dead', or '' when it may. A connection whose epoch is below the
-- stored one was given up by its worker: what it still sends must not claim.
local function fenced(base, worker, connection, epoch)
  local f = redis.call('HMGET', base .. ':fence:' .. worker, 'halt', 'drain', connection)
  if f[1] or f[2] then return f[1] or f[2] end
  if f[3] and epoch < tonumber(f[3]) then return 'stale' end
  return ''
end
