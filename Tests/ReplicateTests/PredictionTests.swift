import Foundation
import Replicate
import Testing

struct PredictionTests {
    /// Reads a prediction from JSON text.
    static func prediction(_ text: String) throws -> Prediction {
        try Prediction(JSONValue(parsing: Array(text.utf8)))
    }

    @Test
    func `the recorded answer to a create is read whole`() throws {
        let prediction = try Self.prediction(
            """
            {"id":"x18c1re8mxrma0crb3x8wbwqmg","model":"minimax/video-01-live","version":"hidden",
             "input":{"first_frame_image":"https://example.com/a.png","prompt":"a man is talking angrily","prompt_optimizer":true},
             "logs":"","output":null,"data_removed":false,"error":null,"status":"starting",
             "created_at":"2025-07-30T01:38:07.143Z",
             "urls":{"cancel":"https://api.replicate.com/v1/predictions/x18c/cancel",
                     "get":"https://api.replicate.com/v1/predictions/x18c",
                     "stream":"https://stream.replicate.com/v1/files/bcwr-abc",
                     "web":"https://replicate.com/p/x18c"}}
            """
        )
        #expect(prediction.id == "x18c1re8mxrma0crb3x8wbwqmg")
        #expect(prediction.model == "minimax/video-01-live")
        #expect(prediction.version == "hidden")
        #expect(prediction.status == .starting)
        #expect(!prediction.status.isTerminal)
        #expect(prediction.input["prompt_optimizer"] == true)
        #expect(prediction.output == .null)
        #expect(prediction.outputFiles.isEmpty)
        #expect(prediction.error == nil)
        #expect(prediction.logs == "")
        #expect(prediction.createdAt == Date(timeIntervalSince1970: 1_753_839_487.143))
        #expect(prediction.startedAt == nil)
        #expect(prediction.urls["get"] == "https://api.replicate.com/v1/predictions/x18c")
        #expect(!prediction.dataRemoved)
        #expect(prediction.failure == nil)
    }

    @Test
    func `a webhook body with nanoseconds, metrics and unknown keys is read`() throws {
        let body = """
            {"completed_at":"2025-06-08T10:11:12.123456789Z","created_at":"2025-06-08T10:11:05.127Z","data_removed":false,"error":null,
             "id":"a1","input":{},"logs":"x","metrics":{"predict_time":5.247161016,"video_output_duration_seconds":6,"with_audio":false},
             "model":"m/n","output":["https://replicate.delivery/xezq/a/tmp.mp4"],"status":"succeeded","new_in_2027":{"a":[1]},
             "version":"hidden","webhook":"https://example.com/hook","webhook_events_filter":["completed"]}
            """
        let prediction = try Prediction(webhookBody: body.utf8)
        #expect(prediction.status.isTerminal)
        #expect(prediction.outputFiles == ["https://replicate.delivery/xezq/a/tmp.mp4"])
        #expect(prediction.metrics["predict_time"]?.number == 5.247161016)
        #expect(prediction.metrics["video_output_duration_seconds"]?.number == 6)
        #expect(prediction.metrics["with_audio"]?.bool == false)
        #expect(prediction.members["new_in_2027"]?["a"] == [1])
        #expect(prediction.webhook == "https://example.com/hook")
        #expect(prediction.completedAt != nil)
    }

    @Test(arguments: ["succeeded", "failed", "canceled", "aborted"])
    func `these four are the end`(word: String) {
        #expect(PredictionStatus(rawValue: word).isTerminal)
    }

    @Test(arguments: ["starting", "processing", "queued", "SUCCEEDED", "cancelled", ""])
    func `any other word is kept and is not the end`(word: String) {
        let status = PredictionStatus(rawValue: word)
        #expect(!status.isTerminal)
        #expect(status.rawValue == word)
    }

    @Test
    func `members of unexpected types are absent, not an error`() throws {
        let prediction = try Self.prediction(
            #"{"id":"a","status":"processing","logs":7,"metrics":[],"urls":"no","created_at":5,"input":"x","error":{"a":1},"data_removed":"yes"}"#
        )
        #expect(prediction.logs == nil)
        #expect(prediction.metrics.isEmpty)
        #expect(prediction.urls.isEmpty)
        #expect(prediction.createdAt == nil)
        #expect(prediction.input.isEmpty)
        #expect(prediction.error == #"{"a":1}"#)
        #expect(!prediction.dataRemoved)
    }

    @Test
    func `a repeated key is no error`() throws {
        let prediction = try Self.prediction(#"{"id":"a","model":"m/n","status":"starting","model":"m/n"}"#)
        #expect(prediction.model == "m/n")
    }

    @Test(arguments: [
        "[]", "7", "{}", #"{"status":"starting"}"#, #"{"id":"","status":"x"}"#, #"{"id":7,"status":"x"}"#,
    ])
    func `without an id it is no prediction`(text: String) {
        #expect(throws: UnreadableAnswer.self) { try Self.prediction(text) }
    }

    @Test(arguments: ["", "{", "<html>", #"{"id":01}"#])
    func `a webhook's body that is not JSON is unreadable`(text: String) {
        #expect(throws: UnreadableAnswer.self) { try Prediction(webhookBody: text.utf8) }
    }

    @Test
    func `with an id it is one, whatever else is missing`() throws {
        let prediction = try Self.prediction(#"{"id":"a"}"#)
        #expect(prediction.status.rawValue == "")
        #expect(!prediction.status.isTerminal)
    }

    @Test
    func `an output file is there or the failure is thrown`() throws {
        let done = try Self.prediction(#"{"id":"a","status":"succeeded","output":"u"}"#)
        #expect(try done.outputFile() == "u")
        let failed = try Self.prediction(#"{"id":"a","status":"failed","error":"x (E005)"}"#)
        #expect(throws: PredictionFailure(error: "x (E005)")) { try failed.outputFile() }
        let odd = try Self.prediction(#"{"id":"a","status":"succeeded","output":{"a":1}}"#)
        #expect(throws: PredictionFailure.self) { try odd.outputFile() }
    }

    @Test
    func `an empty error text is none`() throws {
        #expect(try Self.prediction(#"{"id":"a","status":"succeeded","error":"","output":"u"}"#).error == nil)
    }

    @Test
    func `success without output is a failure, unless the data were removed`() throws {
        let lost = try Self.prediction(#"{"id":"a","status":"succeeded","output":null}"#)
        #expect(lost.failure?.reason == .missingOutput)
        #expect(lost.failure?.isTransient == true)
        for output in [#"[]"#, #""""#, "[null]"] {
            let empty = try Self.prediction(#"{"id":"a","status":"succeeded","output":\#(output)}"#)
            #expect(empty.failure?.reason == .missingOutput, "\(output)")
        }
        let removed = try Self.prediction(#"{"id":"a","status":"succeeded","output":null,"data_removed":true}"#)
        #expect(removed.failure == nil)
    }
}
