package import ZoetropeCore

/// Turns a photo's bytes into the planes that the renderer works on.
package struct PhotoDecoder: Sendable {
    let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// Decodes the part `crop` of the upright photo, given in its own pixels, to `size`, whose sides are even.
    ///
    /// Throws a ``MediaError`` with `source_unreadable` when the picture data are damaged.
    package func decode(_ photo: StillImage, crop: PixelRect, size: FrameSize) async throws -> PlanarPicture {
        let source = try AnonymousFile()
        defer { source.close() }
        let picture = try AnonymousFile()
        defer { picture.close() }
        try source.fill(photo.bytes)
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.decodePhoto(photo.header, crop: crop, size: size),
            limits: .photo,
            deadline: .seconds(90)
        )
        child.input = source.descriptor
        child.output = picture.descriptor
        let outcome = try await tools.run(child)
        let bytes = try picture.bytes(limit: size.bytesOfPlanarPicture + 1)
        guard outcome.succeeded, bytes.count == size.bytesOfPlanarPicture else {
            throw MediaError(
                .sourceUnreadable,
                "The \(photo.header.format.rawValue.uppercased()) is damaged: its picture data cannot be decoded",
                detail: outcome.detail
            )
        }
        return PlanarPicture(size: size, bytes: bytes)
    }
}

extension ImageHeader {
    /// Size of the photo as people see it.
    package var uprightSize: FrameSize { FrameSize(width: displayWidth, height: displayHeight) }
}
