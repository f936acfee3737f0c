import OTLP

extension Doctor {
    /// How long a system may be silent after the start before that is remarkable, nanoseconds.
    private static let silence: UInt64 = 300 * second

    /// What is wrong now, what is fine and what cannot be told yet.
    package func report(now: UInt64) -> DoctorReport {
        var report = DoctorReport()
        (report.since, report.spans) = (since, spans)
        for code in FindingCode.allCases {
            switch judgement(code, now: now) {
            case .found(let found): report.findings.append(found)
            case .fine: report.checked.append(code)
            case .unknown(let why): report.unjudged.append((code, why))
            }
        }
        report.findings.sort { ($0.severity, $1.lastSeen) < ($1.severity, $0.lastSeen) }
        return report
    }

    private enum Judgement {
        case found(Finding)
        case fine
        case unknown(String)
    }

    private func judgement(_ code: FindingCode, now: UInt64) -> Judgement {
        switch code {
        case .nothingReceived:
            if spans > 0 { return .fine }
            return silent(code, .problem, "no span came yet", now: now)
        case .kestraSilent: return silence(of: .kestra, role: .follower, code, now: now)
        case .portariumSilent: return silence(of: .portarium, role: .home, code, now: now)
        case .originSilent: return silentOrigins(now: now)
        case .kestraTracesOff: return tracesOff(now: now)
        case .kestraTracesPartial: return tracesPartial(now: now)
        case .kestraServiceUnknown: return unknownService(now: now)
        case .kestraMetricsMissing: return metricsMissing(now: now)
        case .unsampled: return cases(code, .warning, others: contexts, "no traceparent was told by events or bindings", now: now)
        case .executionSpansMissing: return cases(code, .warning, others: newExecutions, "no execution was seen", now: now)
        case .tracesApart: return cases(code, .problem, others: calls, "no call to Kestra was seen on both sides", now: now)
        case .executionsUnjoined:
            return cases(code, .warning, others: joined, "no execution of a call was seen long enough", now: now)
        case .noEventIDs: return eventIDs(now: now)
        case .eventTraceUnknown:
            // A half-full table of traces may miss some.
            return cases(code, .warning, others: knownEventTraces, share: 4, "no event with a traceparent was seen", now: now)
        case .traceparentMalformed: return cases(code, .warning, others: contexts, "no traceparent was told by events", now: now)
        case .parentsMissing:
            return cases(code, .remark, others: knownParents, share: 4, "no call with a header was seen long enough", now: now)
        case .clockSkew:
            return cases(code, .warning, others: comparedClocks, share: 4, "no call was seen on both sides", now: now)
        case .clockAhead: return cases(code, .warning, others: allSpans, hasTotal: false, "no span came", now: now)
        case .pollerNoise: return noise(code, least: 100, share: 10, of: kestraSpans, "no span of Kestra came", now: now)
        case .duplicateSpans: return noise(code, least: 50, share: 20, of: allSpans, "no span came", now: now)
        case .serviceUnnamed: return cases(code, .warning, others: allSpans, hasTotal: false, "no span came", now: now)
        case .serviceShared: return sharedServices(now: now)
        case .tenantConflicts: return cases(code, .warning, others: allSpans, hasTotal: false, "no span came", now: now)
        case .kestraAPIFailing: return lookups(now: now)
        case .wrongPort: return cases(code, .remark, others: allSpans, hasTotal: false, "no span came", now: now)
        }
    }

    private func finding(
        _ code: FindingCode, _ severity: FindingSeverity, count: Int, total: Int? = nil, first: UInt64, last: UInt64,
        _ evidence: [FindingEvidence]
    ) -> Judgement {
        .found(
            Finding(
                code: code, severity: severity, title: code.title, explanation: code.explanation, evidence: evidence,
                remedies: code.remedies, firstSeen: first, lastSeen: last, count: count, total: total))
    }

