-- Cancels a running workflow; its jobs are owed a cancel.
-- KEYS: workflow   ARGV: root, id, reason   Returns: 1, or 0 when it does not run
--- @include "clock"
--- @include "workflow"
return workflows().stop(ARGV[1], ARGV[2], nil, 'cancelled', ARGV[3], now_ms()) and 1 or 0
