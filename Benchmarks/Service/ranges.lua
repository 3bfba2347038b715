-- wrk -s ranges.lua URL -- SIZE LENGTH: GETs parts of a file, each from any place.
local size, length

function init(arguments)
    math.randomseed(os.time())
    size, length = tonumber(arguments[1]), tonumber(arguments[2])
end

function request()
    local first = math.random(0, size - length)
    return wrk.format("GET", nil, { ["Range"] = string.format("bytes=%d-%d", first, first + length - 1) })
end

dofile("report.lua")
