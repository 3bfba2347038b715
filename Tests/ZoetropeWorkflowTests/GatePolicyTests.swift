import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

@Suite struct GatePolicyTests {
    private let policy = GatePolicy()
    private let start = Table.start
    private var gates: [String: ProviderGate] = [:]
    private let intent = PaidIntent(
        id: Table.id(3),
        animationID: AnimationID(Table.id(1)),
        part: 0,
        number: 1,
        tag: "t",
        provider: .replicate,
        model: "a/b",
        priceCap: .zero,
        createdAt: Table.start
    )

    private func traits(creates: Int?) -> ProviderTraits {
        ProviderTraits(
            provider: .replicate,
            isIdempotentByTag: false,
            wantsInput: true,
            submitTimeout: .seconds(60),
            createsPerMinute: creates,
            readsPerMinute: nil
        )
    }

    private func refusal(_ kind: ProviderError.Kind, _ retryAfter: Duration? = nil) -> SubmitOutcome {
        .refused(ProviderError(kind, "x", retryAfter: retryAfter))
    }

    private mutating func fail(_ times: Int, at now: Date) -> [String?] {
        (0..<times).map { _ in policy.learn(.unknown(detail: ""), of: intent, &gates, at: now) }
    }

    @Test mutating func `a tenth of a minute's calls may go at once, and then as many as the rate says`() {
        let traits = traits(creates: 60)
        for _ in 1...6 { #expect(policy.admitCreate(intent, traits, &gates, at: start) == nil) }
        #expect(policy.admitCreate(intent, traits, &gates, at: start)?.wait == .seconds(1))
        #expect(policy.admitCreate(intent, traits, &gates, at: start + 1) == nil)
        #expect(policy.admitCreate(intent, traits, &gates, at: start + 1) != nil)
        // Rest saves up no more than the burst.
        for _ in 1...6 { #expect(policy.admitCreate(intent, traits, &gates, at: start + 3_600) == nil) }
        #expect(policy.admitCreate(intent, traits, &gates, at: start + 3_600) != nil)
    }

    @Test mutating func `an account without a limit has none`() {
        for _ in 1...1_000 { #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: start) == nil) }
    }

    @Test mutating func `a clock that goes back takes no tokens away`() {
        _ = policy.admitCreate(intent, traits(creates: 60), &gates, at: start)
        #expect(policy.admitCreate(intent, traits(creates: 60), &gates, at: start - 100) == nil)
        #expect(gates["replicate"]?.tokens == 4)
    }

    @Test mutating func `five failures in a row close the model's gate, and only the first closing is news`() {
        #expect(fail(5, at: start).map { $0 != nil } == [false, false, false, false, true])
        let refusal = policy.admitCreate(intent, traits(creates: nil), &gates, at: start)
        #expect(refusal?.wait == .seconds(15))
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: start + 14) != nil)
    }

    @Test mutating func `a closed gate lets one probe through, and opens when it is answered`() {
        _ = fail(5, at: start)
        let later = start + 15
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: later) == nil)
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: later) != nil)
        // A probe whose worker died blocks nobody for longer than a call may take.
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: later + 60) == nil)
        #expect(policy.learn(.accepted(.running), of: intent, &gates, at: later) == nil)
        for _ in 1...3 { #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: later) == nil) }
    }

    @Test mutating func `each failed probe doubles the wait, up to ten minutes`() {
        _ = fail(5, at: start)
        var now = start
        var waits: [Double] = []
        for _ in 1...8 {
            now = gates["replicate:a/b"]?.closedUntil ?? now
            _ = fail(1, at: now)
            waits.append(gates["replicate:a/b"]?.closedUntil?.timeIntervalSince(now) ?? 0)
        }
        #expect(waits == [30, 60, 120, 240, 480, 600, 600, 600])
    }

    @Test(arguments: [ProviderError.Kind.credentials, .credit])
    mutating func `a token or balance that is refused pauses the account for ten minutes and is told once`(
        kind: ProviderError.Kind
    ) {
        #expect(policy.learn(refusal(kind), of: intent, &gates, at: start) != nil)
        #expect(policy.learn(refusal(kind), of: intent, &gates, at: start + 1) == nil)
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: start + 600) != nil)
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: start + 601) == nil)
        #expect(policy.learn(refusal(kind), of: intent, &gates, at: start + 601) != nil)
    }

    @Test mutating func `a provider that throttles is left alone for as long as it asks`() {
        #expect(policy.learn(refusal(.throttled, .seconds(42)), of: intent, &gates, at: start) == nil)
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: start)?.wait == .seconds(42))
        #expect(policy.admitCreate(intent, traits(creates: nil), &gates, at: start + 42) == nil)
    }

    @Test(arguments: [ProviderError.Kind.rejected, .missing, .expired, .invalidOutput, .sourceUnreadable, .storage])
    mutating func `a provider that says no for good reasons is there, and opens the gate`(kind: ProviderError.Kind) {
        _ = fail(4, at: start)
        #expect(policy.learn(refusal(kind), of: intent, &gates, at: start) == nil)
        #expect(gates["replicate:a/b"]?.failures == 0)
    }

    @Test mutating func `one model's trouble is not another's`() {
        _ = fail(5, at: start)
        let other = PaidIntent(
            id: Table.id(4),
            animationID: intent.animationID,
            part: 0,
            number: 1,
            tag: "u",
            provider: .replicate,
            model: "c/d",
            priceCap: .zero,
            createdAt: start
        )
        #expect(policy.admitCreate(other, traits(creates: nil), &gates, at: start) == nil)
    }

    @Test mutating func `calls are taken many at a time, never more than a burst`() {
        #expect(policy.take(4, of: "k", perMinute: 60, &gates, at: start) == nil)
        #expect(policy.take(4, of: "k", perMinute: 60, &gates, at: start) == .seconds(2))
        #expect(policy.take(100, of: "k", perMinute: 60, &gates, at: start + 6) == nil)
        #expect(policy.take(1, of: "k", perMinute: nil, &gates, at: start) == nil)
    }
}

@Suite struct ChanceTests {
    @Test func `identifiers are version 4 UUIDs, tags 26 letters and digits, and none comes twice`() {
        var tags: Set<String> = []
        var ids: Set<UUID> = []
        for _ in 1...10_000 {
            let id = Chance.system.uuid()
            #expect(id.uuid.6 >> 4 == 4)
            #expect(id.uuid.8 >> 6 == 2)
            ids.insert(id)
            let tag = Chance.system.tag()
            #expect(tag.utf8.count == 26)
            #expect(tag.allSatisfy { "abcdefghijklmnopqrstuvwxyz234567".contains($0) })
            tags.insert(tag)
        }
        #expect(tags.count == 10_000)
        #expect(ids.count == 10_000)
    }

    @Test func `a tag is the base32 of its bits`() {
        // RFC 4648: all ones, and the last character holds the three bits that are left, filled with zeros.
        #expect(Chance { .max }.tag() == String(repeating: "7", count: 25) + "4")
        #expect(Chance { 0 }.tag() == String(repeating: "a", count: 26))
    }

    @Test(arguments: [(UInt64.min, 0.0), (UInt64.max, 1 - 0x1p-53), (1 << 63, 0.5)])
    func `a unit is at least 0 and less than 1`(word: UInt64, unit: Double) {
        #expect(Chance { word }.unit() == unit)
    }
}
