-- The scripts run inside the server: Lua 5.1 with the server's own libraries.
std = "lua51"
read_globals = { "redis", "KEYS", "ARGV", "cjson", "cmsgpack", "bit", "struct" }
max_line_length = 120

-- The loader puts the functions of lua/includes in front of what includes them. Checked file by file, nobody seems to
-- call them, and their callers seem to use a global; tests/architecture/test_lua.py checks what this leaves out.
for path in io.popen("ls lua/includes/*.lua"):lines() do
  for line in io.lines(path) do
    table.insert(read_globals, line:match("^local function ([%w_]+)"))
  end
end
files["lua/includes"] = { ignore = { "211" } }
files["lua/cluster/includes"] = { ignore = { "211" } }
files["lua/share/includes"] = { ignore = { "211" }, read_globals = { "owe" } } -- it stands within those of workflows
