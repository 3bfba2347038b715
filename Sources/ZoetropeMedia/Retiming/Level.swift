/// What a level of H.264 allows, table A-1.
struct Level: Sendable {
    /// Ten times the level.
    let number: Int
    let macroblocksPerSecond: Int
    let macroblocks: Int
    let bufferedMacroblocks: Int

    /// Up to the last one that is published.
    static let all = [
        Level(number: 10, macroblocksPerSecond: 1_485, macroblocks: 99, bufferedMacroblocks: 396),
        Level(number: 11, macroblocksPerSecond: 3_000, macroblocks: 396, bufferedMacroblocks: 900),
        Level(number: 12, macroblocksPerSecond: 6_000, macroblocks: 396, bufferedMacroblocks: 2_376),
        Level(number: 13, macroblocksPerSecond: 11_880, macroblocks: 396, bufferedMacroblocks: 2_376),
        Level(number: 20, macroblocksPerSecond: 11_880, macroblocks: 396, bufferedMacroblocks: 2_376),
        Level(number: 21, macroblocksPerSecond: 19_800, macroblocks: 792, bufferedMacroblocks: 4_752),
        Level(number: 22, macroblocksPerSecond: 20_250, macroblocks: 1_620, bufferedMacroblocks: 8_100),
        Level(number: 30, macroblocksPerSecond: 40_500, macroblocks: 1_620, bufferedMacroblocks: 8_100),
        Level(
            number: 31,
            macroblocksPerSecond: 108_000,
            macroblocks: 3_600,
            bufferedMacroblocks: 18_000
        ),
        Level(
            number: 32,
            macroblocksPerSecond: 216_000,
            macroblocks: 5_120,
            bufferedMacroblocks: 20_480
        ),
        Level(
            number: 40,
            macroblocksPerSecond: 245_760,
            macroblocks: 8_192,
            bufferedMacroblocks: 32_768
        ),
        Level(
            number: 41,
            macroblocksPerSecond: 245_760,
            macroblocks: 8_192,
            bufferedMacroblocks: 32_768
        ),
        Level(
            number: 42,
            macroblocksPerSecond: 522_240,
            macroblocks: 8_704,
            bufferedMacroblocks: 34_816
        ),
    ]

    /// The level that a stream claims.
    init(of sequence: SequenceSyntax) throws(RetimingRefusal) {
        // Below High, level 1.1 with this constraint means level 1b: level 1 with a higher bit rate.
        let isOneB = sequence.profile != 100 && sequence.level == 11 && sequence.constraints & 0x10 != 0
        guard let found = Self.all.first(where: { $0.number == (isOneB ? 10 : sequence.level) }) else {
            throw RetimingRefusal(.level, "level \(sequence.level)")
        }
        self = found
    }

    private init(number: Int, macroblocksPerSecond: Int, macroblocks: Int, bufferedMacroblocks: Int) {
        (self.number, self.macroblocksPerSecond) = (number, macroblocksPerSecond)
        (self.macroblocks, self.bufferedMacroblocks) = (macroblocks, bufferedMacroblocks)
    }

    /// This one, or the lowest above it that allows such pictures at the frame rate of the target.
    func raised(for macroblocks: Int) throws(RetimingRefusal) -> Level {
        let found = Self.all.first {
            $0.number >= number && $0.macroblocks >= macroblocks
                && $0.macroblocksPerSecond >= macroblocks * MP4Target.frameRate
        }
        guard let found else {
            throw RetimingRefusal(.level, "\(macroblocks) macroblocks are beyond level 4.2")
        }
        return found
    }

    /// `MaxDpbFrames`.
    func bufferedFrames(of macroblocks: Int) -> Int {
        min(bufferedMacroblocks / max(1, macroblocks), MP4FrameTiming.deepest)
    }
}