    /// What shows in single cases.
    /// - Parameters:
    ///   - others: the cases that are as they should be.
    ///   - share: a finding only if one of so many is wrong.
    ///   - hasTotal: whether `others` and the cases are counted alike.
    private func cases(
        _ code: FindingCode, _ severity: FindingSeverity, others: Tally, share: Int = .max, hasTotal: Bool = true,
        _ unknown: String, now: UInt64
    ) -> Judgement {
        var others = others
        var wrong = cases[code] ?? Tally()
        let (count, fine) = (wrong.count(now: now), others.count(now: now))
        let isCommon = share == .max || count >= (count + fine) / share
        if count > 0, isCommon, wrong.isEstablished(now: now, patience: Self.missing) {
            return finding(
                code, severity, count: count, total: hasTotal ? count + fine : nil, first: wrong.firstSeen,
                last: wrong.lastSeen, wrong.examples)
        }
        if count > 0, isCommon { return .unknown("\(count) seen, too few to be sure") }
        return fine > 0 ? .fine : .unknown(unknown)
    }

    /// What is normal in small amounts.
    private func noise(
        _ code: FindingCode, least: Int, share: Int, of all: Tally, _ unknown: String, now: UInt64
    ) -> Judgement {
        var all = all
        var noise = cases[code] ?? Tally()
        let (count, total) = (noise.count(now: now), all.count(now: now))
        guard total > 0 else { return .unknown(unknown) }
        guard count >= least, count >= total / share else { return .fine }
        return finding(
            code, .remark, count: count, total: total, first: noise.firstSeen, last: noise.lastSeen, noise.examples)
    }

    // MARK: Silence

    private func silent(_ code: FindingCode, _ severity: FindingSeverity, _ unknown: String, now: UInt64) -> Judgement {
        guard now >= since &+ Self.silence else { return .unknown(unknown) }
        return finding(
            code, severity, count: 1, first: since, last: now,
            [
                FindingEvidence(
                    "\(requests) requests with \(spans) spans in \((now &- since) / (60 * Self.second)) minutes, none of them of it",
                    seenAt: now)
            ])
    }

    private func silence(of origin: Origin, role: OriginRole, _ code: FindingCode, now: UInt64) -> Judgement {
        // Other systems may have taken its part.
        let isPlayed = origins.indices.contains { position in
            position < 255 && origins[position].role == role && originsSeen[position + 1].first > 0
        }
        if isPlayed || originsSeen[Int(origin.rawValue)].first > 0 { return .fine }
        guard spans > 0 else { return .unknown("no span came yet") }
        return silent(code, .warning, "nothing of it came yet", now: now)
    }

    private func silentOrigins(now: UInt64) -> Judgement {
        let silent = origins.indices.dropFirst(2).filter { $0 < 254 && originsSeen[$0 + 1].first == 0 }
        guard !silent.isEmpty else { return .fine }
        guard spans > 0, now >= since &+ Self.silence else { return .unknown("not every configured system sent something yet") }
        return finding(
            .originSilent, .warning, count: silent.count, total: origins.count - 2, first: since, last: now,
            silent.prefix(5).map { FindingEvidence("nothing fits correlation.origins.\(origins[$0].name)", seenAt: now) })
    }

    // MARK: Kestra

    private func tracesOff(now: UInt64) -> Judgement {
        guard executorSpans.count(now: now) + workerSpans.count(now: now) == 0 else { return .fine }
        let count = starts.count(now: now)
        guard count > 0 else { return .unknown("no call that starts an execution was seen") }
        // The executor's spans follow a call within seconds.
        guard starts.isEstablished(now: now, patience: Self.missing), now >= starts.firstSeen &+ Self.missing else {
            return .unknown("\(count) calls seen, their executions may follow")
        }
        return finding(
            .kestraTracesOff, .problem, count: count, total: count, first: starts.firstSeen, last: starts.lastSeen,
            starts.examples)
    }

    private func tracesPartial(now: UInt64) -> Judgement {
        let (executors, workers) = (executorSpans.count(now: now), workerSpans.count(now: now))
        guard executors + workers > 0 else { return .unknown("no span of an execution came") }
        guard executors == 0 || workers == 0 else { return .fine }
        let count = newExecutions.count(now: now)
        guard count >= Tally.enough, now >= newExecutions.firstSeen &+ Self.missing else {
            return .unknown("\(count) executions seen, too few to be sure")
        }
        let missing = executors == 0 ? "EXECUTOR" : "WORKER"
        return finding(
            .kestraTracesPartial, executors == 0 ? .remark : .warning, count: count, total: count,
            first: newExecutions.firstSeen, last: newExecutions.lastSeen,
            [
                FindingEvidence(
                    "\(executors) EXECUTOR and \(workers) WORKER spans of \(count) executions: no \(missing) spans", seenAt: now)
            ])
    }

