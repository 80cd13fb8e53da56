-- A local hub for a test: it ends with this process, and is controlled by HTTP.
local Hub = {}
Hub.__index = Hub

function Hub.start()
  local program = assert(os.getenv 'SONORAN_HUB', 'SONORAN_HUB is not set: it names the program sonoran-hub')
  local pipe = assert(io.popen(("exec '%s' --json --with-parent"):format(program), 'r'))
  local line = assert(pipe:read '*l', program .. ' printed nothing')
  -- keeps the pipe open: the hub ends with this process
  return setmetatable({ pipe = pipe, http = line:match '"http":"([^"]+)"', url = line:match '"url":"([^"]+)"' }, Hub)
end

local function run(words)
  local pipe = assert(io.popen("curl -sS --fail-with-body --max-time 20 " .. words, 'r'))
  local answer = pipe:read '*a'
  -- LuaJIT reports no exit code for a pipe: the answer's text has to do
  pipe:close()
  return answer
end

function Hub:post(what, body)
  local file = os.tmpname()
  local out = assert(io.open(file, 'w'))
  out:write(body or '')
  out:close()
  local answer = run(("--data-binary @%s '%s/control/%s'"):format(file, self.http, what))
  os.remove(file)
  return answer
end

function Hub:get(what)
  return run(("'%s/control/%s'"):format(self.http, what))
end

return Hub
