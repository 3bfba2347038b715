/// What an H.264 sequence parameter set says about the picture.
///
/// Source: ITU-T H.264, clauses 7.3.2.1.1 (the set), E.1.1 (usability information) and E.1.2 (buffer model).
package struct SequenceParameterSet: Sendable, Equatable {
    /// A width to a height.
    package struct Ratio: Sendable, Hashable {
        package let horizontal: Int
        package let vertical: Int
    }

    /// One picture lasts `2 × unitsInTick / timeScale` seconds.
    package struct Timing: Sendable, Hashable {
        package let unitsInTick: Int
        package let timeScale: Int
        package let isFixedRate: Bool
    }

    /// 66 Baseline, 77 Main, 100 High.
    package let profile: Int
    /// `constraint_set0_flag` is the highest bit.
    package let constraintFlags: UInt8
    /// Ten times the level: 31 is level 3.1.
    package let level: Int
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    package private(set) var chromaFormat = 1
    package private(set) var lumaBitDepth = 8
    package private(set) var chromaBitDepth = 8
    package private(set) var maxReferenceFrames = 0
    /// `frame_mbs_only_flag`: no picture is made of fields.
    package private(set) var isFrameOnly = true
    /// In pixels, after cropping.
    package private(set) var width = 0
    package private(set) var height = 0
    /// Of one pixel; `nil` when it is not said.
    package private(set) var sampleAspectRatio: Ratio?
    /// `nil` when it is not said.
    package private(set) var isFullRange: Bool?
    /// `nil` when it is not said.
    package private(set) var colour: ColourDescription?
    package private(set) var timing: Timing?
    /// How many frames may precede a frame in the file and follow it on the screen; `nil` when it is not said.
    package private(set) var maxReorderFrames: Int?

    /// Reads a set with its one-byte header, as `avcC` holds it, without a start code.
    package init(nalUnit: some Sequence<UInt8>) throws(MP4Error) {
        let payload = Self.payload(of: nalUnit)
        guard let header = payload.first, header & 0x1F == 7 else {
            throw MP4Error(.malformed, "a sequence parameter set is of another type")
        }
        var reader = BitReader(Array(payload.dropFirst()), reading: "the sequence parameter set")
        profile = try reader.bits(8)
        constraintFlags = UInt8(try reader.bits(8))
        level = try reader.bits(8)
        _ = try reader.exponential()  // seq_parameter_set_id
        let separatesPlanes = Self.profilesWithChromaFormat.contains(profile) ? try readChromaFormat(&reader) : false
        try Self.skipPictureOrder(&reader)
        maxReferenceFrames = try reader.exponential()
        _ = try reader.flag()  // gaps_in_frame_num_value_allowed_flag
        try readSize(&reader, chromaSampling: separatesPlanes ? 0 : chromaFormat)
        if try reader.flag() { try readUsability(&reader) }
    }

    /// The profiles whose sets carry a chroma format, clause 7.3.2.1.1.
    private static let profilesWithChromaFormat: Set = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]

    /// The unit without its emulation prevention bytes (00 00 03 → 00 00), clause 7.3.1.
    private static func payload(of nalUnit: some Sequence<UInt8>) -> [UInt8] {
        var payload: [UInt8] = []
        var zeros = 0
        for byte in nalUnit {
            if zeros >= 2, byte == 3 {
                zeros = 0
                continue
            }
            zeros = byte == 0 ? zeros + 1 : 0
            payload.append(byte)
        }
        return payload
    }

    /// Returns whether the three planes are coded apart.
    private mutating func readChromaFormat(_ reader: inout BitReader) throws(MP4Error) -> Bool {
        chromaFormat = try reader.exponential()
        guard chromaFormat <= 3 else { throw MP4Error(.malformed, "chroma format \(chromaFormat) does not exist") }
        let separatesPlanes = chromaFormat == 3 ? try reader.flag() : false
        lumaBitDepth = 8 + (try reader.exponential())
        chromaBitDepth = 8 + (try reader.exponential())
        _ = try reader.flag()  // qpprime_y_zero_transform_bypass_flag
        if try reader.flag() {
            for list in 0..<(chromaFormat == 3 ? 12 : 8) where try reader.flag() {
                try Self.skipScalingList(&reader, size: list < 6 ? 16 : 64)
            }
        }
        return separatesPlanes
    }

    private static func skipScalingList(_ reader: inout BitReader, size: Int) throws(MP4Error) {
        var last = 8
        for _ in 0..<size {
            // Modulo 256 as the standard has it; «& 255» is the same for negative numbers too.
            let next = (last + (try reader.signedExponential())) & 255
            if next == 0 { return }
            last = next
        }
    }

    private static func skipPictureOrder(_ reader: inout BitReader) throws(MP4Error) {
        _ = try reader.exponential()  // log2_max_frame_num_minus4
        switch try reader.exponential() {
        case 0: _ = try reader.exponential()  // log2_max_pic_order_cnt_lsb_minus4
        case 1:
            _ = try reader.flag()  // delta_pic_order_always_zero_flag
            _ = try reader.signedExponential()  // offset_for_non_ref_pic
            _ = try reader.signedExponential()  // offset_for_top_to_bottom_field
            let count = try reader.exponential()
            guard count <= 255 else { throw MP4Error(.malformed, "a picture order cycle of \(count), at most 255") }
            for _ in 0..<count { _ = try reader.signedExponential() }
        case 2: break
        case let other: throw MP4Error(.malformed, "picture order type \(other) does not exist")
        }
    }

    /// `chromaSampling` is the chroma format, or 0 when the planes are coded apart.
    private mutating func readSize(_ reader: inout BitReader, chromaSampling: Int) throws(MP4Error) {
        let codedWidth = 16 * (1 + (try reader.exponential()))
        let mapUnits = 1 + (try reader.exponential())
        isFrameOnly = try reader.flag()
        let rowsInUnit = isFrameOnly ? 1 : 2
        if !isFrameOnly { _ = try reader.flag() }  // mb_adaptive_frame_field_flag
        _ = try reader.flag()  // direct_8x8_inference_flag
        let codedHeight = 16 * mapUnits * rowsInUnit
        guard codedWidth <= MP4Limits.pictureSide, codedHeight <= MP4Limits.pictureSide else {
            throw MP4Error(
                .tooLarge,
                "a picture of \(codedWidth)×\(codedHeight), at most \(MP4Limits.pictureSide) a side"
            )
        }
        var croppedColumns = 0
        var croppedRows = 0
        if try reader.flag() {
            let columns = (try reader.exponential()) + (try reader.exponential())
            let rows = (try reader.exponential()) + (try reader.exponential())
            croppedColumns = columns * (chromaSampling == 1 || chromaSampling == 2 ? 2 : 1)
            croppedRows = rows * (chromaSampling == 1 ? 2 : 1) * rowsInUnit
        }
        guard croppedColumns < codedWidth, croppedRows < codedHeight else {
            throw MP4Error(.malformed, "a picture of \(codedWidth)×\(codedHeight) is cropped away")
        }
        (width, height) = (codedWidth - croppedColumns, codedHeight - croppedRows)
    }

    private mutating func readUsability(_ reader: inout BitReader) throws(MP4Error) {
        if try reader.flag() { sampleAspectRatio = try Self.readSampleAspectRatio(&reader) }
        if try reader.flag() { _ = try reader.flag() }  // overscan
        if try reader.flag() {
            _ = try reader.bits(3)  // video_format
            isFullRange = try reader.flag()
            if try reader.flag() {
                colour = ColourDescription(
                    primaries: try reader.bits(8),
                    transfer: try reader.bits(8),
                    matrix: try reader.bits(8)
                )
            }
        }
        if try reader.flag() {
            _ = try reader.exponential()  // chroma_sample_loc_type_top_field
            _ = try reader.exponential()  // chroma_sample_loc_type_bottom_field
        }
        if try reader.flag() {
            timing = Timing(
                unitsInTick: try reader.bits(32),
                timeScale: try reader.bits(32),
                isFixedRate: try reader.flag()
            )
        }
        let hasNALBuffer = try reader.flag()
        if hasNALBuffer { try Self.skipBufferModel(&reader) }
        let hasVCLBuffer = try reader.flag()
        if hasVCLBuffer { try Self.skipBufferModel(&reader) }
        if hasNALBuffer || hasVCLBuffer { _ = try reader.flag() }  // low_delay_hrd_flag
        _ = try reader.flag()  // pic_struct_present_flag
        if try reader.flag() {
            _ = try reader.flag()  // motion_vectors_over_pic_boundaries_flag
            for _ in 0..<4 { _ = try reader.exponential() }  // limits of bytes, bits and vectors
            maxReorderFrames = try reader.exponential()
        }
    }

    /// Table E-1, from `aspect_ratio_idc` 1 on.
    private static let aspectRatios = [
        (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11),
        (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
    ]

    private static func readSampleAspectRatio(_ reader: inout BitReader) throws(MP4Error) -> Ratio? {
        let index = try reader.bits(8)
        if index == 255 {
            let ratio = Ratio(horizontal: try reader.bits(16), vertical: try reader.bits(16))
            return ratio.horizontal > 0 && ratio.vertical > 0 ? ratio : nil
        }
        guard index >= 1, index <= aspectRatios.count else { return nil }
        return Ratio(horizontal: aspectRatios[index - 1].0, vertical: aspectRatios[index - 1].1)
    }

    private static func skipBufferModel(_ reader: inout BitReader) throws(MP4Error) {
        let count = 1 + (try reader.exponential())
        guard count <= 32 else { throw MP4Error(.malformed, "\(count) buffer models, at most 32") }
        _ = try reader.bits(8)  // bit_rate_scale, cpb_size_scale
        for _ in 0..<count {
            _ = try reader.exponential()  // bit_rate_value_minus1
            _ = try reader.exponential()  // cpb_size_value_minus1
            _ = try reader.flag()  // cbr_flag
        }
        _ = try reader.bits(20)  // three delay lengths and the time offset length
    }
}

/// The code points of H.264 table E-3 to E-5, which `colr` shares.
package struct ColourDescription: Sendable, Hashable, CustomStringConvertible {
    package let primaries: Int
    package let transfer: Int
    package let matrix: Int

    package init(primaries: Int, transfer: Int, matrix: Int) {
        self.primaries = primaries
        self.transfer = transfer
        self.matrix = matrix
    }

    package var description: String { "\(primaries)/\(transfer)/\(matrix)" }
}
