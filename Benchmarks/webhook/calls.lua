-- Every call has a body of its own. What was accepted is written down, a run's id a line, for check.py.

local threads = {}

function setup(thread)
    thread:set("number", #threads + 1)
    table.insert(threads, thread)
end

function init(arguments)
    calls, accepted, others = 0, 0, 0
    file = assert(io.open(arguments[1] .. "." .. number, "w"))
    headers = { ["Content-Type"] = "application/json" }
end

function request()
    calls = calls + 1
    return wrk.format("POST", nil, headers, string.format('{"number": "%d-%d", "action": "opened"}', number, calls))
end

function response(status, _, body)
    if status >= 200 and status < 300 then
        accepted = accepted + 1
        file:write(body, "\n")
    else
        others = others + 1
    end
end

function done(summary)
    local accepted, others, errors = 0, 0, summary.errors
    for _, thread in ipairs(threads) do
        accepted = accepted + thread:get("accepted")
        others = others + thread:get("others")
    end
    print(string.format("RESULT %.1f %d %d", accepted / (summary.duration / 1e6), others,
        errors.connect + errors.read + errors.write + errors.timeout))
end
