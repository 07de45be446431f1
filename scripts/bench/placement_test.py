"""python3 -m unittest discover -s scripts/bench -p '*_test.py'"""

import json
import unittest

import placement

METRICS = """\
# TYPE lattice_group_leading gauge
lattice_group_leading{group="g1",} 1.0
lattice_group_leading{group="g2",} 0.0
# TYPE lattice_group_leader_elected gauge
lattice_group_leader_elected{group="g1",} 1.0
lattice_group_leader_elected{group="g2",} 1.0
lattice_leader_elected 1.0
"""


class PlacementTest(unittest.TestCase):
    def test_each_group_has_all_nodes_and_one_tenant(self):
        documents = placement.documents(2, ("n1", "n2"), (100, 110))

        self.assertEqual(sorted(documents), ["/clustor/v1/groups/g1", "/clustor/v1/groups/g2",
                                             "/clustor/v1/tenants/default", "/clustor/v1/tenants/t2"])
        self.assertEqual(json.loads(documents["/clustor/v1/tenants/t2"]), {"routingEpoch": 1, "group": "g2"})
        replicas = json.loads(documents["/clustor/v1/groups/g2"])["replicas"]
        self.assertEqual([(one["nodeId"], one["raftAddress"], one["clientUrls"]) for one in replicas],
                         [("n1", "127.0.0.1:101", ["http://127.0.0.1:100"]), ("n2", "127.0.0.1:111", ["http://127.0.0.1:110"])])

    def test_leaders_are_counted_by_metrics_of_groups(self):
        self.assertEqual((placement.led(METRICS), placement.leading(METRICS)), (2, 1))

    def test_a_node_that_does_not_answer_knows_no_leader(self):
        self.assertEqual(placement.led(""), 0)


if __name__ == "__main__":
    unittest.main()
