-- Stores the jobs of nodes of a workflow, those that were not stored before.
-- KEYS: base   ARGV: workflow, then of each node: its number, id, version, maxAttempts, ttl, data, index ("" for none)
-- Events: waiting
--- @include "clock"
--- @include "store_job"
local base, now, stored = KEYS[1], now_ms(), false
for at = 2, #ARGV, 7 do
  local id = ARGV[at + 1]
  if not id_taken(base, id) then
    store_job(base, id, now, ARGV[at + 2], ARGV[at + 3], ARGV[at + 5], 0, 0, tonumber(ARGV[at + 4]))
    redis.call('HSET', base .. ':' .. id, '_wf', ARGV[1], '_wfNode', ARGV[at])
    if ARGV[at + 6] ~= '' then
      --- @include "index"
      index_job(base, id, ARGV[at + 6], now, 0)
    end
    stored = true
  end
end
if stored then wake(base) end
return 1
