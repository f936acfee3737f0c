import OTLP

extension Doctor {
    /// A batch of spans that came just now; not one that is read back.
    package func observe(_ batch: SpanBatch, now: UInt64) {
        let index = batch.index
        requests &+= 1
        spans &+= UInt64(index.spans.count)
        allSpans.add(index.spans.count, now: now)
        countWrites(index.spans.count, now: now)
        for scope in index.scopes { note(scope, of: batch, now: now) }
        noteSpans(batch, now: now)
        noteExecutions(batch, now: now)
        noteEvidence(batch, now: now)
    }

    /// Whether the tables of seen ids still hold what came a minute ago.
    var canTrustTables: Bool { max(writes.current, writes.previous) <= SeenTable.reliableWrites }

    private func countWrites(_ count: Int, now: UInt64) {
        let minute = now / (60 * Self.second)
        if minute != writes.minute {
            writes = (minute, 0, minute == writes.minute &+ 1 ? writes.current : 0)
        }
        writes.current &+= count
    }

    // MARK: Where spans come from

    private func note(_ scope: ScopeEntry, of batch: SpanBatch, now: UInt64) {
        let position = Int(scope.origin.rawValue)
        if originsSeen[position].first == 0 { originsSeen[position].first = now }
        originsSeen[position].last = now
        if scope.role == .home { homeSpans.add(scope.spans.count, now: now) }
        if scope.origin == .kestra { kestraSpans.add(scope.spans.count, now: now) }
        guard let service = service(of: scope, in: batch) else { return }
        if scope.origin != .other { services[service].origins[scope.origin] = now }
        if services[service].isUnnamed {
            let name = String(decoding: services[service].name, as: UTF8.self)
            add(.serviceUnnamed, scope.spans.count, now: now) {
                FindingEvidence(
                    name.isEmpty ? "spans without service.name" : "service.name is \(name)", service: name, seenAt: now)
            }
        }
    }

    /// Where a scope's service stands in `services`; nil if there are too many.
    private func service(of scope: ScopeEntry, in batch: SpanBatch) -> Int? {
        let range = batch.index.resources[Int(scope.resource)].serviceName
        if let known = services.firstIndex(where: { service in
            service.name.count == range.count
                && service.name.indices.allSatisfy { service.name[$0] == batch.payload[Int(range.start) + $0] }
        }) {
            return known
        }
        let name = batch.payload[range.indices]
        guard services.count < 64, name.count <= 256 else { return nil }
        services.append(ServiceSeen(name: Array(name)))
        return services.count - 1
    }

    // MARK: One pass over the spans

    private func noteSpans(_ batch: SpanBatch, now: UInt64) {
        let index = batch.index
        var (duplicates, executors, workers) = (0, 0, 0)
        var (duplicate, latest) = (-1, -1)
        var end = now &+ Self.aheadLimit
        var trace: UInt64 = 0
        // Taken out for the loop: what belongs to an object is checked for exclusive access each time.
        var (spanIDs, traceIDs) = (SeenTable(), SeenTable())
        swap(&spanIDs, &self.spanIDs)
        swap(&traceIDs, &self.traceIDs)
        let wanted = wanted
        for position in index.spans.indices {
            let id = index.spans[position].spanID.raw
            if spanIDs.note(id) {
                duplicates += 1
                duplicate = position
            }
            if wanted[Int(id >> 6 & 63)] >> (id & 63) & 1 == 1 { recognise(index.spans[position], now: now) }
            if index.spans[position].traceID.low != trace {
                trace = index.spans[position].traceID.low
                _ = traceIDs.note(trace)
            }
            if index.spans[position].end > end { (end, latest) = (index.spans[position].end, position) }
            switch index.spans[position].kestra {
            case .executor: executors += 1
            case .worker: workers += 1
            case .none, .server: break
            }
        }
        swap(&spanIDs, &self.spanIDs)
        swap(&traceIDs, &self.traceIDs)
        executorSpans.add(executors, now: now)
        workerSpans.add(workers, now: now)
        if duplicates > 0 {
            let span = index.spans[duplicate]
            add(.duplicateSpans, duplicates, now: now) {
                FindingEvidence(
                    "span '\(batch.text(span.name).prefix(80))' came again", traceID: span.traceID, spanID: span.spanID,
                    service: serviceName(of: span, in: batch), seenAt: now)
            }
        }
        if latest >= 0 {
            let span = index.spans[latest]
            add(.clockAhead, now: now) {
                FindingEvidence(
                    "span '\(batch.text(span.name).prefix(80))' ends \((span.end &- now) / 1_000_000) ms after its arrival",
                    traceID: span.traceID, spanID: span.spanID, service: serviceName(of: span, in: batch), seenAt: now)
            }
        }
    }

    private func serviceName(of span: SpanEntry, in batch: SpanBatch) -> String {
        batch.text(batch.index.resources[Int(batch.index.scopes[Int(span.scope)].resource)].serviceName)
    }

    /// A span that may be the parent that a call waits for.
    private func recognise(_ span: SpanEntry, now: UInt64) {
        for position in natives.indices
        where natives[position].call.parent == span.spanID && natives[position].call.trace == span.traceID {
            natives[position].isParentKnown = true
            compareClocks(caller: (span.spanID, span.start, span.end), position, now: now)
        }
    }

