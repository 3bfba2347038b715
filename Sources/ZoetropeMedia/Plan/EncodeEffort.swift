/// How much time our encode takes for how small a file.
package enum EncodeEffort: String, Sendable, CaseIterable {
    /// x264's `veryfast` up to 720 lines, `superfast` above.
    case standard
    /// One step faster: files about twice as large.
    case fast
    /// `medium` at a higher quality number: files of about the same quality, a fifth to a half smaller, for more than
    /// twice the processor time.
    case small
}
