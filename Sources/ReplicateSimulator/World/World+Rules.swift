extension World {
    /// What a rule's conditions look at.
    struct Subject: Sendable {
        var model: String?
        var tag: String?
        var prediction: String?
        var event: WebhookEvent?
        var origin: Origin?
    }

    /// The fault for an exchange, if a rule has one; counts the exchange.
    mutating func takeFault(
        _ exchange: Exchange,
        _ subject: Subject,
        where isWanted: (Fault) -> Bool = { _ in true }
    ) -> Fault? {
        for index in rules.indices {
            guard case .fault(let fault) = rules[index].rule.action, isWanted(fault),
                rules[index].takes(exchange, subject)
            else { continue }
            return fault
        }
        return nil
    }

    /// The plan for a create that is accepted, if a rule has one; counts the create.
    mutating func takePlan(_ exchange: Exchange, _ subject: Subject) -> Plan {
        for index in rules.indices {
            guard case .plan(let plan) = rules[index].rule.action, rules[index].takes(exchange, subject) else {
                continue
            }
            return plan
        }
        return Plan()
    }
}

extension World.ActiveRule {
    /// Whether the rule applies to this exchange; counts it when its conditions hold.
    fileprivate mutating func takes(_ exchange: Exchange, _ subject: World.Subject) -> Bool {
        guard rule.on == exchange, rule.model == nil || rule.model == subject.model,
            rule.tag == nil || rule.tag == subject.tag,
            rule.prediction == nil || rule.prediction == subject.prediction,
            rule.event == nil || rule.event == subject.event,
            exchange != .connection || (rule.origin ?? .api) == subject.origin
        else { return false }
        if let times = rule.times, seen >= rule.skip + times { return false }
        seen += 1
        return seen > rule.skip
    }
}
