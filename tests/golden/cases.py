# SPDX-License-Identifier: GPL-2.0-or-later
"""How a case is written: a function that fills a capture and returns what must come of it."""
CASES = {}


def case(function=None, **options):
    """overlap={prefix: how}, flows=N, fragments=N: how the sensor is set."""
    def add(f):
        name = f.__name__.replace("_", "-")
        assert name not in CASES
        CASES[name] = (f, options)
        return f
    return add(function) if function else add


def side(*stream, packets=None, payload=None, retransmitted=0, missing=0):
    """stream: bytes and, for gaps, numbers. The payload is their sum unless said otherwise."""
    if payload is None:
        payload = sum(s if isinstance(s, int) else len(s) for s in stream)
    return {"stream": [s if isinstance(s, int) else s.decode("latin-1") for s in stream], "packets": packets, "payload": payload,
            "retransmitted": retransmitted, "missing": missing}


def flow(out, into, state="established", flags=(), events=(), **more):
    return {"out": out, "in": into, "state": state, "flags": sorted(flags), "events": sorted(events), **more}


def outcome(*flows, http=(), dns=(), anomalies=(), coverage=None, counts=None, n_flows=None):
    """http: hosts; dns: names asked; anomalies: (event, policy, doubt, kept, other). coverage and counts: what isn't named
    there is not looked at. n_flows: more flows than those described, which are then the first."""
    return {"flows": list(flows), "http": list(http), "dns": None if dns is None else list(dns), "anomalies": list(anomalies), "coverage": coverage or {},
            "counts": counts or {}, "n_flows": len(flows) if n_flows is None else n_flows}
