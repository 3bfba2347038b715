/// A `multipart/form-data` body as a browser writes it.
struct TestForm: Sendable {
    static let boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"

    private var parts: [UInt8] = []

    var headers: [String: String] { ["content-type": "multipart/form-data; boundary=\(Self.boundary)"] }
    var bytes: [UInt8] { parts + Array("--\(Self.boundary)--\r\n".utf8) }

    mutating func add(_ name: String, _ content: [UInt8], file: String? = nil) {
        parts += "--\(Self.boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"".utf8
        if let file { parts += "; filename=\"\(file)\"\r\nContent-Type: image/jpeg".utf8 }
        parts += "\r\n\r\n".utf8
        parts += content
        parts += "\r\n".utf8
    }

    init() {}

    /// With an image and one other field.
    init(_ name: String, _ value: String) {
        add("image", Self.photo, file: "a.jpg")
        add(name, Array(value.utf8))
    }

    init(image: [UInt8]) {
        add("image", image, file: "a.jpg")
    }

    /// With an image that is called as a browser would never call it.
    init(image: [UInt8], name: String, type: String = "image/jpeg") {
        let type = type.isEmpty ? "" : "\r\nContent-Type: \(type)"
        parts += "--\(Self.boundary)\r\nContent-Disposition: form-data; name=image; filename=\"\(name)\"\(type)".utf8
        parts += "\r\n\r\n".utf8
        parts += image
        parts += "\r\n".utf8
    }

    /// A JPEG of 64 × 64 grey pixels.
    static let photo: [UInt8] = {
        func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
            let length = payload.count + 2
            return [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + payload
        }
        let huffman = [0x00, 0x10].flatMap { segment(0xC4, [$0, 1] + [UInt8](repeating: 0, count: 15) + [0]) }
        return [0xFF, 0xD8]
            + segment(0xE0, Array("JFIF\0".utf8) + [1, 1, 0, 0, 1, 0, 1, 0, 0])
            + segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
            + huffman
            + segment(0xC0, [8, 0, 64, 0, 64, 1, 1, 0x11, 0])
            + segment(0xDA, [1, 1, 0, 0, 63, 0])
            + [UInt8](repeating: 0, count: 16)
            + [0xFF, 0xD9]
    }()
}
