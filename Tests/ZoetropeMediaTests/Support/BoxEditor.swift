import Testing

/// An MP4 file as a tree of boxes that tests can bend; written apart from the reader under test.
struct BoxEditor {
    var boxes: [BoxNode]
    private let mediaOffset: Int

    init(_ file: [UInt8]) {
        boxes = BoxNode.parse(file[...])
        mediaOffset = Self.mediaOffset(of: boxes)
    }

    /// The file with right box sizes again, and chunk offsets that follow `mdat` when it has moved.
    func file() -> [UInt8] {
        var copy = self
        let shift = Self.mediaOffset(of: boxes) - mediaOffset
        if shift != 0 {
            for index in copy.boxes.indices { copy.boxes[index].shiftChunks(by: shift) }
        }
        return copy.boxes.flatMap { $0.bytes() }
    }

    /// Changes the first box at a path such as `moov/trak/mdia`; `trak[1]` is the second of its kind.
    mutating func edit(_ path: String, _ change: (inout BoxNode) -> Void) {
        var root = BoxNode(type: "root", head: [], children: boxes)
        root.edit(path.split(separator: "/").map(String.init)[...], change)
        boxes = root.children ?? []
    }

    /// The places of all boxes that hold bytes and no boxes.
    var leaves: [[Int]] {
        func places(_ nodes: [BoxNode], below path: [Int]) -> [[Int]] {
            nodes.enumerated()
                .flatMap { index, node in
                    node.children.map { places($0, below: path + [index]) } ?? [path + [index]]
                }
        }
        return places(boxes, below: [])
    }

    /// The content of the box at one of the ``leaves``.
    subscript(leaf path: [Int]) -> [UInt8] {
        get {
            var node = boxes[path[0]]
            for index in path.dropFirst() { node = node.list[index] }
            return node.head
        }
        set {
            func replace(in nodes: inout [BoxNode], at path: ArraySlice<Int>) {
                guard let index = path.first else { return }
                if path.count == 1 {
                    nodes[index].head = newValue
                } else {
                    var children = nodes[index].list
                    replace(in: &children, at: path.dropFirst())
                    nodes[index].children = children
                }
            }
            replace(in: &boxes, at: path[...])
        }
    }

    private static func mediaOffset(of boxes: [BoxNode]) -> Int {
        boxes.prefix { $0.type != "mdat" }.reduce(0) { $0 + $1.size }
    }
}

/// One box: bytes, and where it is a list, boxes behind them.
struct BoxNode {
    var type: String
    var head: [UInt8]
    var children: [BoxNode]?

    /// How many bytes stand before the boxes within.
    private static let lists: [String: Int] = [
        "moov": 0, "trak": 0, "edts": 0, "mdia": 0, "minf": 0, "dinf": 0, "stbl": 0, "udta": 0, "ilst": 0,
        "meta": 4, "stsd": 8, "dref": 8, "avc1": 78, "mp4a": 28,
    ]

    init(type: String, head: [UInt8], children: [BoxNode]? = nil) {
        self.type = type
        self.head = head
        self.children = children
    }

    static func parse(_ bytes: ArraySlice<UInt8>) -> [BoxNode] {
        var nodes: [BoxNode] = []
        var rest = bytes
        while rest.count >= 8 {
            let size = Int(UInt32(bigEndianBytes: rest.prefix(4)))
            guard size >= 8, size <= rest.count else { break }
            let type = String(String.UnicodeScalarView(rest.dropFirst(4).prefix(4).map { Unicode.Scalar($0) }))
            let content = rest.dropFirst(8).prefix(size - 8)
            if let skipped = lists[type], content.count >= skipped {
                let children = parse(content.dropFirst(skipped))
                nodes.append(BoxNode(type: type, head: Array(content.prefix(skipped)), children: children))
            } else {
                nodes.append(BoxNode(type: type, head: Array(content)))
            }
            rest = rest.dropFirst(size)
        }
        return nodes
    }

    var size: Int { 8 + head.count + list.reduce(0) { $0 + $1.size } }

    func bytes() -> [UInt8] {
        UInt32(size).bigEndianBytes + type.unicodeScalars.map { UInt8($0.value) } + head
            + list.flatMap { $0.bytes() }
    }

    mutating func edit(_ path: ArraySlice<String>, _ change: (inout BoxNode) -> Void) {
        guard let step = path.first else { return change(&self) }
        let parts = step.split(separator: "[")
        let wanted = parts.count == 2 ? Int(parts[1].dropLast()) ?? 0 : 0
        let places = list.indices.filter { children?[$0].type == String(parts[0]) }
        guard wanted < places.count else {
            Issue.record("there is no \(step) in \(type)")
            return
        }
        children?[places[wanted]].edit(path.dropFirst(), change)
    }

    /// Overwrites bytes of the head.
    mutating func write(_ bytes: [UInt8], at offset: Int) {
        head.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// The boxes within.
    var list: [BoxNode] { children ?? [] }

    mutating func add(_ node: BoxNode, times: Int = 1) {
        children = list + Array(repeating: node, count: times)
    }

    mutating func shiftChunks(by shift: Int) {
        if type == "stco" {
            // The box may be bent itself.
            for entry in stride(from: 8, to: head.count - 3, by: 4) {
                let offset = Int(UInt32(bigEndianBytes: head[entry..<entry + 4]))
                write(UInt32(truncatingIfNeeded: offset + shift).bigEndianBytes, at: entry)
            }
        }
        for index in list.indices { children?[index].shiftChunks(by: shift) }
    }
}

extension FixedWidthInteger {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian, Array.init) }

    init(bigEndianBytes: some Collection<UInt8>) {
        self = bigEndianBytes.reduce(0) { $0 << 8 | Self($1) }
    }
}
