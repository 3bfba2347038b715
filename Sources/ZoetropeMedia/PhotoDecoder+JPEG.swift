package import ZoetropeCore

extension PhotoDecoder {
    /// Decodes the part `crop` of the upright photo and encodes it as a JPEG of `size`.
    ///
    /// `quantiser` goes from 2, the best, to 31. Throws a ``MediaError`` with `source_unreadable` when the picture data
    /// are damaged.
    package func jpeg(
        _ photo: StillImage,
        crop: PixelRect,
        size: FrameSize,
        quantiser: Int
    ) async throws -> [UInt8] {
        let source = try AnonymousFile()
        defer { source.close() }
        let picture = try AnonymousFile()
        defer { picture.close() }
        try source.fill(photo.bytes)
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.decodePhoto(photo.header, crop: crop, size: size, into: .jpeg(quantiser: quantiser)),
            limits: .photo,
            deadline: .seconds(90)
        )
        child.input = source.descriptor
        child.output = picture.descriptor
        let outcome = try await tools.run(child)
        let bytes = try picture.bytes(limit: ImageLimits.standard.maxBytes)
        guard outcome.succeeded, let made = try? StillImage(parsing: bytes), made.header.uprightSize == size else {
            throw MediaError(
                .sourceUnreadable,
                "The \(photo.header.format.name) is damaged: its picture data cannot be decoded",
                detail: outcome.detail
            )
        }
        return bytes
    }
}
