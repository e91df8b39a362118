-- Finds nodes of a running workflow that its jobs left behind.
-- KEYS: workflow   ARGV: root, first node, how many to look at
-- Returns: index of the next node to look at (-1: none), {"index:kind", ...}
--- @include "broken"
local key, root, first = KEYS[1], ARGV[1], tonumber(ARGV[2])
local f = redis.call('HMGET', key, 'state', 'count', 'graph')
if f[1] ~= 'running' or not f[3] then return { -1, {} } end
local count = tonumber(f[2]) or #cjson.decode(f[3]).nodes
local last, found = math.min(first + tonumber(ARGV[3]), count) - 1, {}
for i, spec in pairs(node_specs(key, first, last)) do
  local kind = breakage(root, key, i, spec)
  if kind then found[#found + 1] = i .. ':' .. kind end
end
return { last + 1 < count and last + 1 or -1, found }
