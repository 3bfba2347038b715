import Testing
import ZoetropeServer

struct ByteRangeTests {
    @Test(
        arguments: [
            ("bytes=0-99", 1_000, .part(0..<100)), ("bytes=0-0", 1_000, .part(0..<1)),
            ("bytes=999-999", 1_000, .part(999..<1_000)),
            ("bytes=0-", 1_000, .part(0..<1_000)), ("bytes=500-", 1_000, .part(500..<1_000)),
            ("bytes=500-5000", 1_000, .part(500..<1_000)), ("bytes=-5", 1_000, .part(995..<1_000)),
            ("bytes=-1000", 1_000, .part(0..<1_000)), ("bytes=-5000", 1_000, .part(0..<1_000)),
            ("bytes=00-0099", 1_000, .part(0..<100)), ("BYTES=0-1", 1_000, .part(0..<2)),
            ("bytes=0-99999999999999999999", 1_000, .part(0..<1_000)),
            ("bytes=-99999999999999999999", 1_000, .part(0..<1_000)),
            ("bytes=0-9223372036854775807", 1_000, .part(0..<1_000)),
            ("bytes=3000000000-3000000001", 4_000_000_000, .part(3_000_000_000..<3_000_000_002)),
            ("bytes=0-0", .max, .part(0..<1)), ("bytes=5-", .max, .part(5..<(.max))),

            ("bytes=1000-", 1_000, .unsatisfiable), ("bytes=1000-1000", 1_000, .unsatisfiable),
            ("bytes=5000-6000", 1_000, .unsatisfiable), ("bytes=-0", 1_000, .unsatisfiable),
            ("bytes=99999999999999999999-", 1_000, .unsatisfiable),
            ("bytes=0-", 0, .unsatisfiable), ("bytes=0-5", 0, .unsatisfiable), ("bytes=-0", 0, .unsatisfiable),
            ("bytes=-5", 0, .whole),

            (nil, 1_000, .whole), ("", 1_000, .whole), ("bytes", 1_000, .whole), ("bytes=", 1_000, .whole),
            ("bytes=-", 1_000, .whole), ("bytes=5", 1_000, .whole), ("bytes=5-4", 1_000, .whole),
            ("bytes=0-1,5-6", 1_000, .whole), ("bytes=0-1, bytes=5-6", 1_000, .whole), ("bytes=0-1,", 1_000, .whole),
            ("bytes=1-2-3", 1_000, .whole), ("bytes=--5", 1_000, .whole), ("bytes=+1-2", 1_000, .whole),
            ("bytes=-+5", 1_000, .whole), ("bytes= 0-1", 1_000, .whole), ("bytes=0 -1", 1_000, .whole),
            ("bytes =0-1", 1_000, .whole), ("bytes=0-1 ", 1_000, .whole), ("bytes=0x1-2", 1_000, .whole),
            ("bytes=a-b", 1_000, .whole), ("bytes=-a", 1_000, .whole), ("bytes=1-a", 1_000, .whole),
            ("bytes=a-1", 1_000, .whole), ("bytes=１-２", 1_000, .whole), ("lines=0-1", 1_000, .whole),
            ("=0-1", 1_000, .whole), ("0-1", 1_000, .whole), ("bytes=0-1=2", 1_000, .whole),
            ("bytes=1.0-2", 1_000, .whole),
        ] as [(String?, Int64, ByteRange)]
    )
    func `a range is taken, refused or no matter`(field: String?, byteCount: Int64, range: ByteRange) {
        #expect(ByteRange(field, of: byteCount) == range)
    }
}
