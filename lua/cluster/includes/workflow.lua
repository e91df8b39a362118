-- Workflows, as scripts on tasks see them on a cluster: they lie in other slots. What the end of a job means to one is
-- written down beside the task, by the script that ends it, and is told to the workflow afterwards:
--   BASE:owed        workflows that are to be told something, scored by since when
--   BASE:owed:WF     what one is to be told: of each node its state, the job, the class of an error, and the result or
--                    message, on a line each
-- The workflow's own hash is not here: this key stands for it and never exists.
local function workflow_key(_, wf)
  return KEYS[1] .. ':owed:' .. wf .. ':none'
end

local function owe(wf, i, now, ...)
  local base = KEYS[1]
  redis.call('HSET', base .. ':owed:' .. wf, i, table.concat({ ... }, '\n'))
  redis.call('ZADD', base .. ':owed', 'NX', now, wf)
  return true
end

local function workflows()
  return {
    advance = function(_, wf, i, result, now) return owe(wf, i, now, 'completed', '', '', result) end,
    stop = function(_, wf, node, state, message, now)
      return owe(wf, node[1], now, state, node[3], (string.gsub(node[4] or '', '\n', ' ')), message)
    end,
  }
end
