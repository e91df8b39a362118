-- Removes ended workflows by age and by count, the oldest first.
-- KEYS: set of ended workflows
-- ARGV: root, age ms (-1: none), items (-1: all), age below which the count removes none, limit
-- Returns: number removed
--- @include "clock"
--- @include "workflow"
local set, root = KEYS[1], ARGV[1]
local age, items, young, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now, ids = now_ms(), {}
if age >= 0 then ids = redis.call('ZRANGE', set, '-inf', now - age, 'BYSCORE', 'LIMIT', 0, limit) end
if items >= 0 and #ids < limit then
  local excess = math.min(redis.call('ZCARD', set) - items, limit)
  if excess > #ids then
    local more = redis.call('ZRANGE', set, '-inf', now - young, 'BYSCORE', 'LIMIT', 0, excess)
    if #more > #ids then ids = more end
  end
end
for _, wf in ipairs(ids) do
  redis.call('UNLINK', workflow_key(root, wf))
  redis.call('ZREM', set, wf)
  redis.call('ZREM', root .. ':workflows', wf)
  redis.call('ZREM', root .. ':workflows:owed', wf)
end
return #ids
