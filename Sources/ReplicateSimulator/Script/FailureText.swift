/// The texts of failed predictions that were seen or documented (fact sheet, 3.3).
package enum FailureText: String, Sendable, CaseIterable {
    case vendorCredit = "E001"
    case vendorKey = "E002"
    case highDemand = "E003"
    case vendorTimeout = "E004"
    case contentRejected = "E005"
    case interrupted = "PA"
    case director = "E9828"
    case unknown = "E1000"
    case outOfMemory = "E1001"
    case emptyWebhook = "E4875"
    case startTimeout = "E6716"
    case nonTerminal = "E8367"
    case healthCheck = "E8765"
    case startError = "E9243"
    case uploadFailed = "E9825"
    case timedOut = "timed_out"
    case inputNotFound = "input_404"
    case inputForbidden = "input_403"
    case notAnImage = "not_an_image"
    case invalidImage = "invalid_image"
    case vendorInputSensitive = "1026"
    case vendorOutputSensitive = "1027"
    case vendorBadParameter = "2013"
    case vendorRateLimit = "1002"
    case vendorBalance = "1008"
    case vendorInternal = "1013"
    case creditMidRun = "402"
    case surprise = "surprise"

    /// What `error` says.
    package var text: String {
        switch self {
        case .vendorCredit: "An error occurred while processing your request (E001)"
        case .vendorKey: "An error occurred while processing your request (E002)"
        case .highDemand: "Service is currently unavailable due to high demand. Please try again later. (E003)"
        case .vendorTimeout: "Service is temporarily unavailable. Please try again later. (E004)"
        case .contentRejected:
            "The input or output was flagged as sensitive. Please try again with different inputs. (E005) (vWqTz4Hk2m)"
        case .interrupted: "Prediction interrupted; please retry (code: PA)"
        case .director: "Director: unexpected error handling prediction (E9828)"
        case .unknown: "An unknown error occurred (E1000)"
        case .outOfMemory: "Prediction ran out of memory (E1001)"
        case .emptyWebhook: "Internal webhook URL is empty (E4875)"
        case .startTimeout: "Timed out starting prediction (E6716)"
        case .nonTerminal: "Prediction stopped in a non-terminal state (E8367)"
        case .healthCheck: "Model health check failed (E8765)"
        case .startError: "Error starting prediction (E9243)"
        case .uploadFailed: "Failed to upload file (E9825)"
        case .timedOut: "Prediction timed out"
        case .inputNotFound: "404 Client Error: Not Found for url: https://example.com/image.png"
        case .inputForbidden: "403 Client Error: Forbidden for url: https://example.com/image.png"
        case .notAnImage: "cannot identify image file '/tmp/tmp0a1b2c3d.png'"
        case .invalidImage: "Invalid image"
        case .vendorInputSensitive: "Video generation failed: 1026 input sensitive"
        case .vendorOutputSensitive: "Video generation failed: 1027 output sensitive"
        case .vendorBadParameter: "Video generation failed: 2013 invalid params"
        case .vendorRateLimit: "Video generation failed: 1002 rate limit"
        case .vendorBalance: "Video generation failed: 1008 insufficient balance"
        case .vendorInternal: "Video generation failed: 1013 internal error"
        case .creditMidRun: "402 Payment Required: insufficient credit to finish this prediction"
        case .surprise: "Something happened"
        }
    }

    /// Whether it comes without `started_at`, metrics and logs.
    var comesBeforeStart: Bool {
        switch self {
        case .interrupted, .startTimeout, .startError, .emptyWebhook: true
        default: false
        }
    }
}

extension Plan {
    /// A prediction that fails with one of the known texts.
    package static func failing(_ failure: FailureText, queueSeconds: Double? = nil, runSeconds: Double? = nil) -> Plan
    {
        Plan(
            queueSeconds: queueSeconds,
            runSeconds: runSeconds,
            result: .failed(failure.text),
            endsBeforeStart: failure.comesBeforeStart
        )
    }
}
