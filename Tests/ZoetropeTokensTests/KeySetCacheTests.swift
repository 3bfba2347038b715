import Foundation
import Testing
import ZoetropeTokens
import ZoetropeWorkflow

/// When the issuer is asked, and what goes on while it does not answer.
@Suite(.timeLimit(.minutes(1)))
struct KeySetCacheTests {
    private static let key = IssuerKey(id: "a")
    private static let newKey = IssuerKey(id: "b")
    private static let keySet = IssuerKey.keySet(key)
    /// Good for ever, as far as these tests go.
    private static let payload = #"{"sub":"ada","aud":"zoetrope","exp":4102444800}"#

    private let issuer = ScriptedIssuer(keySet)

    /// What the verifier says to a token of a key; `nil` when it accepts it.
    private func refusal(
        _ verifier: TokenVerifier,
        _ key: IssuerKey = key,
        kid: String? = nil
    ) async throws -> AccessError.Code? {
        let token = try key.token(kid: kid, payload: Self.payload)
        do {
            _ = try await verifier.caller(of: token)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `nobody is asked before the first token, and once for many`() async throws {
        let verifier = issuer.verifier()
        #expect(issuer.requests == 0)
        for _ in 0..<10 { #expect(try await refusal(verifier) == nil) }
        #expect(issuer.requests == 1)
    }

    @Test(arguments: [
        (nil, 600.0), (0, 60), (59, 60), (61, 61), (900, 900), (3_600, 3_600), (86_400, 3_600),
    ])
    func `keys are good for as long as the issuer says, within limits`(_ maxAge: Int?, _ seconds: Double) async throws {
        issuer.answers(Self.keySet, maxAge: maxAge.map { .seconds($0) })
        let verifier = issuer.verifier()
        #expect(try await refusal(verifier) == nil)
        issuer.advance(seconds - 0.5)
        #expect(try await refusal(verifier) == nil)
        #expect(issuer.requests == 1)
        issuer.advance(0.5)
        #expect(try await refusal(verifier) == nil)
        #expect(issuer.requests == 2)
    }

    @Test func `a key that the issuer has taken back is refused when the old answer has expired`() async throws {
        let verifier = issuer.verifier()
        #expect(try await refusal(verifier) == nil)
        issuer.answers(IssuerKey.keySet(Self.newKey))
        #expect(try await refusal(verifier) == nil)
        issuer.advance(600)
        #expect(try await refusal(verifier) == .unknownKey)
        #expect(try await refusal(verifier, Self.newKey) == nil)
        issuer.answers(IssuerKey.keySet())
        issuer.advance(600)
        #expect(try await refusal(verifier, Self.newKey) == .unknownKey)
    }

    @Test func `a new key is fetched when a token first names it`() async throws {
        let verifier = issuer.verifier()
        #expect(try await refusal(verifier) == nil)
        issuer.advance(30)
        issuer.answers(IssuerKey.keySet(Self.key, Self.newKey))
        #expect(try await refusal(verifier, Self.newKey) == nil)
        #expect(try await refusal(verifier) == nil)
        #expect(issuer.requests == 2)
    }

    @Test func `unknown kids let the issuer be asked every 30 s at most`() async throws {
        let verifier = issuer.verifier()
        for second in 0..<300 {
            for number in 0..<4 {
                #expect(try await refusal(verifier, kid: "hostile-\(second)-\(number)") == .unknownKey)
            }
            issuer.advance(1)
        }
        #expect(issuer.requests == 10)
        #expect(try await refusal(verifier) == nil)
    }

    @Test func `many tokens at once let the issuer be asked once`() async throws {
        let verifier = issuer.verifier()
        issuer.hold()
        try await withThrowingTaskGroup(of: AccessError.Code?.self) { group in
            for number in 0..<50 {
                group.addTask { try await refusal(verifier, kid: number % 2 == 0 ? nil : "hostile-\(number)") }
            }
            while issuer.requests == 0 { await Task.yield() }
            // Time for the others to come to the same place; the test holds whether or not they do.
            for _ in 0..<1_000 { await Task.yield() }
            issuer.letGo()
            var codes: [AccessError.Code?] = []
            for try await code in group { codes.append(code) }
            #expect(codes.count { $0 == nil } == 25)
            #expect(codes.count { $0 == .unknownKey } == 25)
        }
        #expect(issuer.requests == 1)
    }

    @Test func `while the issuer is down, the keys of the last 24 hours are used`() async throws {
        let verifier = issuer.verifier()
        #expect(try await refusal(verifier) == nil)
        issuer.answers(nil)
        for _ in 0..<143 {
            issuer.advance(600)
            #expect(try await refusal(verifier) == nil)
            // Perhaps a new key: not known is not the same as wrong.
            #expect(try await refusal(verifier, Self.newKey) == .unavailable)
        }
        issuer.advance(599)
        #expect(try await refusal(verifier) == nil)
        issuer.advance(1)
        #expect(try await refusal(verifier) == .unavailable)
        issuer.advance(30)
        issuer.answers(Self.keySet)
        #expect(try await refusal(verifier) == nil)
    }

    @Test func `while the issuer is down, it is asked every 30 s, and nobody who can do without waits for it`()
        async throws
    {
        let verifier = issuer.verifier()
        #expect(try await refusal(verifier) == nil)
        issuer.answers(nil)
        issuer.advance(600)
        for _ in 0..<60 {
            #expect(try await refusal(verifier) == nil)
            issuer.advance(1)
        }
        // At the start, after 600 s and after 630 s.
        #expect(issuer.requests == 3)
        issuer.hold()
        issuer.advance(30)
        #expect(try await refusal(verifier) == nil)
        #expect(try await refusal(verifier) == nil)
        issuer.answers(IssuerKey.keySet(Self.newKey))
        issuer.letGo()
        while try await refusal(verifier) == nil { await Task.yield() }
        #expect(try await refusal(verifier, Self.newKey) == nil)
        #expect(issuer.requests == 4)
    }

    @Test func `an issuer that has never answered is asked every 5 s`() async throws {
        issuer.answers(nil)
        let verifier = issuer.verifier()
        for _ in 0..<20 {
            #expect(try await refusal(verifier) == .unavailable)
            issuer.advance(1)
        }
        #expect(issuer.requests == 4)
        issuer.answers(Self.keySet)
        #expect(try await refusal(verifier) == nil)
        #expect(issuer.requests == 5)
    }

    @Test func `a clock that is set back lets the issuer be asked again`() async throws {
        let verifier = issuer.verifier()
        #expect(try await refusal(verifier) == nil)
        issuer.answers(IssuerKey.keySet(Self.newKey))
        issuer.advance(-86_400)
        #expect(try await refusal(verifier, Self.newKey) == nil)
        #expect(try await refusal(verifier) == .unknownKey)
    }
}
