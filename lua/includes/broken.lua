--- @include "workflow"
-- What the jobs of a workflow's nodes need to be found: {task, id, root} of each node from first to last.
local function node_specs(key, first, last)
  local specs = {}
  if redis.call('HEXISTS', key, 'count') == 1 then
    for i = first, last do
      local spec = cjson.decode(redis.call('HGET', key, 't:' .. i))
      specs[i] = { task = spec.task, id = spec.id, root = false }
    end
  else
    local nodes = cjson.decode(redis.call('HGET', key, 'graph')).nodes
    for i = first, last do
      local node = nodes[i + 1]
      specs[i] = { task = node.taskName, id = node.jobId, root = #node.deps == 0 }
    end
  end
  return specs
end

-- How a node and its job disagree: 'settled', 'ended', 'lost', or nil. A root that another implementation stored is
-- pending while its job runs.
local function breakage(root, key, i, spec)
  local node = redis.call('HGET', key, 'n:' .. i .. ':state') or 'pending'
  if node ~= 'pending' and node ~= 'active' then return nil end
  local job = redis.call('HGET', root .. ':{' .. spec.task .. '}:' .. spec.id, 'state')
  if job == 'completed' then return 'settled' end
  if job == 'failed' or job == 'expired' or job == 'cancelled' then return 'ended' end
  if not job and (node == 'active' or spec.root) then return 'lost' end
  return nil
end
