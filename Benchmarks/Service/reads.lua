-- wrk -s reads.lua URL -- PREFIX FILE: GETs PREFIX and an id, any of those in the file.
local paths = {}

function init(arguments)
    math.randomseed(os.time())
    for id in io.lines(arguments[2]) do
        paths[#paths + 1] = arguments[1] .. id
    end
end

function request()
    return wrk.format("GET", paths[math.random(#paths)])
end

dofile("report.lua")
