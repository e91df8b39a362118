--- @include "workflow"
-- Makes the input of a node whose predecessors are complete; node is its part of the graph.
local function node_input(key, node)
  local data = node.data
  if type(data) ~= 'string' then
    if #node.deps == 1 then return workflows().single_result(key, node.deps[1], node.asList) end
    return workflows().join_results(key, node.deps)
  end
  if redis.call('HGET', key, 'parts') then
    -- The graph has one character for each byte.
    data = string.gsub(data, '([\194\195])([\128-\191])', function(high, low)
      return string.char((string.byte(high) - 192) * 64 + string.byte(low) - 128)
    end)
  end
  return data
end
