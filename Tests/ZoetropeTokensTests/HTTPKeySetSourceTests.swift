import Foundation
import HTTPTypes
import Logging
import Testing
import ZoetropeTokens
import ZoetropeWorkflow

/// Key sets over real connections.
@Suite(.timeLimit(.minutes(1)))
struct HTTPKeySetSourceTests {
    private static let key = IssuerKey(id: "a")
    private static let newKey = IssuerKey(id: "b")

    @Test func `keys are replaced at the issuer without a break`() async throws {
        try await LoopbackIssuer.run(.keys(IssuerKey.keySet(Self.key), cacheControl: "public, max-age=60")) {
            issuer,
            url in
            let clock = ScriptedIssuer(nil)
            let verifier = clock.verifier(fetch: HTTPKeySetSource(url: url).fetch)
            let payload = #"{"sub":"ada","aud":"zoetrope","exp":4102444800}"#
            let (old, new) = try (Self.key.token(payload: payload), Self.newKey.token(payload: payload))
            #expect(try await verifier.caller(of: old).userID == "ada")

            issuer.answers(.keys(IssuerKey.keySet(Self.key, Self.newKey), cacheControl: "max-age=60"))
            clock.advance(30)
            #expect(try await verifier.caller(of: new).userID == "ada")
            #expect(try await verifier.caller(of: old).userID == "ada")
            #expect(issuer.requests == ["/keys", "/keys"])

            issuer.answers(.status(.serviceUnavailable))
            clock.advance(3_600)
            #expect(try await verifier.caller(of: old).userID == "ada")

            issuer.answers(.keys(IssuerKey.keySet(Self.newKey), cacheControl: "max-age=60"))
            clock.advance(86_400)
            #expect(try await verifier.caller(of: new).userID == "ada")
            let error = await #expect(throws: AccessError.self) { try await verifier.caller(of: old) }
            #expect(error?.code == .unknownKey)
        }
    }

    @Test(arguments: [
        ("max-age=120", 120), ("public, Max-Age=120, must-revalidate", 120), ("no-store", nil), ("max-age=x", nil),
        ("max-age=-5", nil), ("max-age=99999999999999999999", nil), ("s-maxage=9", nil), (nil, nil),
    ])
    func `the issuer's answer arrives with its lifetime`(_ cacheControl: String?, _ seconds: Int?) async throws {
        try await LoopbackIssuer.run(.keys("{}", cacheControl: cacheControl)) { _, url in
            let answer = try await HTTPKeySetSource(url: url).fetch()
            #expect(answer.body == Array("{}".utf8))
            #expect(answer.maxAge == seconds.map { .seconds($0) })
        }
    }

    @Test(arguments: [
        (LoopbackIssuer.Answer.status(.notFound), "status 404"), (.status(.noContent), "status 204"),
        (.status(.internalServerError), "status 500"), (.redirect, "status 302"),
        (.huge(IssuerKey.keySet(key)), "larger than 1048576 bytes"),
    ])
    func `an answer that is none is a failure, said in words`(
        _ answer: LoopbackIssuer.Answer,
        _ words: String
    ) async throws {
        try await LoopbackIssuer.run(answer) { issuer, url in
            let failure = await #expect(throws: KeySetFailure.self) { try await HTTPKeySetSource(url: url).fetch() }
            #expect(failure?.description.contains(words) == true, "\(String(describing: failure))")
            // A redirect is not followed.
            #expect(issuer.requests == ["/keys"])
        }
    }

    @Test func `an answer that does not end is given up`() async throws {
        try await LoopbackIssuer.run(.stuck) { _, url in
            let start = ContinuousClock().now
            let source = HTTPKeySetSource(url: url, deadline: .milliseconds(300))
            let failure = await #expect(throws: KeySetFailure.self) { try await source.fetch() }
            #expect(failure?.description.contains("no whole answer within") == true, "\(String(describing: failure))")
            #expect(ContinuousClock().now - start < .seconds(20))
        }
    }

    @Test func `an issuer that cannot be reached is a failure without its address`() async throws {
        // Port 9 is reserved and nobody listens there.
        let source = HTTPKeySetSource(url: "http://127.0.0.1:9/CANARY")
        let failure = await #expect(throws: KeySetFailure.self) { try await source.fetch() }
        #expect(failure?.description == "no connection, or it broke off")
    }
}
