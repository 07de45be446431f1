"""python3 -m unittest discover -s scripts/bench -p '*_test.py'"""

import unittest

import report


def result(throughput=1000.0, p50=1000.0, server_cpu=100.0, errors=0, misses=0):
    return {
        "throughput_per_s": throughput, "server_cpu_us_per_op": server_cpu, "client_cpu_us_per_op": 20.0,
        "latency": {"p50_us": p50, "p99_us": 2 * p50}, "errors": errors, "misses": misses,
    }


def sides(etcd, lattice):
    return {"etcd": etcd, "lattice": lattice}


class ReportTest(unittest.TestCase):
    def test_figures_are_medians_and_spread_is_relative_to_them(self):
        rounds = [result(server_cpu=cpu) for cpu in (90.0, 100.0, 140.0)]

        summary = report.summarise({"put-100": {"etcd": rounds}})

        self.assertEqual(summary["put-100"]["sides"]["etcd"]["server_cpu_us_per_op"], {"median": 100.0, "spread": 0.5})
        self.assertEqual(summary["put-100"]["ratios"], {})

    def test_bar_is_met_at_exactly_its_ratio(self):
        summary = report.summarise({"put-100": sides([result(server_cpu=100.0)], [result(server_cpu=40.0)])})

        bars = report.judge(summary)

        self.assertEqual([(bar["row"], bar["pass"]) for bar in bars], [("put-100", True)])

    def test_bar_is_missed_above_its_ratio(self):
        summary = report.summarise({"put-1": sides([result(p50=1000.0)], [result(p50=1601.0)])})

        self.assertEqual([bar["pass"] for bar in report.judge(summary)], [False])

    def test_rows_over_mtls_have_a_bar_of_their_own(self):
        for cpu, passes in ((15.0, True), (16.0, False)):
            rounds = sides([result(server_cpu=100.0)], [result(server_cpu=cpu)])

            bars = report.judge(report.summarise({"get-serializable-100-mtls": rounds}))

            self.assertEqual([(bar["row"], bar["pass"]) for bar in bars], [("get-serializable-100-mtls", passes)])

    def test_errors_and_misses_fail_a_bar(self):
        for trouble in ({"errors": 1}, {"misses": 1}):
            rounds = sides([result()], [result(server_cpu=1.0, **trouble)])

            bars = report.judge(report.summarise({"get-serializable-100": rounds}))

            self.assertEqual([bar["pass"] for bar in bars], [False], trouble)

    def test_latency_of_events_is_judged_by_its_p99(self):
        for p50, passes in ((1000.0, True), (1001.0, False)):
            rounds = sides([result(p50=1000.0)], [result(p50=p50, server_cpu=33.0)])

            bars = report.judge(report.summarise({"watch-latency-2000": rounds}))

            self.assertEqual([(bar["metric"], bar["pass"]) for bar in bars],
                             [("server_cpu_us_per_op", True), ("p99_us", passes)])

    def test_cpu_is_given_for_what_a_row_counts(self):
        units = [report.unit_of(row) for row in ("put-1", "watch-latency-2000", "keepalive-100000", "expiry-100000")]

        self.assertEqual(units, ["operation", "event", "keepalive", "lease"])
        self.assertIn("100.0 us per event", report.line_of("watch-latency-2000", result()))

    def test_table_shows_every_row_and_bar(self):
        summary = report.summarise({"expiry-100000": sides([result()], [result(p50=999.0)])})

        text = report.table({"cores": 2, "processor": "p", "fsync_p50_us": 1}, {"etcd": "e"}, summary,
                            report.judge(summary), 1, 8)

        self.assertIn("pass  expiry-100000: p99 is 1.00 times etcd's", text)

    def test_one_side_alone_is_not_judged(self):
        self.assertEqual(report.judge(report.summarise({"put-1": {"lattice": [result()]}})), [])


if __name__ == "__main__":
    unittest.main()
