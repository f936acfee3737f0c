#!/usr/bin/env python3
"""Writes the invented pairs of systems, Captures/pairs/orders-kafka and Captures/pairs/cron-jobs, as OTLP/JSON.

    make_pairs.py [--check]

Each story below lists its requests in the order of arrival, and then, by hand, the truth in the form of the recorded pairs:
groups of members (traces) that must leave under the home's trace or (rule none) in their own, traces that have nothing to
do with anything, and (`linkedTo`, optional) traces that a member that stays must be linked with. --check writes nothing
and fails if a file differs.
"""
import json, os, sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'Captures', 'pairs')
SECOND = 1_000_000_000
NOON = 1_795_521_600 * SECOND
KINDS = {'internal': 1, 'server': 2, 'client': 3, 'producer': 4, 'consumer': 5}
written = {}


def value(v):
    if isinstance(v, bool): return {'boolValue': v}
    if isinstance(v, int): return {'intValue': str(v)}
    if isinstance(v, list): return {'arrayValue': {'values': [value(x) for x in v]}}
    return {'stringValue': v}


def attributes(d): return [{'key': k, 'value': value(v)} for k, v in d.items()]


class Story:
    """Traces and spans have names; their ids are made of the story's number and the order of the names."""
    def __init__(self, pair, number, letter):
        self.folder, self.letter, self.number = os.path.join(ROOT, pair, f'{number:02}'), letter, number
        self.traces, self.spans, self.files, self.clock, self.at = {}, {}, 0, NOON, {}

    def trace(self, name):
        n = self.traces.setdefault(name, len(self.traces) + 1)
        return f'{self.letter}{self.number:02x}{n:05x}'.ljust(32, '0')

    def span(self, name):
        n = self.spans.setdefault(name, len(self.spans) + 1)
        return f'{self.letter}{self.number:02x}{n:05x}'.ljust(16, '0')

    def later(self, seconds): self.clock += int(seconds * SECOND)

    def request(self, *resources):
        """Resources: (attributes, scope, [(trace, name, parent or None, kind, span's name, attributes)])."""
        out = []
        for resource, scope, spans in resources:
            made = []
            for trace, name, parent, kind, title, given in spans:
                self.clock += SECOND // 1000
                self.at[name] = trace
                s = {'traceId': self.trace(trace), 'spanId': self.span(name), 'name': title, 'kind': KINDS[kind],
                     'startTimeUnixNano': str(self.clock), 'endTimeUnixNano': str(self.clock + 5_000_000),
                     'attributes': attributes(given), 'status': {}, 'flags': 257}
                if parent: s['parentSpanId'] = self.span(parent)
                made.append(s)
            out.append({'resource': {'attributes': attributes(resource)}, 'scopeSpans': [{'scope': {'name': scope}, 'spans': made}]})
        self.write('traces', {'resourceSpans': out})

    def logs(self, resource, *records):
        """Records: (span's name, text, attributes)."""
        made = [{'timeUnixNano': str(self.clock + 1_000_000), 'severityText': 'INFO', 'body': {'stringValue': text}, 'attributes': attributes(given),
                 'traceId': self.trace(self.at[name]), 'spanId': self.span(name)} for name, text, given in records]
        self.write('logs', {'resourceLogs': [{'resource': {'attributes': attributes(resource)}, 'scopeLogs': [{'scope': {'name': 'logging'}, 'logRecords': made}]}]})

    def write(self, signal, body):
        self.files += 1
        base = os.path.join(self.folder, f'{self.files:05}-{signal}-httpjson')
        written[base + '.json'] = json.dumps(body, separators=(',', ':'))
        written[base + '.meta.json'] = json.dumps({'received_unix_ns': self.clock, 'headers': [['content-type', 'application/json']], 'signal': signal, 'transport': 'http/json'})

    def truth(self, groups, unrelated=()):
        def member(unit, rule='key', linked=(), note=None):
            m = {'unit': unit, 'traces': [self.trace(t) for t in unit.split('+')], 'rule': rule}
            if linked: m['linkedTo'] = [self.trace(t) for t in linked]
            if note: m['note'] = note
            return m
        made = [{'key': {'tenant': tenant, 'name': name, 'value': val}, 'homeTrace': self.trace(home), 'members': [member(*m) for m in members]} for tenant, name, val, home, members in groups]
        written[os.path.join(self.folder, 'truth.json')] = json.dumps({'groups': made, 'unrelated': [self.trace(t) for t in unrelated]}, indent=1)


