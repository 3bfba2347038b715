/// Everything that the simulated service knows: a value that takes requests and times and gives answers.
///
/// It does no I/O and has no clock.
package struct World: Sendable {
    package var switches: Switches
    var random: SeededRandom
    var rules: [ActiveRule] = []
    var accounts: [Account]
    var predictions: [Prediction] = []
    var predictionIndexes: [String: Int] = [:]
    var outputIndexes: [String: Int] = [:]
    var files: [String: StoredFile] = [:]
    var storedBytes = 0
    var refused: [Int: Int] = [:]
    var createsReceivedByTag: [String: Int] = [:]
    var agenda = BinaryHeap<Moment, AgendaItem>()
    var cog: CogWorld
    let webhookSecret: String
    /// The port of the output host, once it is known.
    package var outputPort = 0

    /// A user of the service.
    struct Account: Sendable {
        let token: String
        let username: String
        let filesSecret: [UInt8]
        /// Indexes into ``World/predictions``, oldest first.
        var predictions: [Int] = []
        /// File ids, oldest first; deleted ones are left out when read.
        var files: [String] = []
        var creates: RateBucket
        var gets: RateBucket
        var others: RateBucket
    }

    /// Something that happens at a moment without a request.
    enum AgendaItem: Sendable {
        /// Look whether a prediction has a webhook to send.
        case timeline(Int)
        case delivery(PendingDelivery)
        case removeData(Int)
        case expireFile(String)
        case cogTimeline(Int)
    }

    /// A rule and how often it was met.
    struct ActiveRule: Sendable {
        var rule: Rule
        var seen = 0
    }

    /// The most predictions and rules that are kept.
    static let predictionLimit = 500_000
    static let ruleLimit = 10_000
    /// The most bytes of uploaded files that are kept.
    static let storageLimit = 2 << 30

    /// An empty one.
    ///
    /// `token` is the first account's; a second account, for things that belong to somebody else, has `otherToken`.
    /// `webhookSecret` is `whsec_…`. Ids, URLs and everything else that is made up come from `seed`.
    package init(
        token: String,
        otherToken: String,
        webhookSecret: String,
        seed: UInt64,
        switches: Switches = .init(),
        now: Moment
    ) {
        self.switches = switches
        self.webhookSecret = webhookSecret
        random = SeededRandom(seed: seed)
        accounts = []
        cog = CogWorld(startedAt: now)
        for (token, username) in [(token, "simulator"), (otherToken, "somebody-else")] {
            accounts.append(
                Account(
                    token: token,
                    username: username,
                    filesSecret: random.bytes(32),
                    creates: Self.createBucket(switches, now: now),
                    gets: RateBucket(perMinute: switches.getsPerMinute, now: now),
                    others: RateBucket(perMinute: switches.requestsPerMinute, now: now)
                )
            )
        }
    }

    private static func createBucket(_ switches: Switches, now: Moment) -> RateBucket {
        switches.lowCredit
            ? RateBucket(perMinute: 6, burst: 1, now: now)
            : RateBucket(perMinute: switches.createsPerMinute, now: now)
    }

    /// Changes the switches; buckets whose size changes are full again.
    package mutating func set(_ new: Switches, now: Moment) {
        let old = switches
        switches = new
        for index in accounts.indices {
            if old.lowCredit != new.lowCredit || old.createsPerMinute != new.createsPerMinute {
                accounts[index].creates = Self.createBucket(new, now: now)
            }
            if old.getsPerMinute != new.getsPerMinute {
                accounts[index].gets = RateBucket(perMinute: new.getsPerMinute, now: now)
            }
            if old.requestsPerMinute != new.requestsPerMinute {
                accounts[index].others = RateBucket(perMinute: new.requestsPerMinute, now: now)
            }
        }
    }

    /// Adds rules at the end; those beyond the limit are refused.
    ///
    /// - Returns: Whether all fitted.
    @discardableResult
    package mutating func add(_ new: [Rule]) -> Bool {
        let room = max(0, Self.ruleLimit - rules.count)
        rules += new.prefix(room).map { ActiveRule(rule: $0) }
        return new.count <= room
    }

    /// The next time at which something happens by itself.
    package var nextDue: Moment? { agenda.smallestKey }
}
