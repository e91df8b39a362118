-- Starts a workflow, once, if all of it is stored: it is sent together with what stores it, which may be refused.
-- KEYS: workflow   ARGV: root, id, deadline ms (0: none), number of fields that are to be there
-- Returns: 1 started, 0 it was, -1 it is not complete; the workflow if it is to be continued   Events: waiting
--- @include "clock"
--- @include "workflow"
local key, root, wf, deadline = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HEXISTS', key, 'state') == 1 then
  local fans = redis.call('HGET', key, 'fans')
  return { 0, fans and fans ~= '' and { wf } or {} }
end
if redis.call('HLEN', key) < tonumber(ARGV[4]) then return { -1, {} } end
local now = now_ms()
redis.call('PERSIST', key)
redis.call('HSET', key, 'state', 'running', 'createdAt', now)
redis.call('ZADD', root .. ':workflows', now, wf)
if redis.call('HGET', key, 'count') == '0' then
  workflows().finish(root, wf, key, now, 'completed', 'result', '[]')
  return { 1, {} }
end
if deadline > 0 then redis.call('ZADD', root .. ':workflows:deadlines', now + deadline, wf) end
return { 1, workflows().start_roots(root, wf, key, now) and { wf } or {} }
