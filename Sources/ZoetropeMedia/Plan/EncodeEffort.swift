/// How much time our encode takes for how small a file.
package enum EncodeEffort: String, Sendable, CaseIterable {
    /// x264's `veryfast` up to 720 lines, `superfast` above.
    case standard
    /// One step faster: larger files of the same quality.
    case fast
    /// `medium`: smaller files, for three times the processor time.
    case small
}
