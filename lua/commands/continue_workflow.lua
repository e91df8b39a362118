-- Does one piece of what a workflow is owed: starts 500 successors, or cancels the jobs of 100 nodes after its end.
-- KEYS: workflow   ARGV: root, id   Returns: 1 while more is owed, else 0   Events: waiting, cancelled
--- @include "clock"
--- @include "cancel_job"
local key, root, wf, now = KEYS[1], ARGV[1], ARGV[2], now_ms()
local f = redis.call('HMGET', key, 'state', 'fans', 'cascade', 'count', 'graph')

if f[1] == 'running' and f[2] and f[2] ~= '' then
  local i, chunk = string.match(f[2], '^([^:]+):(%d+),')
  local rest = string.sub(f[2], #i + #chunk + 3)
  if workflows().start_successors(root, wf, key, i, tonumber(chunk), now) then
    rest = i .. ':' .. (tonumber(chunk) + 1) .. ',' .. rest
  end
  redis.call('HSET', key, 'fans', rest)
  if rest ~= '' then return 1 end
elseif f[1] and f[1] ~= 'running' and f[3] then
  local first, foreign = tonumber(f[3]), nil
  if not f[4] then foreign = cjson.decode(f[5]).nodes end
  local count = tonumber(f[4]) or #foreign
  for i = first, math.min(first + 99, count - 1) do
    local spec
    if foreign then
      spec = { task = foreign[i + 1].taskName, id = foreign[i + 1].jobId }
    else
      spec = cjson.decode(redis.call('HGET', key, 't:' .. i))
    end
    cancel_job(root .. ':{' .. spec.task .. '}', root, spec.id, 'workflow ' .. f[1], now, {})
  end
  if first + 100 < count then
    redis.call('HSET', key, 'cascade', first + 100)
    return 1
  end
  redis.call('HDEL', key, 'cascade')
end
redis.call('ZREM', root .. ':workflows:owed', wf)
return 0
