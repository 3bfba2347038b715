import Replicate
import Testing

struct PredictionFailureTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        let code: String?
        let reason: PredictionFailure.Reason
        let retries: Int

        init(_ text: String, _ code: String?, _ reason: PredictionFailure.Reason, retries: Int) {
            (self.text, self.code, self.reason, self.retries) = (text, code, reason, retries)
        }

        var testDescription: String { text }
    }

    static let rows = [
        Row("An error occurred while processing your request (E001)", "E001", .providerOutOfCredit, retries: 1),
        Row("Something (E002)", "E002", .modelUnavailable, retries: 0),
        Row(
            "Service is currently unavailable due to high demand. Please try again later. (E003)",
            "E003",
            .overloaded,
            retries: 3
        ),
        Row(
            "Service is temporarily unavailable. Please try again later. (E004) (aB3)",
            "E004",
            .overloaded,
            retries: 3
        ),
        Row(
            "The input or output was flagged as sensitive. Please try again with different inputs. (E005) (8Xg2kQ)",
            "E005",
            .contentRejected,
            retries: 0
        ),
        Row("Prediction interrupted; please retry (code: PA)", "PA", .interrupted, retries: 2),
        Row("Director: unexpected error handling prediction (E9828)", "E9828", .interrupted, retries: 2),
        Row("unknown error (E1000)", "E1000", .interrupted, retries: 2),
        Row("CUDA out of memory (E1001)", "E1001", .inputUnusable, retries: 0),
        Row("internal webhook (E4875)", "E4875", .webhookMissing, retries: 1),
        Row("Timeout starting prediction (E6716)", "E6716", .interrupted, retries: 3),
        Row("stopped (E8367)", "E8367", .interrupted, retries: 2),
        Row("health check failed (E8765)", "E8765", .interrupted, retries: 2),
        Row("error starting prediction (E9243)", "E9243", .interrupted, retries: 1),
        Row("upload failed (E9825)", "E9825", .interrupted, retries: 2),
        Row("Prediction timed out", nil, .timedOut, retries: 1),
        Row("cannot identify image file <_io.BytesIO>", nil, .inputUnusable, retries: 0),
        Row("404 Client Error: Not Found for url: https://example.com/a.png", nil, .inputUnreachable, retries: 1),
        Row("403 Client Error: Forbidden for url: https://example.com/a.png", nil, .inputUnreachable, retries: 1),
        Row("Invalid image", nil, .inputUnusable, retries: 0),
        Row("MiniMax failed, status_code: 1026", "1026", .contentRejected, retries: 0),
        Row("error 1027", "1027", .contentRejected, retries: 0),
        Row("code=2013 invalid params", "2013", .inputUnusable, retries: 0),
        Row("code: 1002", "1002", .overloaded, retries: 3),
        Row("code: 1008", "1008", .providerOutOfCredit, retries: 1),
        Row("code: 1001", "1001", .interrupted, retries: 2),
        Row("ran for 1026 seconds", nil, .unknown, retries: 1),
        Row("flagged as sensitive", nil, .contentRejected, retries: 0),
        Row("lower case (e005)", "E005", .contentRejected, retries: 0),
        Row("two codes (E7777) (E003)", "E003", .overloaded, retries: 3),
        Row("something new (E7777)", "E7777", .unknown, retries: 1),
        Row("", nil, .unknown, retries: 1),
    ]

    @Test(arguments: rows)
    func `an error text is sorted by its code, else by its words`(row: Row) {
        let failure = PredictionFailure(error: row.text)
        #expect(failure.reason == row.reason)
        #expect(failure.code == row.code)
        #expect(failure.retries == row.retries)
        #expect(failure.isTransient == (row.retries > 0))
        #expect(failure.text == row.text)
    }

    @Test
    func `only what may be tried again has a wait`() {
        for (code, rule) in PredictionFailure.byCode {
            #expect((rule.retries > 0) == (rule.delay > .zero), "\(code)")
        }
    }
}
