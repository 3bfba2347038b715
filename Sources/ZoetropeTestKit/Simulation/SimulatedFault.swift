package import ZoetropeWorkflow

/// One thing that goes wrong in a simulation, named by where it strikes and how often that place was passed before.
///
/// Whether it strikes hangs on the seed and on its name alone, so a failure can be replayed with fewer of them.
package struct SimulatedFault: Hashable, Sendable, CustomStringConvertible {
    /// Where it strikes.
    package enum Place: Hashable, Sendable {
        case call(CallSite)
        case point(CrashPoint)
        /// Something that befalls at a time of its own.
        case event
        case webhook
        case bell
    }

    package enum Kind: String, Hashable, Sendable {
        /// Nothing is done, and the caller is told.
        case failsBefore = "fails before it does anything"
        /// It is done, and the caller is told that it failed.
        case losesAnswer = "is done and loses its answer"
        /// The caller is told that it failed, and it is done some time later.
        case landsLate = "is said to have failed and is done later"
        case takesLong = "takes long"
        case refuses = "is refused"
        case kills = "kills the process"
        case freezes = "freezes the process"
        case killsOne = "kills a worker"
        case freezesOne = "freezes a worker"
        case stopsOne = "asks a worker to stop"
        case databaseDown = "is an outage of the database"
        case providerDown = "is an outage of the provider"
        case objectsDown = "is an outage of the object store"
        case isLost = "is lost"
        case comesTwice = "is delivered twice"
        case isForeign = "names another run's tag"
    }

    package let place: Place
    /// From 1, the how many-th time that the place was passed.
    package let number: Int
    package let kind: Kind

    package var description: String {
        let name =
            switch place {
            case .call(let site): "call \(site)"
            case .point(let point): "point \(point.rawValue)"
            case .event: "event"
            case .webhook: "webhook"
            case .bell: "ring"
            }
        return "\(name) #\(number) \(kind.rawValue)"
    }

    /// Dice for a place and a number, the same whatever happened before.
    static func dice(_ seed: UInt64, _ place: Place, _ number: Int) -> SplitMix64 {
        let code: Int =
            switch place {
            case .call(let site): site.rawValue
            case .point(let point): 100 + point.index
            case .event: 200
            case .webhook: 201
            case .bell: 202
            }
        let word = UInt64(code) &* 0xD6E8_FEB8_6659_FD93 ^ UInt64(number) &* 0xA076_1D64_78BD_642F
        return SplitMix64(seed: seed ^ word)
    }
}

extension CrashPoint {
    /// Its place in the list of all.
    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// A fault that a test asks for by name: at this crash point, once.
package struct StagedFault: Hashable, Sendable, CustomStringConvertible {
    package enum Action: String, CaseIterable, Sendable {
        case kill
        /// The next call of the process does nothing and fails.
        case dropBefore = "drop before"
        /// The next call of the process is done, and its answer is lost.
        case dropAfter = "drop after"
    }

    package let point: CrashPoint
    package let action: Action

    package init(_ point: CrashPoint, _ action: Action) {
        self.point = point
        self.action = action
    }

    package var description: String { "\(point.rawValue) \(action.rawValue)" }
}