# An order service in Java and a batch consumer, with Kafka between them. The order's number is an integer on the spans of
# the service and a string on those of the consumer; the tenant is on the resource; the record's id is `messaging.message.id`
# on the producer's spans and `kafka.record.id` on the consumer's.

WEB, KAFKA, APP = 'io.opentelemetry.spring-webmvc-6.0', 'io.opentelemetry.kafka-clients-0.11', 'com.example.orders.batch'


def service(tenant): return {'service.name': 'order-service', 'telemetry.sdk.language': 'java', 'tenant': tenant}
def consumer(tenant): return {'service.name': 'order-batch', 'telemetry.sdk.language': 'java', 'tenant': tenant}


def order(home, number, record):
    """One order taken in: the SERVER span, and the record that it published."""
    return (WEB, [(home, home + '/post', None, 'server', 'POST /orders', {'http.request.method': 'POST', 'http.route': '/orders', 'order_id': number})]), \
           (KAFKA, [(home, home + '/publish', home + '/post', 'producer', 'orders publish', {'messaging.system': 'kafka', 'messaging.message.id': record})])


def batch(trace, *handled):
    """One poll of the consumer: an entry for each record, with or without the order's number."""
    kafka = [(trace, trace + '/poll', None, 'consumer', 'orders receive', {'messaging.system': 'kafka', 'messaging.batch.message_count': len(handled)})]
    app = []
    for n, (number, record) in enumerate(handled):
        given = {'messaging.system': 'kafka'}
        if record: given['kafka.record.id'] = record
        kafka.append((trace, f'{trace}/process{n}', trace + '/poll', 'consumer', 'orders process', given))
        app.append((trace, f'{trace}/handle{n}', f'{trace}/process{n}', 'internal', 'handle order', {'order_id': str(number)} if number else {}))
        app.append((trace, f'{trace}/store{n}', f'{trace}/handle{n}', 'internal', 'store', {}))
    return (KAFKA, kafka), (APP, app)


def both(resource, *parts): return [(resource, scope, spans) for scope, spans in parts]


s = Story('orders-kafka', 1, 'a')   # one order, one record; a health check on each side
s.request(*both(service('acme'), *order('H1', 1001, 'orders-0@100'), (WEB, [('W', 'W/health', None, 'server', 'GET /health', {})])))
s.request(*both(consumer('acme'), *batch('C1', (1001, 'orders-0@100')), (WEB, [('V', 'V/health', None, 'server', 'GET /health', {})])))
s.truth([('acme', 'order_id', '1001', 'H1', [('C1',)])], ['W', 'V'])

s = Story('orders-kafka', 2, 'a')   # a batch of three orders of three requests stays by itself, linked; a batch of one is joined
s.request(*both(service('acme'), *order('H1', 2001, 'orders-0@200'), *order('H2', 2002, 'orders-0@201'), *order('H3', 2003, 'orders-0@202'), *order('H4', 2004, 'orders-0@203')))
s.request(*both(consumer('acme'), *batch('C1', (2001, 'orders-0@200'), (2002, 'orders-0@201'), (2003, 'orders-0@202'))))
s.request(*both(consumer('acme'), *batch('C2', (2004, 'orders-0@203'))))
s.truth([('acme', 'order_id', '2001', 'H1', [('C1', 'none', ('H1', 'H2', 'H3'), 'records of three orders in one poll: it belongs to none of them alone')]),
         ('acme', 'order_id', '2004', 'H4', [('C2',)])], ['C1'])

s = Story('orders-kafka', 3, 'a')   # two orders of one request, handled in one batch: both keys lead to the same trace
home = [('H1', 'H1/bulk', None, 'server', 'POST /orders/bulk', {'http.route': '/orders/bulk'}),
        ('H1', 'H1/first', 'H1/bulk', 'internal', 'accept', {'order_id': 3001}), ('H1', 'H1/second', 'H1/bulk', 'internal', 'accept', {'order_id': 3002})]
s.request(*both(consumer('acme'), *batch('C1', (3001, None), (3002, None))))
s.request(*both(service('acme'), (WEB, home)))
s.truth([('acme', 'order_id', '3001', 'H1', [('C1',)])])

s = Story('orders-kafka', 4, 'a')   # only the record's id tells: the consumer failed before it knew which order it had
s.request(*both(service('acme'), *order('H1', 4001, 'orders-1@40'), *order('H2', 4002, 'orders-1@41')))
s.request(*both(consumer('acme'), *batch('C1', (None, 'orders-1@40'))))
s.request(*both(consumer('acme'), *batch('C2', (None, 'orders-1@99'))))
s.truth([('acme', 'kafka record', 'orders-1@40', 'H1', [('C1', 'key', (), 'by messaging.message.id and kafka.record.id')])], ['C2'])