    // MARK: Executions

    private func noteExecutions(_ batch: SpanBatch, now: UInt64) {
        guard !batch.index.executions.isEmpty else { return }
        for entry in batch.index.executions {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for position in entry.id.indices { hash = (hash ^ UInt64(batch.payload[position])) &* 0x100_0000_01B3 }
            guard !recentExecutions.current.contains(hash) else { continue }
            if recentExecutions.current.count < 65_536 { recentExecutions.current.insert(hash) }
            guard !recentExecutions.previous.contains(hash) else { continue }
            newExecutions.add(now: now)
            if executions.count < Self.sampleLimit, entry.id.count <= 256 {
                executions.append((entry.id(in: batch.payload), now))
            }
        }
        // The scope of EXECUTOR and WORKER spans tells them whatever the service is called.
        for scope in batch.index.scopes where !scope.spans.isEmpty && scope.role != .home {
            guard batch.index.spans[Int(scope.spans.lowerBound)].execution >= 0 else { continue }
            if let service = service(of: scope, in: batch) { services[service].executions = now }
        }
    }

    // MARK: Evidence attributes

    private func noteEvidence(_ batch: SpanBatch, now: UInt64) {
        for entry in batch.index.evidence {
            switch entry.key {
            case .eventID: eventEvidence.add(now: now)
            case .urlQuery:
                if batch.payload[entry.value.indices].position(of: Self.eventIDParameter) != nil {
                    eventEvidence.add(now: now)
                }
            case .traceparent: noteTraceparent(entry, in: batch, now: now)
            case .urlPath: noteCall(entry, in: batch, now: now)
            case .eventSource, .eventType, .eventSubject, .eventTenant, .claimedExecution, .joinKey, .tenant, .urlFull:
                break
            }
        }
    }

    private static let eventIDParameter = Array("ce-id=".utf8)

    private func noteTraceparent(_ entry: EvidenceEntry, in batch: SpanBatch, now: UInt64) {
        guard Traceparent(batch.payload[entry.value.indices]) == nil else { return }
        let span = batch.index.spans[Int(entry.owner)]
        add(.traceparentMalformed, now: now) {
            FindingEvidence(
                "traceparent '\(batch.text(entry.value).prefix(80))' on a span", traceID: span.traceID,
                spanID: span.spanID, seenAt: now)
        }
    }

    private func noteCall(_ entry: EvidenceEntry, in batch: SpanBatch, now: UInt64) {
        let span = batch.index.spans[Int(entry.owner)]
        guard span.kind == 2 || span.kind == 3 else { return }
        let name = batch.payload[span.name.indices]
        let (meaning, hash) = KestraCall.meaning(of: batch.payload[entry.value.indices], name: name)
        guard meaning != .other else { return }
        let isServer = span.kestra == .server
        if meaning == .existing {
            if isServer, span.parentSpanID.isZero, name.starts(with: "GET".utf8) {
                add(.pollerNoise, now: now) {
                    FindingEvidence(
                        "'\(batch.text(span.name).prefix(80))' alone in its trace", traceID: span.traceID,
                        spanID: span.spanID, seenAt: now)
                }
            }
            return
        }
        let call = KestraCall(
            path: hash, trace: span.traceID, span: span.spanID, parent: span.parentSpanID, start: span.start,
            end: span.end, seenAt: now)
        if isServer {
            took(call, batch, Int(entry.owner), now: now)
        } else if span.kind == 3 {
            if clients.count < Self.sampleLimit { clients.append(call) }
        } else if span.kestra == .none, batch.index.scopes[Int(span.scope)].origin == .other,
            let service = service(of: batch.index.scopes[Int(span.scope)], in: batch)
        {
            services[service].unclaimedCalls = now
        }
    }

    /// Kestra took a call in that starts an execution.
    private func took(_ call: KestraCall, _ batch: SpanBatch, _ position: Int, now: UInt64) {
        if startedOne(batch, position, now: now) {
            starts.add(now: now) {
                FindingEvidence(
                    "Kestra took '\(batch.text(batch.index.spans[position].name).prefix(80))' in", traceID: call.trace,
                    spanID: call.span, seenAt: now)
            }
        }
        if call.parent.isZero {
            if roots.count < Self.sampleLimit { roots.append(call) }
        } else if natives.count < Self.sampleLimit {
            let isKnown = spanIDs.contains(call.parent.raw)
            natives.append(NativeCall(call: call, isParentKnown: isKnown))
            if !isKnown { want(call.parent) }
        }
    }

    func want(_ parent: SpanID) { wanted[Int(parent.raw >> 6 & 63)] |= 1 << (parent.raw & 63) }

    /// Whether the call was answered with success. It is looked at only while no execution is seen: a webhook without a flow
    /// answers 404, and one whose conditions are not met 204.
    private func startedOne(_ batch: SpanBatch, _ position: Int, now: UInt64) -> Bool {
        guard executorSpans.count(now: now) == 0, workerSpans.count(now: now) == 0,
            let detail = try? SpanDetail(payload: batch.payload, index: batch.index, span: position),
            let status = detail.attributes.last(where: {
                $0.name == "http.response.status_code" || $0.name == "http.status_code"
            })?.value
        else { return true }
        return status == .int(200) || status == .int(201)
    }
}
