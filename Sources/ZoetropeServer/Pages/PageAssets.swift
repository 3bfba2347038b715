import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import ZoetropeCore

/// The files that pages are shown with; they are part of the program.
struct PageAssets: Sendable {
    enum Name: String, CaseIterable, Sendable {
        case style = "zoetrope.css"
        case script = "zoetrope.js"
        case mark = "mark.svg"
    }

    private struct File: Sendable {
        let bytes: ByteBuffer
        let type: String
        /// Changes with the file.
        let version: String

        init(_ bytes: [UInt8], _ type: String) {
            self.bytes = ByteBuffer(bytes: bytes)
            self.type = type
            version = String(SHA256.hash(data: bytes).hexadecimal.prefix(16))
        }
    }

    static let path: RouterPath = "/assets/{version}/{name}"
    private let files: [Name: File]

    init() {
        files = [
            .style: File(PackageResources.zoetrope_css, "text/css; charset=utf-8"),
            .script: File(PackageResources.zoetrope_js, "text/javascript; charset=utf-8"),
            .mark: File(PackageResources.mark_svg, "image/svg+xml"),
        ]
    }

    /// The path of a file, which is another once the file is.
    func address(_ name: Name) -> String { "/assets/\(files[name]?.version ?? "")/\(name.rawValue)" }

    /// For everybody; a browser asks once for each version.
    @Sendable func serve(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let name = context.parameters.get("name").flatMap({ Name(rawValue: $0) }),
            let file = files[name],
            context.parameters.get("version") == file.version
        else { throw Problem(.notFound, "not_found", "There is nothing at this address") }
        return Response(
            status: .ok,
            headers: [.contentType: file.type, .cacheControl: "public, max-age=31536000, immutable"],
            body: ResponseBody(byteBuffer: file.bytes)
        )
    }
}
