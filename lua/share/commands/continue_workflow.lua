-- Takes note of what was done for a workflow in other slots and of what became of its jobs there, and says what is to
-- be done next. Telling it twice changes nothing.
-- KEYS: workflow
-- ARGV: root, id, the node from which on jobs were cancelled ("": none were), the number of nodes whose jobs were
--       stored, these nodes, then of each job that ended: node, state, task, id, class of the error, result or message
-- Returns: "" when nothing is owed; "store" and of up to 200 nodes: number, task, id, version, maxAttempts, ttl, data,
--          index; or "cancel", the node from which on, the reason, and of up to 100 nodes: task, id
--- @include "clock"
--- @include "workflow"
local key, root, wf = KEYS[1], ARGV[1], ARGV[2]
local out, stored = key .. ':out', tonumber(ARGV[4])

local function spec_of(i)
  return cjson.decode(redis.call('HGET', key, 't:' .. i))
end

local function take_note_of_cancelled(count)
  if ARGV[3] == '' or redis.call('HGET', key, 'cascade') ~= ARGV[3] then return end
  local following = tonumber(ARGV[3]) + 100
  if following < count then
    redis.call('HSET', key, 'cascade', following)
  else
    redis.call('HDEL', key, 'cascade')
  end
end

local function take_note_of_stored()
  for at = 5, 4 + stored do
    redis.call('ZREM', out, ARGV[at])
    redis.call('HDEL', key, 'i:' .. ARGV[at])
  end
end

local function take_note_of_ends()
  for at = 5 + stored, #ARGV, 6 do
    local i, state, payload = ARGV[at], ARGV[at + 1], ARGV[at + 5]
    if state == 'completed' then
      workflows().advance(root, wf, i, payload, now_ms())
    else
      workflows().stop(root, wf, { i, ARGV[at + 2], ARGV[at + 3], ARGV[at + 4] }, state, payload, now_ms())
    end
  end
end

local function to_cancel(from, reason, first, last)
  local reply = { 'cancel', from, reason }
  for i = first, last do
    local spec = spec_of(i)
    reply[#reply + 1] = spec.task
    reply[#reply + 1] = spec.id
  end
  return reply
end

local function start_next_field(fans)
  local i, chunk = string.match(fans, '^([^:]+):(%d+),')
  local rest = string.sub(fans, #i + #chunk + 3)
  if workflows().start_successors(root, wf, key, i, tonumber(chunk), now_ms()) then
    rest = i .. ':' .. (tonumber(chunk) + 1) .. ',' .. rest
  end
  redis.call('HSET', key, 'fans', rest)
  return rest
end

local function to_store()
  local reply = { 'store' }
  for _, i in ipairs(redis.call('ZRANGE', out, 0, 199)) do
    local spec = spec_of(i)
    for _, value in ipairs({ i, spec.task, spec.id, spec.v or 1, spec.m or 1, spec.ttl or 0 }) do
      reply[#reply + 1] = value
    end
    reply[#reply + 1] = redis.call('HGET', key, 'i:' .. i) or 'null'
    reply[#reply + 1] = spec.ix or ''
  end
  return reply
end

take_note_of_stored()
take_note_of_ends()
local f = redis.call('HMGET', key, 'state', 'count')
local count = tonumber(f[2]) or 0
if f[1] == 'running' then
  local fans = redis.call('HGET', key, 'fans') or ''
  while fans ~= '' and redis.call('EXISTS', out) == 0 do
    fans = start_next_field(fans)
    -- The last of them may have ended it.
    if redis.call('HGET', key, 'state') ~= 'running' then fans = '' end
  end
  if redis.call('EXISTS', out) == 1 then return to_store() end
elseif f[1] then
  redis.call('DEL', out)
  local reason = 'workflow ' .. f[1]
  if stored > 0 then
    -- It ended while these were stored, perhaps after their jobs were cancelled in vain.
    local reply = { 'cancel', '', reason }
    for at = 5, 4 + stored do
      local spec = spec_of(ARGV[at])
      reply[#reply + 1] = spec.task
      reply[#reply + 1] = spec.id
    end
    return reply
  end
  take_note_of_cancelled(count)
  local first = tonumber(redis.call('HGET', key, 'cascade'))
  if first and first < count then return to_cancel(first, reason, first, math.min(first + 99, count - 1)) end
end
redis.call('ZREM', root .. ':workflows:owed', wf)
return { '' }
