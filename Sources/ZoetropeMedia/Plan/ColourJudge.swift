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
        // Luma says little of the matrix and much of how the picture is framed.
        func distance(_ meaning: ColourDescription) -> Double {
            zip(video, photo)
                .reduce(0) { sum, pair in
                    let wanted = pair.1.chroma(as: meaning)
                    let (blue, red) = (pair.0.blue - wanted.blue, pair.0.red - wanted.red)
                    return sum + blue * blue + red * red
                }
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

        func colour(as meaning: ColourDescription) -> Colour {
            let (kr, kb) = meaning.weights
            let luma = (luma - 16) / 219
            let (blue, red) = ((blue - 128) / 224, (red - 128) / 224)
            return Colour(
                red: luma + 2 * (1 - kr) * red,
                green: luma - (2 * kb * (1 - kb) * blue + 2 * kr * (1 - kr) * red) / (1 - kr - kb),
                blue: luma + 2 * (1 - kb) * blue
            )
        }
    }

    /// From 0 to 1.
    private struct Colour {
        let red, green, blue: Double

        /// Both differences, in limited range.
        func chroma(as meaning: ColourDescription) -> (blue: Double, red: Double) {
            let (kr, kb) = meaning.weights
            let luma = kr * red + (1 - kr - kb) * green + kb * blue
            return (128 + (blue - luma) / (2 * (1 - kb)) * 224, 128 + (red - luma) / (2 * (1 - kr)) * 224)
        }
    }
}

extension ColourDescription {
    /// The part of red and of blue in luma, H.264 table E-5.
    fileprivate var weights: (red: Double, blue: Double) {
        matrix == MP4Target.colour709.matrix ? (0.2126, 0.0722) : (0.299, 0.114)
    }
}
