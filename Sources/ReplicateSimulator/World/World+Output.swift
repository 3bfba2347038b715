extension World {
    /// What the output host answers.
    ///
    /// - Returns: Nil for what is not an output, or no longer.
    mutating func output(_ request: IncomingRequest, now: Moment) -> (answer: Answer, prediction: Int?) {
        let path = String(request.target.text.prefix { $0 != "?" && $0 != "#" })
        guard request.method == "GET" || request.method == "HEAD" else {
            return (.text("Method Not Allowed", status: 405, contentType: "text/plain"), nil)
        }
        guard let index = outputIndexes[path], predictions[index].hasOutput(at: now) else {
            return (.text("Not Found", status: 404, contentType: "text/plain; charset=utf-8"), nil)
        }
        predictions[index].downloads.requests += 1
        if request.headers["authorization"] != nil { predictions[index].downloads.sawAuthorization = true }
        if let range = request.headers["range"], predictions[index].downloads.ranges.count < 100 {
            predictions[index].downloads.ranges.append(String(range.prefix(100)))
        }
        let delivery = VideoDelivery(
            range: request.headers["range"],
            ifRange: request.headers["if-range"],
            ifNoneMatch: request.headers["if-none-match"],
            isHead: request.method == "HEAD",
            number: predictions[index].downloads.requests,
            path: path,
            lastModified: predictions[index].timeline.end?.at ?? now
        )
        return (Answer(status: 200, body: .video(predictions[index].recipe, delivery)), index)
    }

    /// What rules look at in a download.
    func outputSubject(_ request: IncomingRequest) -> Subject {
        let path = String(request.target.text.prefix { $0 != "?" && $0 != "#" })
        return outputIndexes[path].map { subject(of: predictions[$0]) } ?? Subject()
    }

    /// Notes what went over the wire.
    mutating func noteDownload(path: String, bytes: Int, isComplete: Bool) {
        guard let index = outputIndexes[path] else { return }
        predictions[index].downloads.bytesSent += bytes
        if isComplete { predictions[index].downloads.complete += 1 }
    }
}
