-- A key that somebody damaged must cost neither the others of a call nor what was written before it. What is refused
-- for such a reason is noted here, by key; any other refusal, such as a lack of memory, ends the script.
local damage = {}

local function note_damage(key, reply)
  local code = string.match(reply.err, '^%u+')
  if code ~= 'WRONGTYPE' and code ~= 'ERR' then error(reply) end
  damage[key] = reply.err
end

-- What a function that ended early raised, as text.
local function reason(problem)
  return type(problem) == 'table' and problem.err or tostring(problem)
end

-- Appends what was noted to a list, as text.
local function tell_damage(list)
  for key, why in pairs(damage) do list[#list + 1] = key .. ': ' .. why end
end

-- Runs a command; nil when its key is damaged.
local function attempt(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then return note_damage(key, reply) end
  return reply
end

-- Refuses to go on with a key that holds something of another kind: before anything is written that would need it.
local function must_be(kind, key)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then error({ err = 'WRONGTYPE ' .. key .. ' holds a ' .. found }) end
end
