--- @include "store_job"
-- Stores the job of a node that is ready, unless it was stored before.
local function enqueue_node(root, wf, key, j, now, spec, data)
  local base = root .. ':{' .. spec.task .. '}'
  if not id_taken(base, spec.id) then
    store_job(base, spec.id, now, spec.v or 1, spec.m or 1, data, 0, 0, spec.ttl or 0)
    redis.call('HSET', base .. ':' .. spec.id, '_wf', wf, '_wfNode', j)
    if spec.ix then
      --- @include "index"
      index_job(base, spec.id, spec.ix, now, 0)
    end
    wake(base)
  end
  redis.call('HDEL', key, 'i:' .. j)
end
