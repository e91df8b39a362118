-- Does for a node of a running workflow what was left undone, if it is still broken in the same way.
-- KEYS: workflow   ARGV: root, id, node, kind of breakage   Returns: 1 mended, else 0; workflows to continue
-- Events: waiting
--- @include "clock"
--- @include "broken"
--- @include "node_input"
local key, root, wf, i, kind = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local f = redis.call('HMGET', key, 'state', 'graph')
if f[1] ~= 'running' or not f[2] then return { 0, {} } end
local node = cjson.decode(f[2]).nodes[i + 1]
local spec = { task = node.taskName, id = node.jobId, root = #node.deps == 0 }
if breakage(root, key, i, spec) ~= kind then return { 0, {} } end

local now, job = now_ms(), root .. ':{' .. spec.task .. '}:' .. spec.id
if kind == 'settled' then
  return { 1, workflows().advance(root, wf, i, redis.call('HGET', job, 'result') or 'null', now) and { wf } or {} }
elseif kind == 'ended' then
  local j = redis.call('HMGET', job, 'state', 'error', 'cancelReason', 'errorType')
  local state = j[1] == 'cancelled' and 'cancelled' or 'failed'
  local message = state == 'cancelled' and j[3] or j[2] or 'the job ' .. j[1]
  return { 1, workflows().stop(root, wf, { i, spec.task, spec.id, j[4] or '' }, state, message, now) and { wf } or {} }
end
local stored = redis.call('HGET', key, 't:' .. i)
local full = stored and cjson.decode(stored) or { task = spec.task, id = spec.id, v = node._v }
redis.call('HSET', key, 'n:' .. i .. ':state', 'active')
workflows().enqueue_node(root, wf, key, i, now, full, node_input(key, node), true)
return { 1, {} }
