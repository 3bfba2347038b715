/// How much of a hostile file is read before it is refused.
package enum MP4Limits {
    /// A clip of ten seconds has a `moov` of about 5 KB; 8 MiB leave room for hours.
    package static let movieBytes = 8 << 20
    /// `ftyp`: the major brand and about a thousand others.
    package static let brandBytes = 4 << 10
    /// Boxes at the top of the file: two for each fragment of a fragmented one.
    package static let topLevelBoxes = 1_024
    /// Boxes side by side within one box.
    package static let boxesInOne = 1_024
    package static let tracks = 16
    /// Frames or sound packets of a track: 20 minutes at 30 fps.
    package static let samples = 36_000
    package static let edits = 1_024
    /// Sample entries of a track.
    package static let sampleEntries = 16
    /// Pieces of metadata; the rest is left out, and so many are a finding.
    package static let metadata = 1_024
    /// How much is read of one piece of metadata outside `moov`.
    package static let metadataBytes = 64 << 10
    /// How much is read of all of them.
    package static let allMetadataBytes = 1 << 20
    /// The side of a picture, in pixels: H.264 ends far below.
    package static let pictureSide = 65_536
}
