-- Moves due jobs of some tasks to their queues and wakes workers.
-- KEYS: bases   ARGV: root, then 1 for each base whose expired jobs are discarded, else 0
-- Returns: ms until the next delayed job (-1: none), workflows to continue   Events: promoted, expired
--- @include "clock"
--- @include "promote"
local now, first_due, owed = now_ms(), -1, {}
for number, base in ipairs(KEYS) do
  local due = promote(base, ARGV[1], now, ARGV[number + 1] == '1', owed)
  if due >= 0 and (first_due < 0 or due < first_due) then first_due = due end
end
return { first_due, owed }
