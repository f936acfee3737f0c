import OTLP

// Which claim wins, and where it leads.
extension Correlator {
    /// What a claim leads to as told: the span or context that it names, before that one's own trace is followed.
    enum Lead {
        case home(Home)
        case noTraceKnown
        case ambiguous(count: Int)
        case tenantDiffers(String)
    }

    func lead(of claim: Claim, for unit: JoinUnit) -> Lead {
        if claim.isNameless, unit.hasNamesakes { return .ambiguous(count: 2) }
        guard let event = claim.event else {
            guard let context = claim.context else { return .noTraceKnown }
            return claim.isRefused ? .tenantDiffers(traceOwners[context.traceID] ?? "") : .home(Home(context: context))
        }
        switch event.name.meaning(of: event, for: unit.owner) {
        case .ambiguous(let count): return .ambiguous(count: count)
        case .tenantDiffers(let other): return .tenantDiffers(other)
        case .event(let meant, let also):
            return home(of: meant, also, for: claim, of: unit).map(Lead.home) ?? .noTraceKnown
        }
    }

    private func home(of event: EventState, _ also: EventState?, for claim: Claim, of unit: JoinUnit) -> Home? {
        if let joinKey = event.joinKey { return homeOfKey(joinKey, event, also, for: claim, of: unit) }
        guard let also else { return event.publisher ?? event.context.map { Home(context: $0) } }
        let published = [event, also].filter { $0.publisher != nil }
        let best = published.min {
            if $0.isPublisherProducer != $1.isPublisherProducer { return $0.isPublisherProducer }
            return ($0.publisher?.context ?? .none) < ($1.publisher?.context ?? .none)
        }
        if let publisher = best?.publisher { return publisher }
        return [event.context, also.context].compactMap { $0 }.min().map { Home(context: $0) }
    }

    /// The earliest home of a key that is near enough in time. If the unit was given a context of one of the key's
    /// homes, that one.
    private func homeOfKey(
        _ joinKey: Int, _ key: EventState, _ also: EventState?, for claim: Claim, of unit: JoinUnit
    ) -> Home? {
        let lifetime = settings.joinKeys.indices.contains(joinKey) ? settings.joinKeys[joinKey].lifetime : nil
        func isNear(_ home: Home) -> Bool {
            guard let lifetime, home.start > 0, claim.start > 0 else { return true }
            let distance = home.start > claim.start ? home.start - claim.start : claim.start - home.start
            return distance <= lifetime
        }
        var earliest: Home?
        for home in [key.homes, also?.homes ?? []].joined() where isNear(home) {
            if unit.claims.contains(where: { $0.context?.traceID == home.context.traceID && !$0.isRefused }) {
                return home
            }
            guard let known = earliest else {
                earliest = home
                continue
            }
            if (home.start, home.context) < (known.start, known.context) { earliest = home }
        }
        return earliest
    }

    /// The order in which claims of a unit are asked: by rule, then by who says it, then by the key's place in the
    /// configuration, then by what they lead to, so that the order of arrival does not matter.
    func outweighs(_ a: (claim: Claim, home: Home), _ b: (claim: Claim, home: Home)) -> Bool {
        if a.claim.basis != b.claim.basis { return a.claim.basis < b.claim.basis }
        let (first, second) = (a.claim.event?.joinKey ?? 0, b.claim.event?.joinKey ?? 0)
        return first == second ? a.home.context < b.home.context : first < second
    }

    /// Where evidence about a unit leads; nil if to nothing, in a circle, or to several traces with equal right.
    func binding(of unit: JoinUnit, _ walk: inout Walk) -> Placement? {
        guard !unit.claims.isEmpty else { return nil }
        if unit.claims.count == 1 {
            guard unit.claims[0].basis != .weakKey, case .home(let home) = lead(of: unit.claims[0], for: unit),
                let trace = follow(home, &walk)
            else { return nil }
            return Placement(traceID: trace, rule: unit.claims[0].basis.rule, context: home.context)
        }
        var best: (claim: Claim, home: Home)?
        var leading: [(claim: Claim, home: Home)] = []
        for claim in unit.claims where claim.basis != .weakKey {
            guard case .home(let home) = lead(of: claim, for: unit) else { continue }
            if claim.basis >= .key { leading.append((claim, home)) }
            if best.map({ outweighs((claim, home), $0) }) ?? true { best = (claim, home) }
        }
        guard var winner = best else { return nil }
        while winner.claim.basis.isSingular, leads(leading, of: winner.claim, differ: &walk) {
            // Several values of one key say several things: only something else can decide.
            let basis = winner.claim.basis
            leading.removeAll { $0.claim.basis == basis }
            guard let other = leading.min(by: outweighs) else { return nil }
            winner = other
        }
        guard let trace = follow(winner.home, &walk) else { return nil }
        var placement = Placement(traceID: trace, rule: winner.claim.basis.rule, context: winner.home.context)
        if winner.claim.basis == .key {
            // Who sent the message is a better parent than whoever else carries the key.
            let nearer = leading.filter { $0.claim.basis > .key }.sorted { outweighs($1, $0) }
            if let sender = nearer.first(where: { follow($0.home, &walk) == trace }) {
                placement.context = sender.home.context
            }
        }
        return placement
    }

    /// Whether values of the winner's key lead to different traces.
    private func leads(
        _ leading: [(claim: Claim, home: Home)], of winner: Claim, differ walk: inout Walk
    ) -> Bool {
        let same = leading.filter {
            $0.claim.basis == winner.basis && $0.claim.event?.joinKey == winner.event?.joinKey
        }
        guard same.count > 1 else { return false }
        return Set(same.compactMap { follow($0.home, &walk) }).count > 1
    }

    /// The trace in which a span is exported now, whose own trace may have moved; nil in a circle.
    func follow(_ home: Home, _ walk: inout Walk) -> TraceID? {
        let id = home.context.traceID
        // Who belongs to a span of its own trace stays with it.
        guard let trace = knownTrace(id), !trace.isHome, !walk.isAt(id) else { return id }
        guard walk.enter(id) else { return nil }
        let place =
            home.execution.map { placement(of: $0, in: trace, &walk) }
            ?? placement(
                ofServer: trace.servers.first { $0.id == home.context.spanID }?.id, orRestOf: trace, &walk)
        return walk.leave() ? id : place.traceID
    }

    /// How many different traces the values of a key lead to that a unit carries.
    func leads(of unit: JoinUnit, joinKey: Int?) -> Int {
        var walk = Walk()
        var found: Set<TraceID> = []
        for claim in unit.claims where claim.basis == .key && claim.event?.joinKey == joinKey {
            if case .home(let home) = lead(of: claim, for: unit), let trace = follow(home, &walk) { found.insert(trace) }
        }
        return found.count
    }

    /// Links that claims of a unit make: to homes of weak keys, and to those that contradict each other.
    func linkedHomes(of unit: JoinUnit) -> [(span: SpanID, home: Home)] {
        guard unit.claims.contains(where: { $0.event?.joinKey != nil }) else { return [] }
        var walk = Walk()
        let placed = binding(of: unit, &walk)?.traceID
        var found: [(span: SpanID, home: Home)] = []
        for claim in unit.claims where claim.basis == .weakKey || claim.basis == .key {
            guard case .home(let home) = lead(of: claim, for: unit), let trace = follow(home, &walk),
                claim.basis == .weakKey || trace != placed
            else { continue }
            found.append((claim.span, home))
        }
        return found.sorted { ($0.span, $0.home.context) < ($1.span, $1.home.context) }
    }
}
