/// A box inside another one.
///
/// Those at the top of the file, which are read in ranges, are ``MP4Movie/TopLevelBox``.
struct MP4Box {
    let type: FourCC
    let content: ByteCursor
}

extension ByteCursor {
    /// The boxes that stand side by side in the rest of this window.
    ///
    /// Nothing is entered that the caller does not ask for, and every caller asks for boxes by their place in the
    /// standard's tree, so nesting has a fixed depth whatever the file says.
    func boxes() throws(MP4Error) -> [MP4Box] {
        var cursor = self
        var boxes: [MP4Box] = []
        while cursor.rest.count >= 8 {
            guard boxes.count < MP4Limits.boxesInOne else {
                throw MP4Error(.tooLarge, "'\(box)' holds more than \(MP4Limits.boxesInOne) boxes")
            }
            boxes.append(try cursor.nextBox())
        }
        // QuickTime ends such lists with a zero word.
        guard cursor.rest.allSatisfy({ $0 == 0 }) else {
            throw MP4Error(.malformed, "'\(box)' ends with \(cursor.rest.count) bytes that are no box")
        }
        return boxes
    }

    private mutating func nextBox() throws(MP4Error) -> MP4Box {
        let available = UInt64(rest.count)
        let shortSize = try uint32()
        let type = try fourCC()
        let size: UInt64
        let headerSize: UInt64
        switch shortSize {
        case 0: (size, headerSize) = (available, 8)
        case 1: (size, headerSize) = (try uint64(), 16)
        default: (size, headerSize) = (UInt64(shortSize), 8)
        }
        guard size >= headerSize, size <= available else {
            throw MP4Error(.malformed, "'\(type)' in '\(box)' claims \(size) bytes of \(available)")
        }
        return MP4Box(type: type, content: ByteCursor(try take(Int(size - headerSize)), of: type))
    }
}

extension [MP4Box] {
    /// The content of the box of this type, or `nil` when there is none.
    ///
    /// Two of them throw: players differ in which one they believe, so that what was checked would not be what is shown.
    func only(_ type: FourCC) throws(MP4Error) -> ByteCursor? {
        var found: ByteCursor?
        for box in self where box.type == type {
            guard found == nil else { throw MP4Error(.malformed, "'\(type)' is there twice") }
            found = box.content
        }
        return found
    }

    func required(_ type: FourCC) throws(MP4Error) -> ByteCursor {
        guard let content = try only(type) else { throw MP4Error(.malformed, "'\(type)' is missing") }
        return content
    }
}