    private func unknownService(now: UInt64) -> Judgement {
        guard kestraSpans.count(now: now) + executorSpans.count(now: now) > 0 else {
            return .unknown("no span of Kestra came")
        }
        let recent = now > Tally.window ? now - Tally.window : 0
        // A service with spans of executions whose HTTP server nobody claims is a Kestra under another name.
        let found = services.filter { $0.executions > recent && $0.unclaimedCalls > recent }
        guard !found.isEmpty else { return .fine }
        return finding(
            .kestraServiceUnknown, .problem, count: found.count, first: found.map(\.unclaimedCalls).min() ?? now,
            last: found.map(\.unclaimedCalls).max() ?? now,
            found.prefix(3).map {
                let name = String(decoding: $0.name, as: UTF8.self)
                return FindingEvidence(
                    "service '\(name)' runs executions and takes webhook calls in, but fits no origin", service: name,
                    seenAt: $0.unclaimedCalls)
            })
    }

    private func metricsMissing(now: UInt64) -> Judgement {
        if kestraMetrics.count(now: now) > 0 { return .fine }
        let count = kestraSpans.count(now: now)
        guard count > 0 else { return .unknown("no span of Kestra came") }
        // Its metrics come once a minute by default.
        guard now >= originsSeen[Int(Origin.kestra.rawValue)].first &+ 180 * Self.second else {
            return .unknown("Kestra's metrics come once a minute; wait for them")
        }
        return finding(
            .kestraMetricsMissing, .remark, count: count, first: kestraSpans.firstSeen, last: kestraSpans.lastSeen,
            [FindingEvidence("\(count) spans of Kestra, no metric whose name begins with kestra.", seenAt: now)])
    }

    private func lookups(now: UInt64) -> Judgement {
        guard asksKestra else { return .unknown("enrichment.kestra_api is not configured") }
        var failed = cases[.kestraAPIFailing] ?? Tally()
        let (count, found) = (failed.count(now: now), lookupsFound.count(now: now))
        let isPaused = facts.lookups?.isPaused ?? false
        guard count > 0, isPaused || count >= Tally.enough && count > found else {
            return found > 0 ? .fine : .unknown("nothing had to be asked")
        }
        return finding(
            .kestraAPIFailing, .problem, count: count, total: count + found, first: failed.firstSeen,
            last: failed.lastSeen, failed.examples)
    }

    // MARK: Names

    private func eventIDs(now: UInt64) -> Judgement {
        if eventEvidence.count(now: now) > 0 { return .fine }
        guard homeSpans.count(now: now) > 0, newExecutions.count(now: now) > 0 else {
            return .unknown("no execution was seen beside spans of Portarium")
        }
        guard newExecutions.isEstablished(now: now, patience: Self.missing) else {
            return .unknown("too few executions were seen to be sure")
        }
        let count = newExecutions.count(now: now)
        return finding(
            .noEventIDs, .warning, count: count, first: newExecutions.firstSeen, last: newExecutions.lastSeen,
            [
                FindingEvidence(
                    "\(count) executions and \(homeSpans.count(now: now)) spans of Portarium, no event id on any of them, "
                        + "and no event, binding or record of Kestra's that names one", seenAt: now)
            ])
    }

    private func sharedServices(now: UInt64) -> Judgement {
        guard !services.isEmpty else { return .unknown("no span came") }
        let recent = now > Tally.window ? now - Tally.window : 0
        let shared = services.filter { service in service.origins.values.filter { $0 > recent }.count > 1 }
        guard !shared.isEmpty else { return .fine }
        return finding(
            .serviceShared, .warning, count: shared.count, total: services.count,
            first: shared.flatMap(\.origins.values).min() ?? now, last: shared.flatMap(\.origins.values).max() ?? now,
            shared.prefix(3).map { service in
                let name = String(decoding: service.name, as: UTF8.self)
                let systems = service.origins.keys.sorted { $0.rawValue < $1.rawValue }.map { origin in
                    let position = Int(origin.rawValue) - 1
                    return origins.indices.contains(position) ? origins[position].name : "\(origin.rawValue)"
                }
                return FindingEvidence(
                    "service '\(name)' counts as \(systems.joined(separator: " and "))", service: name,
                    seenAt: service.origins.values.max() ?? now)
            })
    }
}
