package import SystemPackage
package import ZoetropeCore

/// Finds out what the numbers of a video mean that does not say it: the picture looks like the photo that it was made
/// from in one reading, and like a tinted one in the other.
package struct ColourJudge: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// The pictures that are compared are squares of so many pixels.
    static let side = 128
    /// They are compared field by field: whole photos are often grey on average.
    private static let fieldSide = 16
    /// Bytes of both, side by side.
    static let byteCount = 2 * side * side * 3 / 2

    /// Compares frame 0 of a video with the photo.
    ///
    /// - Parameters:
    ///   - name: Bare name of the video in `folder`.
    ///   - folder: The folder of work.
    ///   - photo: What it was made from; nil when it is not at hand.
    /// - Returns: BT.709 or BT.601; BT.601 where nothing can be learnt, as ffmpeg and most players take it.
    /// - Throws: ``MediaError``; `CancellationError`.
    package func meaning(of name: String, in folder: FilePath, photo: StillImage?) async throws -> ColourDescription {
        guard let photo else { return MP4Target.colour601 }
        let input = try AnonymousFile()
        defer { input.close() }
        let pictures = try AnonymousFile()
        defer { pictures.close() }
        try input.fill(photo.bytes)
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.compareColours(of: name, with: photo.header),
            limits: .photo,
            deadline: .seconds(60)
        )
        child.folder = folder
        child.input = input.descriptor
        child.output = pictures.descriptor
        // What fails here says nothing of the colours; what is wrong with the video shows where it is used.
        guard try await tools.run(child).succeeded else { return MP4Target.colour601 }
        return Self.meaning(try pictures.bytes(limit: Self.byteCount + 1)) ?? MP4Target.colour601
    }

    /// Judges two pictures side by side, in planes of YUV 4:2:0: to the left the video with its numbers as they are, to the
    /// right the photo in BT.709.
    ///
    /// - Returns: `nil` when they are not there.
    static func meaning(_ planes: [UInt8]) -> ColourDescription? {
        guard planes.count == byteCount else { return nil }
        let video = fields(planes, column: 0)
        let photo = fields(planes, column: side).map { $0.colour(as: MP4Target.colour709) }
        func distance(_ meaning: ColourDescription) -> Double {
            zip(video, photo).reduce(0) { $0 + $1.0.colour(as: meaning).distance(to: $1.1) }
        }
        return distance(MP4Target.colour709) < distance(MP4Target.colour601)
            ? MP4Target.colour709 : MP4Target.colour601
    }

    /// The means of the fields of one of the pictures, which begins at this column.
    private static func fields(_ planes: [UInt8], column start: Int) -> [Field] {
        let width = 2 * side
        func mean(plane: Int, width: Int, column: Int, row: Int, side: Int) -> Double {
            var sum = 0
            for line in row..<row + side {
                let first = plane + line * width + column
                sum += planes[first..<first + side].reduce(0) { $0 + Int($1) }
            }
            return Double(sum) / Double(side * side)
        }
        var fields: [Field] = []
        for row in stride(from: 0, to: side, by: fieldSide) {
            for column in stride(from: start, to: start + side, by: fieldSide) {
                func chroma(_ plane: Int) -> Double {
                    mean(plane: plane, width: width / 2, column: column / 2, row: row / 2, side: fieldSide / 2)
                }
                fields.append(
                    Field(
                        luma: mean(plane: 0, width: width, column: column, row: row, side: fieldSide),
                        blue: chroma(width * side),
                        red: chroma(width * side * 5 / 4)
                    )
                )
            }
        }
        return fields
    }

    private struct Field {
        /// Of luma and of both differences, in limited range.
        let luma, blue, red: Double

        /// By the coefficients of H.264 table E-5.
        func colour(as meaning: ColourDescription) -> Colour {
            let (kr, kb) = meaning.matrix == MP4Target.colour709.matrix ? (0.2126, 0.0722) : (0.299, 0.114)
            let luma = (luma - 16) / 219 * 255
            let (blue, red) = ((blue - 128) / 224 * 255, (red - 128) / 224 * 255)
            func clamped(_ value: Double) -> Double { min(max(value, 0), 255) }
            let green = luma - (2 * kb * (1 - kb) * blue + 2 * kr * (1 - kr) * red) / (1 - kr - kb)
            return Colour(
                red: clamped(luma + 2 * (1 - kr) * red),
                green: clamped(green),
                blue: clamped(luma + 2 * (1 - kb) * blue)
            )
        }
    }

    private struct Colour {
        let red, green, blue: Double

        func distance(to other: Colour) -> Double {
            let (red, green, blue) = (red - other.red, green - other.green, blue - other.blue)
            return red * red + green * green + blue * blue
        }
    }
}
