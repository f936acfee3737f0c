import Configuration
import Correlation
import Enrichment
import Testing
import Transport

@testable import Bridge

/// What Kestra's records and the configuration of asking for them become.
@Suite struct EnrichmentConversionTests {
    private func reported(_ members: String) throws -> ReportedExecution {
        ReportedExecution(try #require(ExecutionRecord.parse(Array(#"{"id":"x",\#(members)}"#.utf8))))
    }

    @Test("a subflow follows its starter, a replay what it repeats, and a flow trigger makes a link")
    func relatives() throws {
        let subflow = try reported(
            #""trigger":{"type":"io.kestra.plugin.core.flow.Subflow","variables":{"executionId":"p"}}"#)
        #expect(subflow.startedBy == "p" && subflow.triggeredBy == nil)
        let triggered = try reported(
            #""trigger":{"type":"io.kestra.plugin.core.trigger.Flow","variables":{"executionId":"p"}}"#)
        #expect(triggered.startedBy == nil && triggered.triggeredBy == "p")
        #expect(try reported(#""parentId":"p","originalId":"o""#).startedBy == "p")
        #expect(try reported(#""originalId":"o""#).startedBy == "o")
        #expect(try reported(#""originalId":"x""#).startedBy == nil)
        let replay = try reported(
            #""originalId":"o","trigger":{"type":"io.kestra.plugin.core.trigger.Flow","variables":{"executionId":"p"}}"#)
        #expect(replay.startedBy == "o" && replay.triggeredBy == "p")
    }

    @Test("tenant and the time of the state are told")
    func state() throws {
        let told = try reported(
            #"""
            "tenantId":"main","state":{"current":"RUNNING","histories":[{"state":"FAILED","date":"1970-01-01T00:00:01Z"},
            {"state":"RESTARTED","date":"1970-01-01T00:00:02Z"},{"state":"RUNNING","date":"1970-01-01T00:00:03Z"}]}
            """#)
        #expect(told.tenant == "main" && told.state == "RUNNING" && told.stateAt == 3_000_000_000)
        #expect(told.started == 1_000_000_000 && told.ended == nil)
        #expect(try reported(#""state":{}"#).stateAt == nil)
    }

    @Test("every limit of asking comes from its key, and the defaults of both sides are the same")
    func limits() throws {
        var api = Configuration.KestraAPI()
        let defaults = LookupSettings()
        let usual = LookupSettings(api)
        #expect("\(usual)" == "\(defaults)")
        api.endpoint = try RemoteEndpoint.parse("https://kestra/base")
        api.rate = 0.5
        api.concurrency = 3
        api.cacheSize = 4
        api.maxAttempts = 5
        api.backoff = [6]
        api.follow = [7]
        api.circuitBreaker.failures = 8
        api.circuitBreaker.pause = 9
        api.circuitBreaker.maxPause = 10
        api.timeout = 11
        api.maxResponseSize = 12
        api.bearerToken = "t"
        let direct = ProxyRules(plain: nil, tunnel: nil, exempt: [])
        let settings = try #require(KestraAPISettings(api, proxies: direct, tls: nil))
        let lookup = settings.lookup
        #expect(lookup.interval == 2_000_000_000 && lookup.inFlight == 3 && lookup.executions == 4)
        #expect(lookup.requestsPerExecution == 5 && lookup.missDelays == [6] && lookup.followDelays == [7])
        #expect(lookup.failuresToOpen == 8 && lookup.pause == 9 && lookup.longestPause == 10)
        #expect(settings.timeout == 11 && settings.responseLimit == 12 && settings.endpoint.tls)
        #expect(settings.basePath == "/base" && settings.authorization == "Bearer t")
        api.bearerToken = nil
        api.basicAuth = Configuration.BasicAuth()
        api.basicAuth?.username = "u"
        api.basicAuth?.password = "p"
        #expect(KestraAPISettings(api, proxies: direct, tls: nil)?.authorization == "Basic dTpw")
    }
}
