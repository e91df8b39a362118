-- Notes that the job of a node is to be stored in the slot of its task: "WORKFLOW:out" holds the numbers of such nodes.
local function enqueue_node(root, wf, key, j, now, _, data)
  redis.call('HSET', key, 'i:' .. j, data)
  redis.call('ZADD', key .. ':out', j, j)
  owe(root, wf, now)
end
