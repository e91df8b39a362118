-- Cancels jobs of a workflow that has ended, which is told nothing of them.
-- KEYS: base   ARGV: root, workflow, reason, ids   Events: cancelled
--- @include "clock"
--- @include "cancel_job"
local base, root, wf, reason, now = KEYS[1], ARGV[1], ARGV[2], ARGV[3], now_ms()
for at = 4, #ARGV do cancel_job(base, root, ARGV[at], reason, now, {}) end
redis.call('DEL', base .. ':owed:' .. wf)
redis.call('ZREM', base .. ':owed', wf)
return 1
