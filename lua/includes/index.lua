--- @include "attempt"
local INDEX_KEPT = 15552000000 -- half a year in ms after the last of them was due: others remove jobs without this

local function index_entries(text)
  local ran, entries = pcall(cjson.decode, text)
  return ran and type(entries) == 'table' and entries or {}
end

-- Lists a new job under what can be searched of its payload: a JSON array of texts "PATH:VALUE".
local function index_job(base, id, text, now, delay)
  redis.call('HSET', base .. ':' .. id, 'ix', text)
  for _, entry in ipairs(index_entries(text)) do
    local key = base .. ':ix:' .. entry
    if attempt('ZADD', key, now, id) and redis.call('PEXPIRE', key, INDEX_KEPT + delay, 'NX') == 0 then
      redis.call('PEXPIRE', key, INDEX_KEPT + delay, 'GT')
    end
  end
end

local function unindex_job(base, id, text)
  for _, entry in ipairs(index_entries(text)) do
    if type(entry) == 'string' then attempt('ZREM', base .. ':ix:' .. entry, id) end
  end
end
