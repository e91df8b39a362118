-- A producer numbers its calls. The last one that was applied answers again as it did; nil for one that is new.
local function reply_sent(base, producer, number)
  local last = redis.pcall('GET', base .. ':sent:' .. producer)
  if type(last) ~= 'string' then return nil end
  local applied, reply = string.match(last, '^(%d+):(.*)$')
  if applied and tonumber(applied) >= tonumber(number) then return reply end
  return nil
end

local function remember_sent(base, producer, number, reply)
  redis.call('SET', base .. ':sent:' .. producer, number .. ':' .. reply, 'PX', '3600000')
end
