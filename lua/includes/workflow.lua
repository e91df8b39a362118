-- Workflows. Beside the shared fields of the hash, ours hold for node i:
--   t:i   JSON {task, id, v, m, ttl, list}      what its job needs
--   i:i   its bound payload, until it is enqueued
--   s:i, s:i:1, ...   its successors, 500 a field; the roots are those of "R", and "T" is the end of the workflow
--   d:j, d:j:0, ...   number of predecessors of j if more than one, and their indexes, 128 a field, 6 digits each
--   p:j   how many predecessors of j, in order, are known to be complete: moves forward only, so that each is
--         looked at once, a step that runs twice changes nothing, and a node advanced by others is noticed
--   parts  1 when payloads are not JSON
--   fans  which fields of successors are still to be started, "i:field," each: one call starts one field
--   cascade   the next node whose job is to be cancelled
--   and name, count, list, finishedAt, errorNode, errorTask, errorJob, errorType
local function workflow_key(root, wf)
  return root .. ':wf:{' .. wf .. '}'
end

-- The functions that follow are made when the first of them is called: most runs of the scripts that settle jobs see no
-- workflow, and making all functions took longer than five commands.
local function make_workflows()
  local function owe(root, wf, now)
    redis.call('ZADD', root .. ':workflows:owed', now, wf)
  end

  local function end_workflow(root, wf, key, now, state, ...)
    redis.call('HSET', key, 'state', state, 'finishedAt', now, ...)
    redis.call('ZREM', root .. ':workflows:deadlines', wf)
    redis.call('ZADD', root .. ':workflows:' .. (state == 'completed' and 'completed' or 'failed'), now, wf)
    redis.call('XADD', root .. ':workflows:events', 'MAXLEN', '~', 10000, '*', 'event', state, 'workflowId', wf)
  end

  local function predecessors(key, j, count)
    local deps = {}
    for chunk = 0, math.floor((count - 1) / 128) do
      local text = redis.call('HGET', key, 'd:' .. j .. ':' .. chunk)
      for at = 1, #text, 6 do deps[#deps + 1] = tostring(tonumber(string.sub(text, at, at + 5))) end
    end
    return deps
  end

  -- A payload that is not JSON, as a JSON string of one character for each byte.
  local function quoted(payload)
    return '"' .. string.gsub(payload or '', '[%c"\\\127-\255]', function(byte)
      return string.format('\\u%04x', string.byte(byte))
    end) .. '"'
  end

  -- Joins the results of nodes as one JSON array; a handler of another language may have left an empty one. Results
  -- that are not JSON become strings, behind space by which a reader tells the array from a payload of its own.
  local function join_results(key, deps)
    local parts, as_strings = {}, redis.call('HGET', key, 'parts')
    for first = 1, #deps, 1000 do
      local fields = {}
      for at = first, math.min(first + 999, #deps) do fields[#fields + 1] = 'n:' .. deps[at] .. ':result' end
      for _, result in ipairs(redis.call('HMGET', key, unpack(fields))) do
        parts[#parts + 1] = as_strings and quoted(result) or (result and result ~= '') and result or 'null'
      end
    end
    return (as_strings and ' \t\n[' or '[') .. table.concat(parts, ',') .. ']'
  end

  -- Moves the pointer of j over its complete predecessors; true once all are. It mostly moves by one; where the first
  -- was the last to end, it has the whole way to go, in ever longer steps. text: the first field of indexes.
  local function all_complete(key, j, count, pointer, text)
    local start, chunk, step = pointer, 0, 1
    while pointer < count do
      local at = math.floor(pointer / 128)
      if at ~= chunk then chunk, text = at, redis.call('HGET', key, 'd:' .. j .. ':' .. at) end
      local fields = {}
      for n = pointer, math.min(pointer + step, count, (at + 1) * 128) - 1 do
        local offset = (n % 128) * 6
        fields[#fields + 1] = 'n:' .. tostring(tonumber(string.sub(text, offset + 1, offset + 6))) .. ':state'
      end
      local complete = 0
      for _, state in ipairs(redis.call('HMGET', key, unpack(fields))) do
        if state ~= 'completed' then break end
        complete = complete + 1
      end
      pointer = pointer + complete
      if complete < #fields then break end
      step = math.min(step * 2, 128)
    end
    if pointer > start then redis.call('HSET', key, 'p:' .. j, pointer) end
    return pointer >= count
  end

  --- @include "enqueue_node"
  local function single_result(key, dep, as_list)
    if as_list then return join_results(key, { dep }) end
    local f = redis.call('HMGET', key, 'n:' .. dep .. ':result', 'parts')
    if f[1] and f[1] ~= '' then return f[1] end
    return f[2] and '' or 'null'
  end

  local function finish_if_complete(root, wf, key, now)
    local f = redis.call('HMGET', key, 'd:T', 'p:T', 'd:T:0', 'list')
    local count = tonumber(f[1]) or 1
    if not all_complete(key, 'T', count, tonumber(f[2]) or 0, f[3]) then return end
    local deps = predecessors(key, 'T', count)
    local result
    if count == 1 then
      result = single_result(key, deps[1], f[4] == '1')
    else
      result = join_results(key, deps)
    end
    end_workflow(root, wf, key, now, 'completed', 'result', result)
  end

  -- i is the predecessor that is complete, result what it gave; nil where that is to be read.
  local function start_node_if_ready(root, wf, key, j, i, now, result)
    local f = redis.call('HMGET', key, 'n:' .. j .. ':state', 'd:' .. j, 'p:' .. j, 't:' .. j, 'i:' .. j,
      'd:' .. j .. ':0')
    if f[1] ~= 'pending' then return end
    local count = tonumber(f[2]) or 1
    if count > 1 and not all_complete(key, j, count, tonumber(f[3]) or 0, f[6]) then return end
    local spec, data = cjson.decode(f[4]), f[5]
    if not data then
      if count > 1 then
        data = join_results(key, predecessors(key, j, count))
      elseif result and result ~= '' and not spec.list then
        data = result
      else
        data = single_result(key, i, spec.list)
      end
    end
    redis.call('HSET', key, 'n:' .. j .. ':state', 'active')
    enqueue_node(root, wf, key, j, now, spec, data, f[5])
  end

  local function successor_fields(i, chunk)
    local field = 's:' .. i
    return chunk == 0 and field or field .. ':' .. chunk, field .. ':' .. (chunk + 1)
  end

  -- Starts the successors of a node that one field names.
  local function start_each(root, wf, key, i, named, now, result)
    for j in string.gmatch(named or '', '[^,]+') do
      if j == 'T' then
        finish_if_complete(root, wf, key, now)
      else
        start_node_if_ready(root, wf, key, j, i, now, result)
      end
    end
  end

  -- Starts what one field of successors names; returns whether there is another field.
  local function start_successors(root, wf, key, i, chunk, now)
    local f = redis.call('HMGET', key, successor_fields(i, chunk))
    start_each(root, wf, key, i, f[1], now)
    return f[2] and true or false
  end

  -- Starts the first successors of a node; true when there are more, which are owed then.
  local function start_fan(root, wf, key, i, named, more, now, result)
    start_each(root, wf, key, i, named, now, result)
    if not more then return false end
    redis.call('HSET', key, 'fans', (redis.call('HGET', key, 'fans') or '') .. i .. ':1,')
    owe(root, wf, now)
    return true
  end

  local function start_roots(root, wf, key, now)
    local f = redis.call('HMGET', key, successor_fields('R', 0))
    return start_fan(root, wf, key, 'R', f[1], f[2], now)
  end

  -- A workflow stored by another implementation has only the shared graph.
  local function advance_foreign(root, wf, key, i, now)
    local graph = cjson.decode(redis.call('HGET', key, 'graph'))
    local states = {}
    local function state_of(n)
      if not states[n] then states[n] = redis.call('HGET', key, 'n:' .. n .. ':state') or 'pending' end
      return states[n]
    end
    local function complete(deps)
      for _, dep in ipairs(deps) do
        if state_of(dep) ~= 'completed' then return false end
      end
      return true
    end
    for at, node in ipairs(graph.nodes) do
      local j, waits = at - 1, false
      for _, dep in ipairs(node.deps) do waits = waits or dep == i end
      if waits and state_of(j) == 'pending' and complete(node.deps) then
        local data = node.data
        if type(data) ~= 'string' then
          if #node.deps == 1 then
            data = single_result(key, node.deps[1], false)
          else
            data = join_results(key, node.deps)
          end
        end
        redis.call('HSET', key, 'n:' .. j .. ':state', 'active')
        enqueue_node(root, wf, key, j, now, { task = node.taskName, id = node.jobId, v = node._v }, data)
      end
    end
    if complete(graph.terminal) then
      local result
      if #graph.terminal == 1 then
        result = single_result(key, graph.terminal[1], false)
      else
        result = join_results(key, graph.terminal)
      end
      end_workflow(root, wf, key, now, 'completed', 'result', result)
    end
  end

  -- Records that node i is complete and starts what waited for it. Running it again changes nothing.
  -- Returns true when the rest is owed: somebody must run continue_workflow.
  local function advance_workflow(root, wf, i, result, now)
    local key = workflow_key(root, wf)
    local f = redis.call('HMGET', key, 'state', 'count', 'n:' .. i .. ':state', successor_fields(i, 0))
    if f[1] ~= 'running' then return false end
    local fresh = f[3] ~= 'completed'
    if fresh then redis.call('HSET', key, 'n:' .. i .. ':state', 'completed', 'n:' .. i .. ':result', result) end
    if not f[2] then
      advance_foreign(root, wf, key, tonumber(i), now)
      return false
    end
    return start_fan(root, wf, key, i, f[4], f[5], now, fresh and result or nil)
  end

  -- Ends a running workflow as failed or cancelled, with all nodes that have not ended; their jobs are owed a cancel.
  -- node is what failed: {index, task, job id, class of the error}, or nil. Returns whether it was running.
  local function stop_workflow(root, wf, node, state, message, now)
    local key = workflow_key(root, wf)
    local f = redis.call('HMGET', key, 'state', 'count', 'graph')
    if f[1] ~= 'running' then return false end
    local count = tonumber(f[2]) or #cjson.decode(f[3]).nodes
    if node then
      local i = node[1]
      redis.call('HSET', key, 'n:' .. i .. ':state', state, 'n:' .. i .. ':error', message, 'errorNode', i,
        'errorTask', node[2], 'errorJob', node[3], 'errorType', node[4])
    end
    for first = 0, count - 1, 500 do
      local fields, ended = {}, {}
      local last = math.min(first + 499, count - 1)
      for n = first, last do fields[#fields + 1] = 'n:' .. n .. ':state' end
      for at, node_state in ipairs(redis.call('HMGET', key, unpack(fields))) do
        if not node_state or node_state == 'pending' or node_state == 'active' then
          ended[#ended + 1] = fields[at]
          ended[#ended + 1] = state
        end
      end
      if #ended > 0 then redis.call('HSET', key, unpack(ended)) end
    end
    redis.call('HSET', key, 'cascade', 0)
    if message ~= '' then redis.call('HSET', key, 'error', message) end
    end_workflow(root, wf, key, now, state)
    owe(root, wf, now)
    return true
  end

  return {
    advance = advance_workflow, stop = stop_workflow, finish = end_workflow, start_roots = start_roots,
    start_successors = start_successors, enqueue_node = enqueue_node, single_result = single_result,
    join_results = join_results,
  }
end

local made_workflows
local function workflows()
  made_workflows = made_workflows or make_workflows()
  return made_workflows
end
