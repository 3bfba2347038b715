import Testing
import ZoetropeCore

struct JobsObjectKeyTests {
    private let job: JobID
    private let animation: AnimationID
    private let restore: RestoreID

    init() throws {
        job = try #require(JobID("00000000-0000-4000-8000-000000000001"))
        animation = try #require(AnimationID("00000000-0000-4000-8000-000000000002"))
        restore = try #require(RestoreID("00000000-0000-4000-8000-000000000003"))
    }

    @Test func `the names of objects are those of the contract`() {
        let first = "00000000-0000-4000-8000-00000000000"
        let keys: [(ObjectKey, String)] = [
            (.video(job, animation), "animations/\(first)1/\(first)2.mp4"),
            (.hdVideo(job, animation), "animations/\(first)1/\(first)2-hd.mp4"),
            (.poster(job, animation), "animations/\(first)1/\(first)2.jpg"),
            (.source(job, .jpeg), "uploads/\(first)1/source.jpg"),
            (.source(job, .webp), "uploads/\(first)1/source.webp"),
            (.restore(job, restore, .png), "restores/\(first)1/\(first)3.png"),
            (.temporary(animation, epoch: 7, file: "video.mp4"), "tmp/\(first)2/7/video.mp4"),
        ]
        for (key, text) in keys {
            #expect(key.description == text)
            #expect(ObjectKey(text) == key)
        }
    }

    @Test(arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a", "a/..", "a/.", "a\0b", "a\nb", "a\u{7F}b",
        "a\u{85}b", "a\r\nb", "a/\u{1B}[2J", "/\u{338}a", "a/\u{338}/../b", String(repeating: "x", count: 513),
        String(repeating: "é", count: 257), "//", "a/../../etc/passwd",
    ])
    func `a key that could leave its folder or break a line is refused`(text: String) {
        #expect(ObjectKey(text) == nil)
    }

    @Test(arguments: [
        "a", "a/b", "...", "a/..b", "a..b/c", ".hidden", "a b", "ü/✗.mp4", "a\\b", "a%2e%2e/b",
        String(repeating: "x", count: 512), String(repeating: "é", count: 256),
    ])
    func `any other relative path is a key`(text: String) {
        #expect(ObjectKey(text)?.description == text)
    }
}
