-- Has the job of a node stored anew that is active and has no job.
-- KEYS: workflow   ARGV: root, id, node   Returns: 1 mended, else 0
--- @include "clock"
--- @include "node_input"
local key, root, wf, i = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local f = redis.call('HMGET', key, 'state', 'graph', 'n:' .. i .. ':state')
if f[1] ~= 'running' or f[3] ~= 'active' then return 0 end
workflows().enqueue_node(root, wf, key, i, now_ms(), nil, node_input(key, cjson.decode(f[2]).nodes[i + 1]))
return 1
