import Testing
import ZoetropeCore

@Suite struct AnimationRequestTests {
    private func problems(_ make: () throws(RequestError) -> AnimationRequest) -> [String] {
        do throws(RequestError) {
            _ = try make()
            return []
        } catch {
            return error.problems.map(\.message)
        }
    }

    private static let needsPrompt = VideoModel(
        alias: "needs-prompt",
        provider: .replicate,
        durations: [6],
        paidDurations: [10],
        resolutions: [.p480, .p720],
        requiresPrompt: true
    )

    @Test func `what is not said has the defaults of the contract`() throws {
        let request = try AnimationRequest()
        #expect(request.model == .local)
        #expect(request.motion == .walkForward)
        #expect(request.camera == .mildPan)
        #expect(request.resolution == .p720)
        #expect(request.seconds == 5)
        #expect(request.prompt == nil)
    }

    @Test func `messages are those of the contract`() {
        #expect(
            problems { () throws(RequestError) in try AnimationRequest(resolution: "4k") }
                == ["Invalid resolution. Choose 480p, 720p, or 1080p"]
        )
        #expect(
            problems { () throws(RequestError) in try AnimationRequest(seconds: 7) }
                == ["Invalid duration. Choose 5, 6, or 10 seconds"]
        )
        #expect(
            problems { () throws(RequestError) in try AnimationRequest(model: Self.needsPrompt, seconds: 5, prompt: "x")
            }
                == ["Invalid duration. Choose 6 or 10 seconds"]
        )
        #expect(
            problems { () throws(RequestError) in try AnimationRequest(seconds: 10) }
                == ["10-second animations are available on the paid plan"]
        )
        #expect(
            problems { () throws(RequestError) in try AnimationRequest(model: Self.needsPrompt) }
                == ["Prompt is required (max 500 characters)"]
        )
    }

    @Test func `a resolution that the model does not make is refused`() {
        #expect(
            problems { () throws(RequestError) in
                try AnimationRequest(model: Self.needsPrompt, resolution: "1080p", prompt: "x")
            }
            .count == 1
        )
    }

    @Test func `all problems come together`() {
        let all = problems { () throws(RequestError) in
            try AnimationRequest(model: Self.needsPrompt, resolution: "", seconds: 0, prompt: " \n")
        }
        #expect(all.count == 3)
    }

    @Test func `ten seconds are for the paid tier`() throws {
        #expect(try AnimationRequest(seconds: 10, tier: .paid).seconds == 10)
    }

    /// Swift's characters are grapheme clusters; the contract counts code points.
    @Test(arguments: [
        (String(repeating: "x", count: 500), true), (String(repeating: "x", count: 501), false),
        (String(repeating: "👩‍👩‍👧‍👦", count: 71), true), (String(repeating: "👩‍👩‍👧‍👦", count: 72), false),
        ("e" + String(repeating: "\u{301}", count: 499), true), ("e" + String(repeating: "\u{301}", count: 500), false),
        ("  " + String(repeating: "x", count: 500) + "\u{2003}\n", true),
        (String(repeating: "\r\n", count: 300) + "x", true),
    ])
    func `prompts are counted in code points, after trimming`(prompt: String, isAccepted: Bool) {
        #expect(problems { () throws(RequestError) in try AnimationRequest(prompt: prompt) }.isEmpty == isAccepted)
    }

    @Test func `a prompt is trimmed, and an empty one is none`() throws {
        #expect(try AnimationRequest(prompt: " \t a walk \n").prompt == "a walk")
        #expect(try AnimationRequest(prompt: " \t\n").prompt == nil)
    }
}
