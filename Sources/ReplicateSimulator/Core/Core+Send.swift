import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

extension Core {
    /// Real seconds that a receiver has for its answer.
    private static let receiverPatience: Int64 = 5

    /// Sends one webhook and books the result.
    func send(_ delivery: PendingDelivery, _ generation: Int) async {
        let result = await post(delivery)
        withState { state in
            guard state.generation == generation else { return }
            state.world.finish(delivery, result, now: clock.now)
        }
    }

    private func post(_ delivery: PendingDelivery) async -> DeliveryResult {
        let body = await materialised(delivery.body).bytes
        var request = HTTPClientRequest(url: delivery.url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        switch delivery.sender {
        case .prediction:
            request.headers.add(
                name: "User-Agent",
                value: "Svix-Webhooks/1.81.0 (sender-9YMgn; +https://www.svix.com/http-sender/)"
            )
            let (usesVirtual, secret) = withState { state in
                let clockSwitch = state.world.switches.webhookClock
                return (
                    clockSwitch == .virtual || (clockSwitch == .auto && clock.mode == .manual),
                    state.world.webhookSecret
                )
            }
            let moment = usesVirtual ? clock.now : Moment(.now)
            let signer = WebhookSigner(secret: secret)
            for header in signer?.headers(id: delivery.messageID, at: moment, body: body, fault: delivery.fault) ?? [] {
                request.headers.add(name: header.name, value: header.value)
            }
        case .cogRun:
            request.headers.add(name: "User-Agent", value: "coglet/0.23.1")
            if let token = withState({ $0.world.switches.cog.webhookToken }) {
                request.headers.add(name: "Authorization", value: "Bearer \(token)")
            }
        }
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await http.execute(request, timeout: .seconds(Self.receiverPatience))
            // What it says does not matter, but the connection should be free again.
            _ = try? await response.body.collect(upTo: 1 << 20)
            return DeliveryResult(status: Int(response.status.code))
        } catch {
            return DeliveryResult(error: String(describing: error))
        }
    }

    /// Downloads the inputs of a prediction when the switch says so; a failure fails the prediction.
    func fetchInputs(of index: Int, _ call: Call) {
        let (isWanted, id, urls, generation) = withState { state in
            let prediction = state.world.predictions[index]
            let texts = prediction.model.fileInputs.compactMap { prediction.input[$0]?.string }
            let urls = texts.filter { $0.hasPrefix("http") && World.fileID(inURL: $0) == nil }
            return (state.world.switches.fetchInputs, prediction.id, urls, state.generation)
        }
        guard isWanted, !urls.isEmpty else { return }
        work.begin()
        // Owned by `work`: a manual clock waits for it, and ten seconds end it.
        Task {
            defer { work.end() }
            for url in urls {
                guard let failure = await downloadFailure(url) else { continue }
                withState { state in
                    guard state.generation == generation else { return }
                    state.world.failDownload(id, failure, now: clock.now)
                }
                clock.poke()
                return
            }
        }
    }

    /// Why an input cannot be downloaded, as Python's `requests` would say it.
    private func downloadFailure(_ url: String) async -> String? {
        do {
            let response = try await http.execute(HTTPClientRequest(url: url), timeout: .seconds(10))
            guard (200..<300).contains(response.status.code) else {
                let kind = response.status.code < 500 ? "Client" : "Server"
                return "\(response.status.code) \(kind) Error: \(response.status.reasonPhrase) for url: \(url)"
            }
            _ = try await response.body.collect(upTo: 20 << 20)
            return nil
        } catch {
            return "HTTPConnectionPool: could not download \(url): \(error)"
        }
    }
}
