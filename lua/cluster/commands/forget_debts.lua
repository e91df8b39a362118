-- Forgets what a workflow was told.
-- KEYS: base   ARGV: workflow, nodes
local debts = KEYS[1] .. ':owed:' .. ARGV[1]
for first = 2, #ARGV, 1000 do redis.call('HDEL', debts, unpack(ARGV, first, math.min(first + 999, #ARGV))) end
if redis.call('EXISTS', debts) == 0 then redis.call('ZREM', KEYS[1] .. ':owed', ARGV[1]) end
return 1
