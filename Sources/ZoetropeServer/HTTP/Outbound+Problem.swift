import ZoetropeWorkflow

extension Outbound {
    /// Fetches the image at an address that a caller sent in `image_url`; throws the ``Problem`` that names the field.
    func fetch(imageURL url: String, to file: String) async throws(Problem) {
        do throws(OutboundError) {
            try await fetchImage(url, file)
        } catch {
            throw Problem(error, field: "image_url")
        }
    }

    /// Checks an address that a caller sent in `callback_url`, if there is one; throws the ``Problem`` that names the field.
    func check(callbackURL url: String?) async throws(Problem) {
        guard let url else { return }
        do throws(OutboundError) {
            try await checkCallback(url)
        } catch {
            throw Problem(error, field: "callback_url")
        }
    }
}
