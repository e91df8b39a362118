-- Deletes what stands in the place of a task's marker, or of a worker's own, and is of another kind.
-- KEYS: base   ARGV: worker
for _, key in ipairs({ KEYS[1] .. ':marker', KEYS[1] .. ':wake:' .. ARGV[1] }) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', key) end
end
