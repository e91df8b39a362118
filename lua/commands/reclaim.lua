-- Gives back what a worker claimed over a connection whose replies it never saw, and refuses what that connection may
-- still send: claims below the new epoch.
-- KEYS: base   ARGV: worker, connection, new epoch, then the ids of the task that the worker knows to hold
-- Returns: number of jobs given back   Events: waiting
--- @include "release"
local base, fence = KEYS[1], KEYS[1] .. ':fence:' .. ARGV[1]
redis.call('HSET', fence, ARGV[2], ARGV[3])
redis.call('PEXPIRE', fence, 3600000)
local prefix, known, freed = ARGV[1] .. '.' .. ARGV[2], {}, {}
for at = 4, #ARGV do known[ARGV[at]] = true end
local ids, count = redis.call('LRANGE', base .. ':active', 0, -1), 0
for _, id in ipairs(ids) do
  if not known[id] then
    local lock = redis.call('GET', base .. ':' .. id .. ':lock')
    if lock and string.sub(lock, 1, #prefix) == prefix then
      local f = redis.call('HMGET', base .. ':' .. id, 'processedOn', 'concurrencyKey')
      release(base, id, f[1], f[2], freed)
      give_back(base, id, 'waiting')
      count = count + 1
    end
  end
end
finish_release(freed)
return count
