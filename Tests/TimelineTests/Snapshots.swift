/// What the drawings of the tests look like.
enum Snapshots {
    static let unicode = #"""
        event     evt-1
        type      com.portarium.run.RunStarted
        tenant    ws-acme
        source    portarium.control-plane
        subject   runs/1
        trace     23030303030303030303030303030303
        state     FAILED (told by Kestra API)
        duration  9.9 s from 2026-11-24 10:45:50.000 UTC

        emitted +10 ms → published +30 ms (50 ms) → delivered +40 ms (30 ms) → queued 930 ms
        → running 1.81 s in 4 parts → waiting 3.6 s in 2 parts → done +7.71 s

                                                     start  duration  0                              9.9 s
        portarium-control-plane: POST                 0 ms     90 ms  ▍
        ├ 5 × db.query                                0 ms      5 ms  ▒
        └ POST                                       30 ms     50 ms  ▏
          └ kestra: POST /api/v1/{tenant}/execu…     40 ms     30 ms  ▏
            └ ✗ company.team.flow · FAILED          500 ms    7.21 s  ░░░▏·······▐██▎───█▋·····▐█▋─
              ├ 4 executor steps                    500 ms     50 ms   ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
              ├ log.Log                                1 s     10 ms     ▏
              ├ flow.Sleep                          3.11 s    800 ms             ▐██▎
              ├ ✗ http.Request (2 attempts): 503       5 s     2.6 s                    ──────────
              │ ├ ✗ attempt 1: Task ended in st…       5 s    400 ms                    █▋
              │ └ ✗ attempt 2: 503                     7 s    600 ms                           ▐█▋
              └ company.team.cleanup · quiet         7.8 s     2.1 s                              ░░░█████
                ├ 1 executor step                    7.8 s     10 ms                              ┄
                └ log.Log                            8.5 s     1.4 s                                 █████
                                                                      █ at work  ░ queued  · waiting  ─ idle

        executions
          exec1 · company.team.flow · FAILED (told by Kestra API) · delivered
              joined by rule native because header 00-23030303030303030303030303030303-0000000000000002-01
              (span 0000000000000003, 10:45:55.000)
            exec2 · company.team.cleanup · quiet since 10:45:59.900
                subflow of exec1

        critical path
          POST 90 ms → POST 50 ms → POST /api/v1/{tenant}/executions/we… 30 ms → (410 ms wait)
          → executor step 10 ms → (490 ms wait) → log.Log 10 ms → executor step 10 ms → (2 s wait)
          → flow.Sleep 800 ms → executor step 20 ms → (1 s wait) → http.Request 400 ms → (1.6 s wait)
          → http.Request 600 ms → (100 ms wait) → executor step 10 ms → executor step 10 ms → (690 ms wait)
          → log.Log 1.4 s

        warnings
          - Task run run3 (http.Request) took 2 attempts.
          - Execution exec2 has been quiet since 10:45:59.900 and nobody told its end.

        """#

    static let ascii = #"""
        event     evt-1
        type      com.portarium.run.RunStarted
        tenant    ws-acme
        source    portarium.control-plane
        subject   runs/1
        trace     23030303030303030303030303030303
        state     FAILED (told by Kestra API)
        duration  9.9 s from 2026-11-24 10:45:50.000 UTC

        emitted +10 ms -> published +30 ms (50 ms) -> delivered +40 ms (30 ms)
        -> queued 930 ms -> running 1.81 s in 4 parts -> waiting 3.6 s in 2 parts
        -> done +7.71 s

