-- Removes ended workflows by age and by count, the oldest first.
-- KEYS: set of ended workflows
-- ARGV: root, age ms (-1: none), items (-1: all), age ms below which the count removes none, limit
-- Returns: number removed
--- @include "outdated"
--- @include "workflow"
local set, root = KEYS[1], ARGV[1]
local ids = outdated(set, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
for _, wf in ipairs(ids) do
  redis.call('UNLINK', workflow_key(root, wf), workflow_key(root, wf) .. ':out')
  redis.call('ZREM', set, wf)
  redis.call('ZREM', root .. ':workflows', wf)
  redis.call('ZREM', root .. ':workflows:owed', wf)
end
return #ids