s = Story('orders-kafka', 5, 'a')   # the same order number and the same record id for two tenants; the consumer comes first
s.request(*both(consumer('globex'), *batch('C2', (5001, 'orders-0@500'))))
s.request(*both(consumer('acme'), *batch('C1', (5001, 'orders-0@500'))))
s.request(*both(service('acme'), *order('H1', 5001, 'orders-0@500')), *both(service('globex'), *order('H2', 5001, 'orders-0@500')))
s.request(*both(consumer('initech'), *batch('C3', (5001, None))))
s.truth([('acme', 'order_id', '5001', 'H1', [('C1',)]), ('globex', 'order_id', '5001', 'H2', [('C2',)])], ['C3'])

s = Story('orders-kafka', 6, 'a')   # redelivered three times, the last after twenty minutes; inner spans before the outer ones
s.request(*both(service('acme'), *order('H1', 6001, 'orders-2@6')))
(kafka, app) = batch('C1', (6001, 'orders-2@6'))
s.request(*both(consumer('acme'), app)); s.request(*both(consumer('acme'), kafka))
s.later(1); s.request(*both(consumer('acme'), *batch('C2', (6001, 'orders-2@6'))))
s.later(1200); s.request(*both(consumer('acme'), *batch('C3', (6001, 'orders-2@6'))))
s.truth([('acme', 'order_id', '6001', 'H1', [('C1+C2+C3',)])])

s = Story('orders-kafka', 7, 'a')   # two requests about one order: the first is its home, a later reading does not take its consumer away
s.request(*both(consumer('acme'), *batch('C1', (7001, None))))
s.request(*both(service('acme'), *order('H1', 7001, 'orders-3@7')))
s.later(5); s.request(*both(service('acme'), (WEB, [('R', 'R/get', None, 'server', 'GET /orders/{id}', {'http.route': '/orders/{id}', 'order_id': 7001})])))
s.later(5); s.request(*both(consumer('acme'), *batch('C2', (7001, None))))
s.truth([('acme', 'order_id', '7001', 'H1', [('C1',), ('C2',)])], ['R'])


# A scheduler that runs jobs in three services. What they share is the id of the run: an attribute of the scheduler's
# spans, a captured request header (an array) in `extract`, a parameter of the query in `transform`, and in `load` a log record
# only. Ids of runs come again every day; staging runs jobs of the same names.

HTTP, JOBS = 'http.server', 'scheduler.jobs'


def scheduler(env='prod'): return {'service.name': 'cron-scheduler', 'deployment.environment.name': env}
def job(name, env='prod'): return {'service.name': 'job-' + name, 'deployment.environment.name': env}


def run(trace, run_id):
    """The scheduler's trace of one run: three steps."""
    return (JOBS, [(trace, trace + '/run', None, 'internal', 'run nightly', {'job.name': 'nightly', 'job.run_id': run_id})] +
            [(trace, f'{trace}/{n}', trace + '/run', 'client', 'POST', {'url.full': f'http://job-{n}/start'}) for n in ('extract', 'transform', 'load')])


def extract(trace, run_id):
    return (HTTP, [(trace, trace + '/x', None, 'server', 'POST /start', {'http.request.header.x-run-id': [run_id]}), (trace, trace + '/xs', trace + '/x', 'internal', 'scan', {})])


def transform(trace, run_id):
    return (HTTP, [(trace, trace + '/t', None, 'server', 'POST /start', {'url.path': '/start', 'url.query': f'dry=0&run={run_id}&limit=5'}), (trace, trace + '/ts', trace + '/t', 'internal', 'map', {})])


def load(trace):
    return (HTTP, [(trace, trace + '/l', None, 'server', 'POST /start', {'url.path': '/start'}), (trace, trace + '/ls', trace + '/l', 'internal', 'insert', {})])


def status(trace, run_id):
    return (HTTP, [(trace, trace + '/s', None, 'server', 'GET /runs/{id}/status', {'job.run_id': run_id})])


