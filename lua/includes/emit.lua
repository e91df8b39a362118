--- @include "attempt"
-- Appends an event of a job to its task's stream.
local function emit(base, event, id, ...)
  local stream = base .. ':events'
  local told = redis.pcall('XADD', stream, 'MAXLEN', '~', '10000', '*', 'event', event, 'jobId', id, ...)
  if type(told) == 'table' then note_damage(stream, told) end
end
