-- Stores what a running job reports.
-- KEYS: base   ARGV: id, token, value   Returns: 1, or 0 when the lock is not the token's   Events: progress
--- @include "emit"
local base, id = KEYS[1], ARGV[1]
if redis.call('GET', base .. ':' .. id .. ':lock') ~= ARGV[2] then return 0 end
redis.call('HSET', base .. ':' .. id, 'progress', ARGV[3])
emit(base, 'progress', id, 'value', ARGV[3])
return 1
