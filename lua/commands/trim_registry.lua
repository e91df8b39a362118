-- Removes the names of processes whose record has run out.
-- KEYS: names of processes   ARGV: root, limit   Returns: number removed
local count = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)) do
  if redis.call('EXISTS', ARGV[1] .. ':worker:' .. id) == 0 then count = count + redis.call('ZREM', KEYS[1], id) end
end
return count
