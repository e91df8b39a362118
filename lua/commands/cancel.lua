-- Cancels a job.
-- KEYS: base   ARGV: root, id, reason
-- Returns: 0 it has ended or is unknown, 1 cancelled, 2 flagged; workflows to continue
-- Events: cancelled
--- @include "clock"
--- @include "cancel_job"
local owed = {}
return { cancel_job(KEYS[1], ARGV[1], ARGV[2], ARGV[3], now_ms(), owed), owed }
