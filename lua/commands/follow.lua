-- Finds the job that stands in the place of one that is gone.
-- KEYS: base   ARGV: id   Returns: its id; false when nothing does
local base, id, found = KEYS[1], ARGV[1], false
-- Every step is to a younger job; the limit is for keys that others damaged.
for _ = 1, 100000 do
  local next_id = redis.pcall('GET', base .. ':into:' .. id)
  if type(next_id) ~= 'string' then break end
  id, found = next_id, next_id
  if redis.call('EXISTS', base .. ':' .. id) == 1 then break end
end
return found
