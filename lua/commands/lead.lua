-- Becomes or stays the leader.
-- KEYS: leader lock   ARGV: token, ttl   Returns: 1 leading, 0 somebody else is
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
