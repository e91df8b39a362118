-- Gives back what a worker claimed over a connection whose replies it never saw, and refuses what that connection may
-- still send: claims below the new epoch.
-- KEYS: base   ARGV: worker, connection, new epoch, then the ids of the task that the worker knows to hold
-- Returns: number of jobs given back, and what was refused because of damaged keys, as text   Events: waiting
--- @include "release"
local base, fence = KEYS[1], KEYS[1] .. ':fence:' .. ARGV[1]
if not attempt('HSET', fence, ARGV[2], ARGV[3]) then
  redis.call('DEL', fence)
  redis.call('HSET', fence, ARGV[2], ARGV[3])
end
redis.call('PEXPIRE', fence, 3600000)
local prefix, known, freed, told = ARGV[1] .. '.' .. ARGV[2], {}, {}, {}
for at = 4, #ARGV do known[ARGV[at]] = true end
local ids, count = attempt('LRANGE', base .. ':active', 0, -1) or {}, 0

local function take(id)
  local f = redis.call('HMGET', base .. ':' .. id, 'processedOn', 'concurrencyKey', 'priority')
  must_queue(base, f[3])
  release(base, id, f[1], f[2], freed)
  give_back(base, id, 'waiting')
  count = count + 1
end

for _, id in ipairs(ids) do
  if not known[id] then
    local lock = attempt('GET', base .. ':' .. id .. ':lock')
    if lock and string.sub(lock, 1, #prefix) == prefix then
      local ran, why = pcall(take, id)
      if not ran then told[#told + 1] = 'job ' .. id .. ' stays until its lock runs out: ' .. reason(why) end
    end
  end
end
finish_release(freed)
tell_damage(told)
return { count, told }
