-- Appends an event of a job to its task's stream.
local function emit(base, event, id, ...)
  redis.call('XADD', base .. ':events', 'MAXLEN', '~', '10000', '*', 'event', event, 'jobId', id, ...)
end