s = Story('cron-jobs', 1, 'b')   # one run of three steps; the third tells its run in a log record only
s.request(*both(scheduler(), run('H1', 'nightly-1')))
s.request(*both(job('extract'), extract('E1', 'nightly-1')))
s.request(*both(job('transform'), transform('T1', 'nightly-1')))
s.request(*both(job('load'), load('L1')))
s.logs(job('load'), ('L1/ls', 'loading', {'job.run_id': 'nightly-1'}))
s.truth([('', 'job.run_id', 'nightly-1', 'H1', [('E1',), ('T1',), ('L1', 'key', (), 'by a log record of one of its spans')])])

s = Story('cron-jobs', 2, 'b')   # the steps before the scheduler, the log before its span; a step of a run that nobody knows
s.at['L1/ls'] = 'L1'
s.logs(job('load'), ('L1/ls', 'loading', {'job.run_id': 'nightly-2'}))
s.request(*both(job('load'), load('L1')))
s.request(*both(job('transform'), transform('T1', 'nightly-2'), transform('T9', 'nightly-99')))
s.request(*both(job('extract'), extract('E1', 'nightly-2')))
s.request(*both(scheduler(), run('H1', 'nightly-2')))
s.truth([('', 'job.run_id', 'nightly-2', 'H1', [('E1',), ('T1',), ('L1',)])], ['T9'])

s = Story('cron-jobs', 3, 'b')   # the same run id on two days: each step goes to the run of its day (lifetime 1h)
s.request(*both(scheduler(), run('H1', 'nightly'))); s.request(*both(job('extract'), extract('E1', 'nightly')))
s.later(86_400)
s.request(*both(job('extract'), extract('E2', 'nightly'))); s.request(*both(scheduler(), run('H2', 'nightly')))
s.later(600); s.request(*both(job('transform'), transform('T2', 'nightly')))
s.later(86_400); s.request(*both(job('transform'), transform('T3', 'nightly')))
s.truth([('', 'job.run_id', 'nightly', 'H1', [('E1',)]), ('', 'job.run_id', 'nightly', 'H2', [('E2',), ('T2',)])], ['T3'])

s = Story('cron-jobs', 4, 'b')   # the same run id in production and in staging
s.request(*both(job('extract', 'staging'), extract('E2', 'nightly-4')), *both(job('extract'), extract('E1', 'nightly-4')))
s.request(*both(scheduler(), run('H1', 'nightly-4')), *both(scheduler('staging'), run('H2', 'nightly-4')))
s.request(*both(job('transform', 'staging'), transform('T2', 'nightly-4')), *both(job('transform'), transform('T1', 'nightly-4')))
s.truth([('', 'job.run_id', 'nightly-4', 'H1', [('E1',), ('T1',)]), ('', 'job.run_id', 'nightly-4', 'H2', [('E2',), ('T2',)])])

s = Story('cron-jobs', 5, 'b')   # somebody asks for the run's status while it runs: those traces carry its id and must not attract the steps
s.request(*both(scheduler(), run('H1', 'nightly-5')))
s.request(*both(job('extract'), extract('E1', 'nightly-5')))
s.later(10); s.request(*both(scheduler(), status('Q1', 'nightly-5')))
s.later(10); s.request(*both(job('transform'), transform('T1', 'nightly-5')))
s.later(10); s.request(*both(scheduler(), status('Q2', 'nightly-5')), *both(job('load'), load('L1')))
s.logs(job('load'), ('L1/l', 'loaded', {'job.run_id': 'nightly-5'}))
s.truth([('', 'job.run_id', 'nightly-5', 'H1', [('E1',), ('T1',), ('L1',)])], ['Q1', 'Q2'])

s = Story('cron-jobs', 6, 'b')   # one trace of a service names two runs: it belongs to neither
s.request(*both(scheduler(), run('H1', 'nightly-6'), run('H2', 'nightly-7')))
two = (HTTP, [('X', 'X/a', None, 'server', 'POST /start', {'http.request.header.x-run-id': ['nightly-6']}), ('X', 'X/b', 'X/a', 'server', 'POST /start', {'http.request.header.x-run-id': ['nightly-7']})])
s.request(*both(job('extract'), two))
s.request(*both(job('transform'), transform('T1', 'nightly-7')))
s.truth([('', 'job.run_id', 'nightly-6', 'H1', [('X', 'none', ('H1', 'H2'))]), ('', 'job.run_id', 'nightly-7', 'H2', [('T1',)])], ['X'])


bad = 0
for path, text in written.items():
    if '--check' in sys.argv:
        if not os.path.exists(path) or open(path).read() != text + '\n': print('differs:', os.path.relpath(path, ROOT)); bad += 1
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True); open(path, 'w').write(text + '\n')
print(f'{len(written)} files, {bad} differ'); sys.exit(bad > 0)