                                             start  duration  0                  9.9 s
        portarium-control-plane: POST         0 ms     90 ms  #
        |-5 x db.query                        0 ms      5 ms  =
        `-POST                               30 ms     50 ms  #
          `-kestra: POST /api/v1/{ten...     40 ms     30 ms  #
            `-! flow | FAILED               500 ms    7.21 s  ::#....###--##...##
              |-4 executor steps            500 ms     50 ms   ~~~~~~~~~~~~~~~~~~
              |-log.Log                        1 s     10 ms    #
              |-flow.Sleep                  3.11 s    800 ms         ###
              |-! http.Request (2 att...       5 s     2.6 s              -------
              | |-! attempt 1: Task e...       5 s    400 ms              ##
              | `-! attempt 2: 503             7 s    600 ms                   ##
              `-cleanup | quiet              7.8 s     2.1 s                    ::####
                |-1 executor step            7.8 s     10 ms                    ~
                `-log.Log                    8.5 s     1.4 s                      ####
                                                  # at work  : queued  . waiting  - idle

        executions
          exec1 | company.team.flow | FAILED (told by Kestra API) | delivered
              joined by rule native because header
              00-23030303030303030303030303030303-0000000000000002-01 (span
              0000000000000003, 10:45:55.000)
            exec2 | company.team.cleanup | quiet since 10:45:59.900
                subflow of exec1

        critical path
          POST 90 ms -> POST 50 ms -> POST /api/v1/{tenant}/executions/... 30 ms
          -> (410 ms wait) -> executor step 10 ms -> (490 ms wait) -> log.Log 10 ms
          -> executor step 10 ms -> (2 s wait) -> flow.Sleep 800 ms
          -> executor step 20 ms -> (1 s wait) -> http.Request 400 ms -> (1.6 s wait)
          -> http.Request 600 ms -> (100 ms wait) -> executor step 10 ms
          -> executor step 10 ms -> (690 ms wait) -> log.Log 1.4 s

        warnings
          - Task run run3 (http.Request) took 2 attempts.
          - Execution exec2 has been quiet since 10:45:59.900 and nobody told its end.

        """#

    static let empty = #"""
        event     evt-1
        type      com.portarium.run.RunStarted
        tenant    ws-acme
        source    portarium.control-plane
        subject   runs/1
        trace     23030303030303030303030303030303
        state     no execution
        duration  0 ms from 2026-11-24 10:45:50.010 UTC

        emitted +0 ms

        warnings
          - No execution of this event was seen.

        """#

    static let events = #"""
        TIME (UTC)           STATE    DURATION  EVENT                                 TYPE                FLOWS               TENANT   SPANS  ERRORS
        2026-11-24 10:45:50  SUCCESS    3.93 s  d4b07a25-e0fc-4ade-8ac4-8d16c1ef61f3  …run.RunStarted     on-event            ws-acme     51       0
        2026-11-24 10:45:50  FAILED    2 d 4 h  evt-2                                 …run.RunStarted     on-event (4 execu…  ws-acme     51       3

        """#

    static let narrowEvents = #"""
        TIME (UTC)           STATE    DURATION  EVENT
        2026-11-24 10:45:50  SUCCESS    3.93 s  d4b07a25-e0fc-4ade-8ac4-8d16c1ef61f3
        2026-11-24 10:45:50  FAILED    2 d 4 h  evt-2

        """#

    static let explanation = #"""
        execution exec1
        flow      company.team.on-event
        tenant    main
        event     evt-1 of portarium
                  tenant ws-acme
        seen in   23030303030303030303030303030303, 8c614f872ab215bb1db0a976c1bb83ed
        placed in 23030303030303030303030303030303
        by rule   claimed

        Joined by rule claimed. A binding call names event 'evt-1'.

        evidence
          won   binding_event evt-1
                from POST /v1/bindings, seen at 2026-11-24 10:45:50.100 UTC
                A binding call names event 'evt-1'.
          lost  traceparent_on_server_span 00-…
                from span 0000000000000003, seen at 2026-11-24 10:45:50.090 UTC
                The query carries a traceparent, but a claim outweighs it.

        what would join it
          - Send the header.
            docs/set-up.md#join-by-header

        notes
          - Spans that arrived before the binding were amended.

        """#
}
