-- Deletes an ended job. An id that its caller gave stays taken for a day.
local function forget_job(base, id)
  local job = base .. ':' .. id
  -- Something of another kind in the job's place goes too.
  local f = redis.pcall('HMGET', job, 'given', 'ix')
  if f[1] then redis.call('SET', base .. ':gone:' .. id, 1, 'PX', 86400000) end
  if f[2] then
    --- @include "index"
    unindex_job(base, id, f[2])
  end
  redis.call('UNLINK', job, job .. ':lock', job .. ':logs')
end
