-- Gives the leader's lock up, if it is ours.
-- KEYS: leader lock   ARGV: token
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
