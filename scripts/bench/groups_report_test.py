"""python3 -m unittest discover -s scripts/bench -p '*_test.py'"""

import unittest

import groups_report


def result(leaders, cpu=100.0, node_seconds=(1.0, 0.5, 0.5), ops=20_000):
    return {
        "throughput_per_s": 1000.0, "server_cpu_us_per_op": cpu, "client_cpu_us_per_op": 20.0, "server_cpu_s": list(node_seconds),
        "ops": ops, "latency": {"p50_us": 1000.0, "p99_us": 2000.0}, "errors": 0, "misses": 0, "leaders": leaders,
    }


def cluster(groups, rss, threads, led=None, **names):
    return {"groups": groups, "led": led or [groups] * 3, "start_s": 1.0, "threads_by_name": names,
            "node": {"rss_bytes": rss, "threads": threads}}


class GroupsReportTest(unittest.TestCase):
    def test_cost_of_a_put_is_told_apart_by_what_a_node_leads(self):
        summary = groups_report.summarise({2: [result([2, 0, 0]), result([0, 2, 0], node_seconds=(0.5, 1.2, 0.5))]})

        self.assertEqual(summary[2]["node_cpu_us_per_op"], {"leading": 55.0, "following": 25.0})
        self.assertEqual(summary[2]["leaders"], [[2, 0, 0], [0, 2, 0]])

    def test_nodes_that_lead_some_groups_tell_nothing_of_roles(self):
        summary = groups_report.summarise({3: [result([1, 1, 1])]})

        self.assertEqual(summary[3]["node_cpu_us_per_op"], {"leading": None, "following": None})

    def test_throughput_table_has_a_line_for_each_number_of_groups(self):
        text = groups_report.throughput_table(groups_report.summarise({1: [result([1, 0, 0])], 3: [result([1, 1, 1])]}))

        self.assertIn("1/0/0", text)
        self.assertIn("of a put with 1 group: 50.0 us on a node that leads all groups, 25.0 us on a node that leads none", text)
        self.assertNotIn("of a put with 3", text)

    def test_machines_share_the_work(self):
        self.assertEqual(groups_report.possible(6, 2, 100.0), 120_000)

    def test_machines_table_has_a_column_for_each_number_of_groups(self):
        text = groups_report.machines_table(groups_report.summarise({1: [result([1, 0, 0])], 6: [result([2, 2, 2], cpu=200.0)]}), 2)

        self.assertRegex(text, r"3 +60,000 +30,000")

    def test_average_leaves_out_what_a_node_does_not_know(self):
        nodes = [{"rss_bytes": 10, "threads": 4, "heap_used_bytes": 1}, {"rss_bytes": 20, "threads": 5}]

        self.assertEqual(groups_report.average(nodes), {"rss_bytes": 15, "threads": 4.5})

    def test_a_group_costs_what_the_further_ones_added(self):
        self.assertEqual(groups_report.per_group(cluster(1, 100, 50), cluster(11, 400, 170)), {"rss_bytes": 30, "threads": 12})

    def test_idle_table_lists_threads_that_grow(self):
        clusters = [cluster(1, 2**20, 50, steady=3, growing=3), cluster(11, 3 * 2**20, 170, led=[11, 10, 11], steady=3, growing=33)]
        idle = {"clusters": clusters, "per_group": groups_report.per_group(*clusters)}

        text = groups_report.idle_table(idle)

        self.assertRegex(text, r"resident MiB +1\.0 +3\.0 +0\.20")
        self.assertRegex(text, r"growing +3 +33")
        self.assertNotIn("steady", text)
        self.assertIn("of 11 groups the nodes know the leaders of [11, 10, 11] only", text)


if __name__ == "__main__":
    unittest.main()
