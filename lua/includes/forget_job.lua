-- Deletes an ended job. An id that its caller gave stays taken for a day.
local function forget_job(base, id)
  local job = base .. ':' .. id
  -- Something of another kind in the job's place goes too.
  if redis.pcall('HEXISTS', job, 'given') == 1 then redis.call('SET', base .. ':gone:' .. id, 1, 'PX', 86400000) end
  redis.call('UNLINK', job, job .. ':lock', job .. ':logs')
end
