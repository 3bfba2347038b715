import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import ZoetropeCore

/// The description of this API, `openapi.yaml`, which is part of the program.
struct OpenAPIRoutes: Sendable {
    private let document = ByteBuffer(bytes: PackageResources.openapi_yaml)
    private let entityTag: String

    init() {
        entityTag = "\"\(SHA256.hash(data: PackageResources.openapi_yaml).hexadecimal)\""
    }

    /// For everybody, also for pages of any origin: it holds nothing that is not published with the source.
    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        var headers: HTTPFields = [
            .eTag: entityTag, .cacheControl: "no-cache", .accessControlAllowOrigin: "*",
        ]
        if request.headers[.ifNoneMatch] == entityTag {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/yaml"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: document))
    }
}
