/// What `POST /_simulator/script` takes: rules to add, switches to change, and whether to forget everything first.
package struct Script: Sendable, Hashable {
    package var rules: [Rule] = []
    /// The switches to change, as JSON; what is not in it stays.
    package var switches = JSONObject()
    package var reset = false

    /// The most rules in one script.
    static let ruleLimit = 10_000

    /// Reads a script, or says everything that is wrong with it.
    package init(json value: JSONValue) throws(ScriptError) {
        let problems = FieldCoder.Problems()
        let coder = FieldCoder(reading: value, path: "", problems: problems)
        if value.object == nil { throw ScriptError(problems: ["a script must be an object, got \(value.shortText)"]) }
        coder.bool("reset", &reset)
        coder.object("switches", &switches)
        var list: [JSONValue] = []
        coder.field("rules", &list, "a list of rules", read: \.array, write: { .array($0) })
        coder.finish()
        if list.count > Self.ruleLimit {
            problems.list.append("rules must be at most \(Self.ruleLimit), got \(list.count)")
        } else {
            rules = list.enumerated().compactMap { Rule(reading: $1, path: "rules[\($0)]", problems: problems) }
        }
        var tried = Switches()
        let switchCoder = FieldCoder(reading: .object(switches), path: "switches", problems: problems)
        tried.code(switchCoder)
        switchCoder.finish()
        guard problems.list.isEmpty else { throw ScriptError(problems: problems.list) }
    }

    /// Switches with this script's changes.
    package func applied(to switches: Switches) -> Switches {
        var changed = switches
        changed.code(FieldCoder(reading: .object(self.switches), path: "switches", problems: .init()))
        return changed
    }
}
