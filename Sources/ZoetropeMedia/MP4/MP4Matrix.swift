/// How a track is placed on the screen: `a b u c d v x y w`, as `tkhd` and `mvhd` store it.
///
/// All are 16.16 fixed point but `u`, `v` and `w`, which are 2.30 (ISO/IEC 14496-12, clause 6.2.2).
package struct MP4Matrix: Sendable, Hashable {
    package let values: [Int32]

    static let identity = MP4Matrix(values: [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30])

    package var isIdentity: Bool { self == .identity }

    /// Clockwise, in degrees: 0, 90, 180 or 270; `nil` for flips, other angles and other scales.
    package var rotation: Int? {
        let one: Int32 = 1 << 16
        return switch (values[0], values[1], values[3], values[4]) {
        case (one, 0, 0, one): 0
        case (0, one, -one, 0): 90
        case (-one, 0, 0, -one): 180
        case (0, -one, one, 0): 270
        default: nil
        }
    }

    private init(values: [Int32]) {
        self.values = values
    }

    init(_ cursor: inout ByteCursor) throws(MP4Error) {
        var values: [Int32] = []
        for _ in 0..<9 { values.append(try cursor.int32()) }
        self.values = values
    }
}
