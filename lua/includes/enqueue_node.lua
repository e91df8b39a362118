--- @include "store_job"
local woken = {}

-- Stores the job of a node that is ready, unless it was stored before. bound: whether it may have a payload of its own.
local function enqueue_node(root, wf, key, j, now, spec, data, bound)
  local base = root .. ':{' .. spec.task .. '}'
  if not id_taken(base, spec.id) then
    store_job(base, spec.id, now, spec.v or 1, spec.m or 1, data, 0, 0, spec.ttl or 0, '_wf', wf, '_wfNode', j)
    if spec.ix then
      --- @include "index"
      index_job(base, spec.id, spec.ix, now, 0)
    end
    if not woken[base] then
      woken[base] = true
      wake(base)
    end
  end
  if bound then redis.call('HDEL', key, 'i:' .. j) end
end
