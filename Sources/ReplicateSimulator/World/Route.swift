/// What a request of the API asks for.
enum Route: Sendable, Hashable {
    case createForModel(String)
    case createByVersion
    case createForDeployment(String)
    case get(String)
    case list
    case cancel(String)
    case model(String)
    case versions(String)
    case version(String, String)
    case account
    case webhookSecret
    case fileUpload
    case fileList
    case fileGet(String)
    case fileDelete(String)
    case fileDownload(String)
    case unknown

    init(method: String, segments: [String]) {
        guard segments.first == "v1" else {
            self = .unknown
            return
        }
        let path = Array(segments.dropFirst())
        self =
            switch (method, path.count, path.first) {
            case ("POST", 4, "models") where path[3] == "predictions": .createForModel("\(path[1])/\(path[2])")
            case ("POST", 4, "deployments") where path[3] == "predictions":
                .createForDeployment("\(path[1])/\(path[2])")
            case ("POST", 1, "predictions"): .createByVersion
            case ("GET", 1, "predictions"): .list
            case ("GET", 2, "predictions"): .get(path[1])
            case ("POST", 3, "predictions") where path[2] == "cancel": .cancel(path[1])
            case ("GET", 3, "models"): .model("\(path[1])/\(path[2])")
            case ("GET", 4, "models") where path[3] == "versions": .versions("\(path[1])/\(path[2])")
            case ("GET", 5, "models") where path[3] == "versions": .version("\(path[1])/\(path[2])", path[4])
            case ("GET", 1, "account"): .account
            case ("GET", 3, "webhooks") where path[1] == "default" && path[2] == "secret": .webhookSecret
            case ("POST", 1, "files"): .fileUpload
            case ("GET", 1, "files"): .fileList
            case ("GET", 2, "files"): .fileGet(path[1])
            case ("DELETE", 2, "files"): .fileDelete(path[1])
            case ("GET", 3, "files") where path[2] == "download": .fileDownload(path[1])
            default: .unknown
            }
    }

    /// What rules call it; nil for what does not exist.
    var exchange: Exchange? {
        switch self {
        case .createForModel, .createByVersion, .createForDeployment: .create
        case .get: .get
        case .list: .list
        case .cancel: .cancel
        case .model, .versions, .version: .model
        case .account: .account
        case .webhookSecret: .webhookSecret
        case .fileUpload: .fileUpload
        case .fileList: .fileList
        case .fileGet: .fileGet
        case .fileDelete: .fileDelete
        case .fileDownload: .fileDownload
        case .unknown: nil
        }
    }
}

/// A request of the API, read as far as that goes without knowing the world.
struct Call: Sendable {
    let request: IncomingRequest
    let route: Route
    /// The JSON of a create's body.
    let body: Result<JSONValue, JSONError>?

    init(_ request: IncomingRequest) {
        self.request = request
        route = Route(method: request.method, segments: request.target.segments)
        guard route.exchange == .create, !request.isTooLarge else {
            body = nil
            return
        }
        do {
            body = .success(try JSONValue(parsing: request.body))
        } catch {
            body = .failure(error)
        }
    }

    /// The body as an object, if it is one.
    var object: JSONObject? { if case .success(.object(let object)) = body { object } else { nil } }
}
