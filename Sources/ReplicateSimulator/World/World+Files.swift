import Crypto

/// An uploaded file.
struct StoredFile: Sendable {
    let id: String
    let account: Int
    let name: String
    let contentType: String
    let bytes: [UInt8]
    let md5: String
    let sha256: String
    let metadata: JSONObject
    let createdAt: Moment

    static let lifeSeconds = 86_400.0

    /// The most that one file can have: 100 MB.
    static let sizeLimit = 100_000_000

    var expiresAt: Moment { createdAt + Self.lifeSeconds }

    func json(base: String) -> JSONValue {
        [
            "id": .string(id),
            "name": .string(name),
            "content_type": .string(contentType),
            "size": .int(bytes.count),
            "etag": .string(md5),
            "checksums": ["sha256": .string(sha256), "md5": .string(md5)],
            "metadata": .object(metadata),
            "created_at": .string(createdAt.text(digits: 3)),
            "expires_at": .string(expiresAt.text(digits: 3)),
            "urls": ["get": .string("\(base)/v1/files/\(id)")],
        ]
    }
}

extension World {
    mutating func upload(_ account: Int, _ request: IncomingRequest, now: Moment) -> Answer {
        guard let form = MultipartForm(contentType: request.headers["content-type"] ?? "", body: request.body),
            let content = form["content"]
        else {
            return Problem.plain(400, "The request must be multipart/form-data with a part named \"content\"")
        }
        guard content.body.count < StoredFile.sizeLimit else { return Problem.fileTooLarge }
        func text(_ name: String) -> String? { form[name].map { String(decoding: $0.body, as: UTF8.self) } }
        let name = text("filename") ?? content.fileName ?? "file"
        guard name.utf8.count <= 255 else { return Problem.plain(422, "filename must have at most 255 bytes") }
        var metadata = JSONObject()
        if let part = form["metadata"] {
            guard let object = (try? JSONValue(parsing: part.body))?.object else {
                return Problem.plain(422, "metadata must be a JSON object")
            }
            metadata = object
        }
        guard storedBytes + content.body.count <= Self.storageLimit else {
            return Problem.plain(500, "The simulator holds 2 GiB of files; POST /_simulator/reset empties it")
        }
        let bytes = Array(content.body)
        let file = StoredFile(
            id: random.fileID(),
            account: account,
            name: name,
            contentType: text("type") ?? content.contentType ?? "application/octet-stream",
            bytes: bytes,
            md5: bytes.md5,
            sha256: bytes.sha256,
            metadata: metadata,
            createdAt: now
        )
        files[file.id] = file
        storedBytes += bytes.count
        accounts[account].files.append(file.id)
        agenda.insert(.expireFile(file.id), at: file.expiresAt)
        return .json(file.json(base: request.base), status: 201)
    }

    private func file(_ id: String, _ account: Int, now: Moment) -> StoredFile? {
        files[id].flatMap { $0.account == account && $0.expiresAt > now ? $0 : nil }
    }

    func getFile(_ id: String, _ account: Int, _ request: IncomingRequest, now: Moment) -> Answer {
        guard let file = file(id, account, now: now) else { return Problem.fileNotFound }
        return .json(file.json(base: request.base))
    }

    mutating func deleteFile(_ id: String, _ account: Int, now: Moment) -> Answer {
        guard file(id, account, now: now) != nil else { return Problem.fileNotFound }
        forgetFile(id)
        return Answer(status: 204, headers: [Header("Content-Type", "text/plain")])
    }

    mutating func forgetFile(_ id: String) {
        guard let file = files.removeValue(forKey: id) else { return }
        storedBytes -= file.bytes.count
        if accounts[file.account].files.first == id {
            accounts[file.account].files.removeFirst()
        } else {
            accounts[file.account].files.removeAll { $0 == id }
        }
    }

    /// The newest hundred; the cursor is the last id of the page before.
    func listFiles(_ account: Int, _ request: IncomingRequest, now: Moment) -> Answer {
        var ids = accounts[account].files.reversed()[...]
        if let cursor = request.target["cursor"] {
            guard let position = ids.firstIndex(of: cursor) else { return Problem.plain(404, "Invalid cursor") }
            ids = ids[ids.index(after: position)...]
        }
        let listed = ids.lazy.compactMap { file($0, account, now: now) }.prefix(101).map { $0 }
        let page = listed.prefix(100)
        var next: String?
        if listed.count > 100, let last = page.last {
            next = "\(request.base)/v1/files?cursor=\(RequestTarget.encoded(last.id))"
        }
        return .json([
            "previous": nil,
            "next": JSONValue(next),
            "results": .array(page.map { $0.json(base: request.base) }),
        ])
    }

    /// A download that is signed with the account's Files signing secret.
    func downloadFile(_ id: String, _ request: IncomingRequest, now: Moment) -> Answer {
        guard let owner = request.target["owner"], let expiry = request.target["expiry"],
            let signature = request.target["signature"]
        else { return Problem.plain(400, "owner, expiry and signature are required") }
        guard let index = accounts.firstIndex(where: { $0.username == owner }),
            let given = [UInt8](base64: signature.replacing(" ", with: "+")),
            HMAC<SHA256>
                .isValidAuthenticationCode(
                    given,
                    authenticating: Array("\(owner) \(id) \(expiry)".utf8),
                    using: SymmetricKey(data: accounts[index].filesSecret)
                )
        else { return Problem.plain(403, "Invalid signature") }
        guard let seconds = Int(expiry), seconds > now.unixSeconds else {
            return Problem.plain(403, "Expired signature")
        }
        guard let file = file(id, index, now: now) else { return Problem.fileNotFound }
        return Answer(
            status: 200,
            headers: [Header("Content-Type", "application/octet-stream")],
            body: .bytes(file.bytes)
        )
    }
}
