-- The load of one case, the same for both sides but for the token: the peer counts 5,000 calls a
-- token and then refuses, so it gets many.
local case, token, most = os.getenv("CASE"), os.getenv("TOKEN"), tonumber(os.getenv("MOST") or "0")
local sent, answered, wrong = 0, 0, 0
local issues = "/repos/acme/webapp/issues"
local query = '{"query":"{repository(owner:\\"acme\\",name:\\"webapp\\"){issues(first:30){nodes{number title body state author{login} labels(first:5){nodes{name}}}}}}"}'

-- The name in the address is the service's own, for the handshake; it leads to this machine alone.
function wrk.resolve(_, service)
  wrk.addrs = wrk.lookup("127.0.0.1", service)
end

function request()
  sent = sent + 1
  local headers = {["User-Agent"] = "peers", ["Authorization"] = "Bearer " .. (token or "t" .. math.random(1, 4000))}
  if case == "create" then
    headers["Content-Type"] = "application/json"
    return wrk.format("POST", issues, headers, '{"title":"Issue ' .. sent .. '","body":"hello world body","labels":["bug"]}')
  elseif case == "graphql" then
    headers["Content-Type"] = "application/json"
    return wrk.format("POST", "/graphql", headers, query)
  end
  headers["Accept"] = "application/vnd.github+json"
  return wrk.format("GET", issues .. "?per_page=30", headers)
end

function response(status, _, body)
  answered = answered + 1
  if status ~= (case == "create" and 201 or 200) then
    wrong = wrong + 1
    if wrong < 3 then print("wrong", status, body) end
  end
  if most > 0 and answered >= most then wrk.thread:stop() end
end
