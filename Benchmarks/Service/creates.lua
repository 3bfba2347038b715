-- wrk -s creates.lua URL: POSTs the wish for an animation that costs nothing.
wrk.method = "POST"
wrk.body = '{"model":"local"}'
wrk.headers["Content-Type"] = "application/json"

dofile("report.lua")
