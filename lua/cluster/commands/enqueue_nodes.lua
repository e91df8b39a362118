-- Stores the jobs of nodes of a workflow, those that were not stored before.
-- KEYS: base   ARGV: workflow, then of each node: its number, id, version, maxAttempts, ttl, data   Events: waiting
--- @include "clock"
--- @include "store_job"
local base, now, stored = KEYS[1], now_ms(), false
for at = 2, #ARGV, 6 do
  local id = ARGV[at + 1]
  if not id_taken(base, id) then
    store_job(base, id, now, ARGV[at + 2], ARGV[at + 3], ARGV[at + 5], 0, 0, tonumber(ARGV[at + 4]))
    redis.call('HSET', base .. ':' .. id, '_wf', ARGV[1], '_wfNode', ARGV[at])
    stored = true
  end
end
if stored then wake(base) end
return 1
